"""What is trained on of samples that saw more than their task."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from halo_raft.pipelines.raft import kept
from halo_raft.records import CycleStats, KeptSample, Sample
from halo_raft.select import Selection
from halo_raft.store import RunFolder

from ....made_run import answer, write


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    """Two cycles: a first sample each, then a repaired one, and a hinted one, whose prompts are longer."""
    found = RunFolder(tmp_path)
    for cycle in (1, 2):
        first, of_first = answer(cycle, "", "t1", 0, "wrong")
        more = [answer(cycle, "", "t1", n, "passed") for n in (1, 2)]
        aided = [
            (replace(sample, round=name, of=0, prompt_token_ids=[cycle, 8, 9]), verdict)
            for (sample, verdict), name in zip(more, ("repair", "hint"), strict=True)
        ]
        write(found, cycle, "", [(replace(first, prompt_token_ids=[cycle, 7]), of_first), *aided])
    return found


def rows(folder: RunFolder, repaired_as: str, copied: frozenset[str] = frozenset()) -> list[KeptSample]:
    samples = tuple(s for cycle in (1, 2) for s in folder.stored(cycle) if s.round)
    folder.write_kept(2, kept.rows(folder, Selection(samples, {}, 1.0, copied=copied), repaired_as))
    from halo_raft.store import read_records

    return list(read_records(folder.kept_path(2), KeptSample))


@pytest.mark.parametrize(
    ("repaired_as", "prompts"),
    [
        ("answer", {"repair": [[1, 7], [2, 7]], "hint": [[1, 7], [2, 7]]}),
        ("dialogue", {"repair": [[1, 8, 9], [2, 8, 9]], "hint": [[1, 7], [2, 7]]}),
        ("both", {"repair": [[1, 7], [1, 8, 9], [2, 7], [2, 8, 9]], "hint": [[1, 7], [2, 7]]}),
    ],
)
def test_each_answers_the_prompt_of_its_own_cycle(folder: RunFolder, repaired_as: str, prompts: dict) -> None:
    made = rows(folder, repaired_as)
    assert {name: [r.prompt_token_ids for r in made if r.round == name] for name in prompts} == prompts
    assert {r.trained_as for r in made if r.round == "hint"} == {"answer"}
    assert all(r.token_ids == [1, 2] for r in made)


def test_copies_of_the_reference_are_marked(folder: RunFolder) -> None:
    hinted = {s.sample_id: s for cycle in (1, 2) for s in folder.stored(cycle) if s.round == "hint"}
    copy, own = sorted(hinted)
    marks = {r.sample_id: r.copied for r in rows(folder, "answer", frozenset([copy])) if r.round == "hint"}
    assert marks == {copy: True, own: False}
    selection = Selection(tuple(hinted.values()), {}, 1.0, copied=frozenset([copy]))
    stats = CycleStats(cycle=2, repair={"samples": 2})
    assert kept.aided(stats, selection) == {"repair": {"samples": 2, "kept": 0}, "hint": {"kept": 2, "copied": 1}}
    assert kept.aided(CycleStats(cycle=1), Selection((), {}, 1.0)) == {"repair": {}, "hint": {}}


def test_samples_that_saw_their_task_alone_stay_as_they_are(folder: RunFolder) -> None:
    first = tuple(s for s in folder.stored(1) if not s.round)
    assert list(kept.rows(folder, Selection(first, {}, 1.0), "both")) == list(first)
    assert "round" not in Sample.from_dict(first[0].whole().to_dict()).to_dict()


def test_an_answer_whose_prompt_is_gone_is_left_out_and_said(
    folder: RunFolder, caplog: pytest.LogCaptureFixture
) -> None:
    path = folder.samples_path(1)
    path.write_bytes(b"".join(line for line in path.read_bytes().splitlines(True) if b'"round"' in line))
    assert [row.cycle for row in rows(folder, "answer")] == [2, 2]
    assert "is left out" in caplog.text
