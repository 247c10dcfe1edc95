"""The pieces of the streaming flow that need no cluster: drafts, batching, judging again."""

from dataclasses import replace
from types import SimpleNamespace

import pytest

from halo_raft.config import RaftConfig
from halo_raft.judging import workers as judging
from halo_raft.judging.answer import Answer
from halo_raft.judging.known import Known
from halo_raft.judging.referee import Judge, Referee
from halo_raft.records import Sample, Sampling, Task, Verdict, VerdictKind
from halo_raft.sampling import flow
from halo_raft.sampling.session import draft_samples
from halo_raft.store import read_records
from halo_raft.verifiers import VerifierOptions

TASKS = [Task(task_id=f"t{n}", prompt=f"question {n}", test_list=("assert f() == 1",)) for n in range(3)]


def drafts(key=("run", 1), indices=range(2)):
    return draft_samples(TASKS, indices, Sampling(), RaftConfig(), key)


def test_drafts_have_ids_and_seeds_of_their_own_that_follow_the_key():
    first, again, other = drafts(), drafts(), drafts(key=("run", 2))
    assert first == again
    assert len({d.request.sample_id for d in (*first, *other)}) == 12
    assert len({d.request.seed for d in (*first, *other)}) == 12


def test_a_prompt_comes_again_only_when_all_others_were_asked():
    assert [d.task_id for d in drafts()] == ["t0", "t1", "t2", "t0", "t1", "t2"]


def test_more_samples_keep_the_ids_of_the_first_ones():
    few = {(d.task_id, d.index): d.request.sample_id for d in drafts()}
    many = {(d.task_id, d.index): d.request.sample_id for d in drafts(indices=range(5))}
    assert few.items() <= many.items()


def test_batches_are_joined_and_nothing_is_lost(monkeypatch):
    monkeypatch.setattr(flow, "SECONDS_PER_BATCH", 1e9)
    batches = list(flow._coalesce(iter([[n] for n in range(40)])))
    assert [len(batch) for batch in batches] == [16, 16, 8]
    assert [n for batch in batches for n in batch] == list(range(40))


def test_a_batch_does_not_wait_for_ever(monkeypatch):
    monkeypatch.setattr(flow, "SECONDS_PER_BATCH", -1.0)
    assert list(flow._coalesce(iter([[1], [2]]))) == [[1], [2]]


VERDICT = Verdict(
    sample_id="s", task_id="t0", kind=VerdictKind.PASSED, success=True, reward=1.0, tests_passed=1, tests_total=1,
    details="", integrity="outside", tier="A", cpu_s=0.1, wall_s=0.1, verifier="v", verifier_version="1",
)  # fmt: skip


@pytest.mark.parametrize(
    ("first", "judged"),
    [
        (VERDICT, 1),
        (replace(VERDICT, kind=VerdictKind.WRONG, success=False, reward=0.0), 1),
        (replace(VERDICT, kind=VerdictKind.TIMEOUT, success=False, reward=0.0, cpu_s=5.2), 1),
        (replace(VERDICT, kind=VerdictKind.TIMEOUT, success=False, reward=0.0, cpu_s=0.3), 2),
        (replace(VERDICT, kind=VerdictKind.INFRA, success=False, reward=None), 2),
    ],
    ids=["passed", "wrong", "cpu timeout", "starved of cpu", "infra"],
)
def test_only_what_may_be_our_fault_is_judged_again(monkeypatch, first, judged):
    calls = []

    def create(name, options):
        def judge(sample_id, completion, task):
            calls.append(options.limits.wall_s)
            return first if len(calls) == 1 else VERDICT

        return SimpleNamespace(judge=judge)

    monkeypatch.setattr("halo_raft.judging.referee.create_verifier", create)
    referee = Referee(Judge("v", VerifierOptions(), {t.task_id: t for t in TASKS}))
    assert referee.verdict(Answer("s", "t0", "code")) == (first if judged == 1 else VERDICT)
    assert len(calls) == judged
    assert calls == sorted(calls), "the second look has more patience"


def sample(name, completion):
    return Sample(
        sample_id=name, task_id="t0", cycle=1, index=0, completion=completion, prompt_token_ids=[1], token_ids=[2, 3],
        finish_reason="stop", model="m", sampling={},
    )  # fmt: skip


def test_samples_are_on_disk_once_and_copies_are_not_judged(tmp_path, monkeypatch):
    judge = Judge("mbpp", VerifierOptions(), {t.task_id: t for t in TASKS})
    monkeypatch.setattr("ray.get", lambda reference: reference)
    sink = flow.SampleSink(tmp_path / "s.jsonl", [judge], None)
    twins = [sample("a", "def f(): return 1"), sample("b", "```\ndef f(): return 1\n```"), sample("c", "def f(): 2")]
    answers = sink.append(twins)
    assert [(a.sample_id, a.copy) for a in answers] == [("a", False), ("b", True), ("c", False)]
    assert sink.append(twins) == []
    sink.close()
    assert [s.sample_id for s in read_records(tmp_path / "s.jsonl", Sample)] == ["a", "b", "c"]

    known = Known(judge, None)
    copy_first = as_batch(answers[1:2], [""])
    assert flow._settled(copy_first, known) == [], "its twin is being judged"
    verdicts = flow._settled(as_batch(answers[:1], [replace(VERDICT, sample_id="a").to_json()]), known)
    assert [(v.sample_id, v.cached, v.success) for v in verdicts] == [("a", False, True), ("b", True, True)]


def as_batch(answers, verdicts):
    """What a verification worker sends."""
    return {**judging.as_rows(answers), "verdict": verdicts, "log": [""] * len(answers)}
