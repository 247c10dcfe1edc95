import re
from html.parser import HTMLParser

import pytest

from halo_raft import cli
from halo_raft.errors import DataError
from halo_raft.report import gather
from halo_raft.report.figures import FIGURES
from halo_raft.report.write import write_report

from ...made_run import TASKS, answer, write


class Page(HTMLParser):
    """Collects addresses, and checks that what is opened is closed."""

    VOID = frozenset({"meta", "link", "img", "br"})

    def __init__(self, text):
        super().__init__()
        self.open, self.addresses, self.tags = [], [], []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.addresses += [value for name, value in attributes if name in ("src", "href")]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@pytest.mark.parametrize("name", FIGURES)
def test_every_figure_of_one_run_and_of_several(make_run, name):
    runs = [gather(make_run(f"run{n}").path, TASKS) for n in range(4)]
    draw = FIGURES[name][1]
    for shown in (runs[:1], runs):
        figure = draw(shown)
        drawn = [axes for axes in figure.axes if axes.has_data()]
        assert len(drawn) in (1, len(shown))
        assert all(axes.get_xlabel() and axes.get_ylabel() for axes in drawn)


@pytest.mark.parametrize("name", FIGURES)
def test_a_run_that_has_only_begun_has_no_figure_of_what_is_not_there(make_run, name):
    view = gather(make_run(solved=(3,)).path, TASKS)
    drawn = FIGURES[name][1]([view]) is not None
    assert drawn == (name in ("pass_rate", "pass_at_k", "seconds"))


def test_the_page_needs_nothing_but_itself(make_run, tmp_path):
    page = write_report([make_run().path], tmp_path / "out")
    text = page.read_text()
    parsed = Page(text)
    assert parsed.addresses and all(address.startswith("data:") for address in parsed.addresses)
    assert "script" not in parsed.tags and not re.search(r"url\(|@import", text)
    assert parsed.tags.count("img") == len(FIGURES)
    assert {path.stem for path in (tmp_path / "out").glob("*.png")} == set(FIGURES)
    for shown in ("+41.7 points", "Gained (5)", "Lost (0)", "66.7%", "Sandbox tier", "name: tiny"):
        assert shown in text


def test_what_a_model_wrote_is_text_and_not_markup(make_run, tmp_path):
    text = write_report([make_run().path], tmp_path / "out").read_text()
    assert "<i>details</i>" not in text and "&lt;i&gt;details&lt;/i&gt;" in text


def test_several_runs_are_arms_of_one_table(make_run, tmp_path):
    paths = [make_run("a/run").path, make_run("b/run", solved=(3, 4)).path]
    text = write_report(paths, tmp_path / "out").read_text()
    Page(text)
    assert '<td class="nowrap">a/run</td>' in text and '<td class="nowrap">b/run</td>' in text
    assert "Cycles of b/run" in text
    assert "Not compared: they were not measured on the same held-out tasks" in text


def test_arms_are_compared_task_by_task(make_run, tmp_path):
    for name, arm, solved in (("mine", "raft", (3, 6, 9)), ("control", "control", (3, 4, 3))):
        folder = make_run(name, solved=solved)
        known = folder.known()
        fingerprint = known["fingerprint"] | {"held-out tasks": "abc"}
        folder.write_json("run.json", known | {"arm": arm, "fingerprint": fingerprint})
        if arm == "control":
            folder.point_best(1)
    text = write_report([tmp_path / "mine", tmp_path / "control"], tmp_path / "out").read_text()
    Page(text)
    rows = re.findall(r"<tr>(<td.*?)</tr>", text, re.S)
    cells = [re.findall(r">([^<]*)</td>", row) for row in rows]
    pair = "mine (raft) less control (control)"
    found = {row[1]: row[2].split(" points")[0] for row in cells if row[0] == pair}
    assert found == {"best (2, 1)": "+41.7", "1": "+16.7", "2": "+50.0"}
    assert [row[1] for row in cells if row[0] in ("mine", "control")] == ["raft", "control"]


def test_the_command(make_run, tmp_path, capsys):
    run = make_run().path
    assert cli.main(["report", str(run)]) == 0
    assert (run / "report" / "report.html").is_file()
    assert "report.html" in capsys.readouterr().out
    assert cli.main(["report", str(tmp_path)]) == 3
    assert "is no run folder" in capsys.readouterr().err
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="cannot be written"):
        write_report([run], tmp_path / "file" / "out")


def test_a_run_without_held_out_tasks_has_a_page(make_run, tmp_path):
    folder = make_run()
    for path in folder.path.glob("*_heldout_*"):
        path.unlink()
    text = write_report([folder.path], tmp_path / "out").read_text()
    Page(text)
    assert "flatters" not in text and "Base model, held-out" not in text and "Training loss" in text


def test_a_base_model_that_could_not_be_judged_has_no_rate(make_run, tmp_path):
    folder = make_run(solved=())
    write(folder, 0, "heldout", [answer(0, "heldout", task_id, -1, "infra") for task_id in TASKS])
    folder.write_json("cycle_0_stats.json", {"cycle": 0})
    text = write_report([folder.path], tmp_path / "out").read_text()
    Page(text)
    assert "nan%" not in text
