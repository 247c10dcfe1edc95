"""The re-check before training, on the real judge: what does not pass twice is left out, once and for all."""

from dataclasses import replace

import pytest

from halo_raft.judging import JudgingPolicy, Known, judge_all
from halo_raft.pipelines.raft import recheck
from halo_raft.records import Sample, Task, Verdict, VerdictKind
from halo_raft.select import Selection
from halo_raft.store import JsonlWriter, RunFolder
from halo_raft.verifiers import VerifierOptions

TASK = Task(task_id="t", prompt="Add.", entry_point="add", test_list=("assert add(1, 2) == 3",))
TERMS = recheck.Terms([JudgingPolicy(verifier="mbpp", options=VerifierOptions())] * 2, {"t": TASK})
GOOD, BAD = "def add(a, b):\n    return a + b\n", "def add(a, b):\n    return a - b\n"
FIRST = Verdict(
    sample_id="s", task_id="t", kind=VerdictKind.PASSED, success=True, reward=1.0, tests_passed=1, tests_total=1,
    details="", integrity="outside", tier="A", cpu_s=0.1, wall_s=0.1, verifier="mbpp", verifier_version="1",
)  # fmt: skip


class Here:
    """Judges in this process, as a session does with a few; fails to judge the samples it is told to."""

    def __init__(self, failing=()):
        self.asked = []
        self.failing = failing

    def judge(self, policy, tasks, answers, *, remember):
        assert not remember, "a copy proves nothing"
        self.asked += [a.sample_id for a in answers]
        known = Known(policy, tasks, None, remember=remember)
        for verdicts in judge_all(policy, tasks, answers, known=known, workers=lambda n: 0):
            yield [
                replace(v, kind=VerdictKind.INFRA, success=False, reward=None) if v.sample_id in self.failing else v
                for v in verdicts
            ]


def sample(name, completion, cycle=1):
    return Sample(
        sample_id=name, task_id="t", cycle=cycle, index=0, completion=completion, prompt_token_ids=[1], token_ids=[2],
        finish_reason="stop", model="m", sampling={},
    )  # fmt: skip


@pytest.fixture
def folder(tmp_path):
    folder = RunFolder(tmp_path)
    with JsonlWriter(folder.verdicts_path(1)) as writer:  # as a lucky first look saw them
        writer.append([replace(FIRST, sample_id=name) for name in ("a", "b", "c")])
    return folder


def kept_of(folder, session, *samples, cycle=1, threshold=0.5, most=9):
    def choose(left_out):
        return Selection(tuple(s for s in samples if s.sample_id not in left_out)[:most], {"duplicate": 3}, threshold)

    return recheck.rechecked(cycle, choose, folder, TERMS, session)


def names(selection):
    return [s.sample_id for s in selection.kept]


def test_what_does_not_pass_twice_is_left_out_and_counted(folder):
    selection = kept_of(folder, Here(), sample("a", GOOD), sample("b", BAD), sample("c", GOOD))
    assert names(selection) == ["a", "c"]
    assert selection.removed == {"duplicate": 3, "recheck": 1}
    assert selection.earlier == {"recheck": 0}


def test_the_next_best_takes_its_place_and_is_judged_again_too(folder):
    session = Here()
    selection = kept_of(folder, session, sample("b", BAD), sample("a", GOOD), sample("c", GOOD), most=1)
    assert names(selection) == ["a"]
    assert session.asked == ["b", "a"]
    assert names(kept_of(folder, Here(), sample("b", BAD), most=1)) == []


def test_a_sample_is_judged_again_once_also_by_later_cycles(folder):
    session = Here()
    first = kept_of(folder, session, sample("a", GOOD), sample("b", BAD))
    again = kept_of(folder, session, sample("a", GOOD), sample("b", BAD))
    later = kept_of(folder, session, sample("a", GOOD), sample("b", BAD), sample("c", GOOD), cycle=2)
    assert session.asked == ["a", "b", "c"]
    assert first == again
    assert names(later) == ["a", "c"]


def test_a_failure_of_ours_leaves_a_sample_out_this_time_only(folder, capsys):
    broken = kept_of(folder, Here(failing={"a"}), sample("a", GOOD), sample("c", GOOD))
    assert names(broken) == ["c"]
    assert "Not judged the second time: 1 samples" in capsys.readouterr().out
    session = Here()
    assert names(kept_of(folder, session, sample("a", GOOD), sample("c", GOOD))) == ["a", "c"]
    assert session.asked == ["a"]


def test_a_partial_answer_may_stay_one(folder):
    with JsonlWriter(folder.verdicts_path(1)) as writer:
        writer.append([replace(FIRST, sample_id="d", kind=VerdictKind.WRONG, success=False, reward=0.0)])
    selection = kept_of(folder, Here(), sample("a", BAD), sample("d", BAD), threshold=0.0)
    assert names(selection) == ["d"]
