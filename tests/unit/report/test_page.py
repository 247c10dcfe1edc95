import base64
import hashlib
import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from halo_raft import cli
from halo_raft.errors import DataError
from halo_raft.evaluate import Changes, TaskChange, TaskOutcome
from halo_raft.report import gather
from halo_raft.report.figures import FIGURES
from halo_raft.report.page import png, run_page
from halo_raft.report.write import write_report
from halo_raft.store import RunFolder

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


def test_no_panel_clips_what_another_one_scales(make_run):
    low, high = (gather(make_run(f"run{n}", solved=(3, 3 + n)).path, TASKS) for n in (1, 2))
    grown = replace(high.cycles[1], loss=((1, 9.0), (2, 7.0)), kept={3: 40})
    runs = [low, replace(high, cycles=(high.cycles[0], grown))]
    for name, most in (("loss", 9.0), ("kept_per_prompt", 40)):
        figure = FIGURES[name][1](runs)
        assert {axes.get_ylim()[0] for axes in figure.axes} == {0}
        assert min(axes.get_ylim()[1] for axes in figure.axes) >= most, name


def test_a_legend_is_in_the_order_of_the_stack(make_run):
    figure = FIGURES["kinds"][1]([gather(make_run().path, TASKS)])
    (axes,) = figure.axes
    bottoms = {bars.get_label(): max(bar.get_y() for bar in bars) for bars in axes.containers}
    legend = [text.get_text() for text in axes.get_legend().get_texts()]
    assert legend == sorted(bottoms, key=bottoms.get, reverse=True) and len(legend) == 2


def test_counts_have_whole_numbers_on_their_axis(make_run):
    (axes,) = FIGURES["kept_per_prompt"][1]([gather(make_run(solved=(1, 2)).path, TASKS)]).axes
    assert all(float(tick).is_integer() for tick in axes.get_yticks())


@pytest.mark.parametrize("name", FIGURES)
def test_a_hundred_cycles_are_still_to_be_read(make_run, name):
    view = gather(make_run(solved=(3, 5, 8)).path, TASKS)
    cycles = [replace(view.cycles[2], stats=replace(view.cycles[2].stats, cycle=n)) for n in range(1, 101)]
    figure = FIGURES[name][1]([replace(view, cycles=(view.cycles[0], *cycles), best=37)])
    (axes,) = figure.axes
    legend = axes.get_legend()
    names = [text.get_text() for text in legend.get_texts()] if legend else []
    assert len(axes.get_xticks()) <= 14 and len(names) <= 7
    if name in ("pass_at_k", "loss"):
        assert "cycle 37 (best)" in names and "cycle 100" in names


def test_the_page_needs_nothing_but_itself(make_run, tmp_path):
    page = write_report([make_run().path], tmp_path / "out")
    text = page.read_text()
    parsed = Page(text)
    inside = {f"#{mark}" for mark in re.findall(r' id="([^"]+)"', text)}
    assert parsed.addresses and all(a.startswith("data:") or a in inside for a in parsed.addresses)
    assert not re.search(r"url\(|@import", text)
    assert parsed.tags.count("img") == len(FIGURES)
    assert {path.stem for path in (tmp_path / "out").glob("*.png")} == set(FIGURES)
    for shown in ("+41.7 points", "5 gained, 0 lost", "66.7%", "Sandbox tier", "name: tiny"):
        assert shown in text


def test_what_a_model_wrote_is_text_and_not_markup(make_run, tmp_path):
    text = write_report([make_run().path], tmp_path / "out").read_text()
    assert "<i>details</i>" not in text and "&lt;i&gt;details&lt;/i&gt;" in text


def test_no_script_but_our_own_may_run(make_run, tmp_path):
    text = write_report([make_run().path], tmp_path / "out").read_text()
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]+)"', text)
    (script,) = re.findall(r"<script>(.*?)</script>", text, re.S)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in policy and "default-src 'none'" in policy


def test_a_task_leads_to_its_prompt_completions_and_verdicts(make_run, tmp_path):
    text = write_report([make_run().path], tmp_path / "out").read_text()
    (mark,) = re.findall(r'<a href="#([^"]+)">t3</a>', text)
    details = text.partition(f'id="{mark}"')[2].partition("</details>")[0]
    assert "assert f3(3) == 3" in details and "You are an expert" in details, "the prompt as the model saw it"
    assert "base model" in details and "cycle 2" in details and details.count("def f3") == 2
    assert "wrong 3" in details and "passed 3" in details


def test_what_an_empty_cell_means_and_what_chance_says_is_on_the_page(make_run, tmp_path):
    text = write_report([make_run().path], tmp_path / "out").read_text()
    assert "<td></td>" not in text and "the base model draws no training samples" in text
    assert "comparisons of equally good models show as much" in text
    arms = write_report([make_run("a").path, make_run("b").path], tmp_path / "arms").read_text()
    assert re.search(r"\d\.\d{3}, (could be|hardly) chance: ", arms)


def test_supervised_fine_tuning_has_a_page(tmp_path):
    folder = RunFolder(tmp_path / "sft")
    folder.open({"model": "m", "data": "d"})
    folder.write_text("config.yaml", "data: {train_file: rows.jsonl}\ntraining: {}\n")
    curve = [[1, 2.0, 0.1], [7, 1.0, 0.0]]
    known = {"loss_first": 2.0, "loss_last": 1.0, "steps": 7, "rows": 1200, "held_back_loss": None}
    folder.write_json("sft_statistics.json", known | {"loss_curve": curve, "held_back_curve": []})
    text = write_report([folder.path], tmp_path / "out").read_text()
    parsed = Page(text)
    assert parsed.tags.count("img") == 1 and "Loss, last fifth of the steps" in text and "1,200" in text


def study(folder):
    """Write what a sweep of three trials leaves."""
    tokens = {"tokens_generated": 1200, "tokens_reused": 0}
    trials = [
        {"number": n, "state": "complete", "settings": {"lora.r": r}, "values": {"pass_rate": value}, "reason": ""}
        for n, r, value in ((0, 8, 0.25), (1, 16, 0.5))
    ]
    trials.append({"number": 2, "state": "failed", "settings": {"lora.r": 4}, "values": {}, "reason": "<b>no</b>"})
    known = {"study": "demo", "objective": {"pass_rate": "maximize"}, "dimensions": ["lora.r"], "best": [1]}
    folder.mkdir()
    rows = [trial | {"tokens": tokens} for trial in trials]
    (folder / "study.json").write_text(json.dumps(known | {"trials": rows}))


def test_a_sweep_has_a_page_that_leads_to_its_trials(make_run, tmp_path, capsys):
    study(tmp_path / "sweep")
    trial = make_run("sweep/trial_1").path
    write_report([trial], trial / "report")
    assert cli.main(["report", str(tmp_path / "sweep")]) == 0
    text = (tmp_path / "sweep/report/report.html").read_text()
    parsed = Page(text)
    assert "../trial_1/report/report.html" in parsed.addresses and parsed.tags.count("img") == 2
    assert "2 complete" in text and "1,200" in text and "&lt;b&gt;no&lt;/b&gt;" in text
    assert cli.main(["report", str(tmp_path / "sweep"), str(trial)]) == 2
    (tmp_path / "sweep/study.json").write_text("{}")
    assert cli.main(["report", str(tmp_path / "sweep")]) == 3


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


def test_a_page_of_a_hundred_cycles_and_ten_thousand_tasks_stays_small_and_readable(make_run, tmp_path):
    view = gather(make_run().path, TASKS)
    base, cycle = view.cycles[0], view.cycles[2]
    tasks = [(TaskOutcome(task_id=f"task/{n}", samples=4, passed=n % 4),
              TaskOutcome(task_id=f"task/{n}", samples=4, passed=(n + n % 3) % 5)) for n in range(10_000)]  # fmt: skip
    found = Changes(tuple(sorted((TaskChange(*pair) for pair in tasks), key=lambda change: -abs(change.gap))))
    curve = tuple((step, 1 / step) for step in range(1, 300))
    cycles = [base] + [
        replace(cycle, stats=replace(cycle.stats, cycle=n), loss=curve, kept={1: 4000, 2: 2000, 3: 700, 4: 10 * n},
                rewards={0.0: 500_000, 0.3: 10 * n, 1.0: 400_000})
        for n in range(1, 101)
    ]  # fmt: skip
    run = replace(view, cycles=tuple(cycles), best=77, changes=found)
    images = {name: (title, png(figure)) for name, (title, draw) in FIGURES.items() if (figure := draw([run]))}
    text = run_page([run], images)
    assert len(images) == len(FIGURES)
    assert len(text) < 2_000_000 and max(len(data) for _, data in images.values()) < 250_000
    assert "of 10000 tasks" in text and "The 500 that changed most are listed" in text
    assert text.count("task/") == 500
    for name in ("pass_at_k", "loss", "kept_per_prompt"):
        (axes,) = FIGURES[name][1]([run]).axes
        names = [label.get_text() for label in axes.get_legend().get_texts()]
        assert len(names) <= 8 and any(name.startswith("cycle 77") for name in names)
