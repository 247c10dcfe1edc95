"""The pieces of the streaming flow that need no cluster: drafts, batching, judging again."""

from dataclasses import replace
from types import SimpleNamespace

import pytest

from halo_raft.judging import Answer, JudgingPolicy
from halo_raft.judging.answer import Judged
from halo_raft.judging.referee import Referee
from halo_raft.records import Sample, Sampling, Task, Verdict, VerdictKind
from halo_raft.sampling import Origin, Stage, Wording, draft_samples, generate
from halo_raft.sampling.flow import outstanding
from halo_raft.sampling.sink import SampleSink
from halo_raft.store import JsonlWriter, read_records
from halo_raft.verifiers import VerifierOptions

TASKS = [Task(task_id=f"t{n}", prompt=f"question {n}", test_list=("assert f() == 1",)) for n in range(3)]


def drafts(key=("run", 1), indices=range(2)):
    return draft_samples(TASKS, indices, Sampling(), Wording(None, True), key)


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
    monkeypatch.setattr(generate, "SECONDS_PER_BATCH", 1e9)
    batches = list(generate._coalesce(iter([[n] for n in range(40)])))
    assert [len(batch) for batch in batches] == [16, 16, 8]
    assert [n for batch in batches for n in batch] == list(range(40))


def test_a_batch_does_not_wait_for_ever(monkeypatch):
    monkeypatch.setattr(generate, "SECONDS_PER_BATCH", -1.0)
    assert list(generate._coalesce(iter([[1], [2]]))) == [[1], [2]]


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
        (replace(VERDICT, kind=VerdictKind.TIMEOUT, success=False, reward=0.0, cpu_s=0.3), 1),
        (replace(VERDICT, kind=VerdictKind.TIMEOUT, success=False, reward=0.0, cpu_s=0.3, starved=True), 2),
        (replace(VERDICT, kind=VerdictKind.INFRA, success=False, reward=None), 2),
    ],
    ids=["passed", "wrong", "cpu timeout", "asleep", "starved of cpu", "infra"],
)
def test_only_what_may_be_our_fault_is_judged_again(monkeypatch, first, judged):
    calls = []

    def create(name, options):
        def judge(sample_id, completion, task):
            calls.append(options.limits.wall_s)
            return first if len(calls) == 1 else VERDICT

        return SimpleNamespace(judge=judge)

    monkeypatch.setattr("halo_raft.judging.policy.create_verifier", create)
    monkeypatch.setattr("halo_raft.judging.policy.identity", lambda verifier, tier: "here")
    referee = Referee(JudgingPolicy(verifier="v", options=VerifierOptions()), {t.task_id: t for t in TASKS})
    assert referee.judge(Answer("s", "t0", "code")).verdict == (first if judged == 1 else VERDICT)
    assert len(calls) == judged
    assert calls == sorted(calls), "the second look has more patience"


def sample(name, completion):
    return Sample(
        sample_id=name, task_id="t0", cycle=1, index=0, completion=completion, prompt_token_ids=[1], token_ids=[2, 3],
        finish_reason="stop", model="m", sampling={},
    )  # fmt: skip


@pytest.fixture
def sink(tmp_path, monkeypatch):
    monkeypatch.setattr("ray.get", lambda reference: reference)
    monkeypatch.setenv("HALO_RAFT_LEDGER", str(tmp_path / "ledger"))
    policy = JudgingPolicy(verifier="mbpp", options=VerifierOptions())
    return SampleSink(tmp_path / "s.jsonl", [(policy, {t.task_id: t for t in TASKS})])


TWINS = [sample("a", "def f(): return 1"), sample("b", "```\ndef f(): return 1\n```"), sample("c", "def f(): 2")]


def test_samples_are_on_disk_once_and_copies_are_not_judged(tmp_path, sink):
    answers = sink.append(TWINS)
    assert [a.sample_id for a in answers] == ["a", "c"]
    assert sink.append(TWINS) == []
    sink.close()
    assert [s.sample_id for s in read_records(tmp_path / "s.jsonl", Sample)] == ["a", "b", "c"]


def test_a_copy_has_its_verdict_when_its_twin_has_one(sink):
    first, other = sink.append(TWINS)
    assert sink.learn([]) == ([], 0), "its twin is being judged"
    verdicts, tokens = sink.learn([Judged(first.key, replace(VERDICT, sample_id="a"), "here")])
    assert [(v.sample_id, v.cached, v.success) for v in verdicts] == [("a", False, True), ("b", True, True)]
    assert tokens == 4
    assert sink.append([sample("d", "def f(): return 1")]) == []
    assert [v.sample_id for v in sink.learn([])[0]] == ["d"], "what was known when it was drawn"
    assert other.sample_id == "c"


def test_what_a_worker_reports_is_filed_by_where_it_was_found(tmp_path, sink):
    (first, _) = sink.append(TWINS)
    sink.learn([Judged(first.key, replace(VERDICT, sample_id="a", tier="B"), "elsewhere")])
    assert [path.name for path in (tmp_path / "ledger").iterdir()] == ["elsewhere.jsonl"]


@pytest.fixture
def stage(tmp_path):
    policy = JudgingPolicy(verifier="mbpp", options=VerifierOptions())
    return Stage(
        origin=Origin(1, "m", None), drafts=tuple(drafts(indices=range(1))), policy=policy,
        tasks={t.task_id: t for t in TASKS}, samples_path=tmp_path / "s.jsonl", verdicts_path=tmp_path / "v.jsonl",
    )  # fmt: skip


def test_a_stage_is_done_when_each_sample_has_a_verdict_that_says_something(stage):
    ids = [draft.request.sample_id for draft in stage.drafts]
    assert [d.request.sample_id for d in outstanding(stage).missing] == ids
    with JsonlWriter(stage.samples_path) as writer:
        writer.append([replace(sample(i, "def f(): 1"), task_id=f"t{n}") for n, i in enumerate(ids)])
        writer.append([sample("of another stage", "def f(): 2")])
    failed = replace(VERDICT, sample_id=ids[1], kind=VerdictKind.INFRA, success=False, reward=None)
    with JsonlWriter(stage.verdicts_path) as writer:
        writer.append([replace(VERDICT, sample_id=ids[0]), failed])
    left = outstanding(stage)
    assert (left.missing, [a.sample_id for a in left.unjudged]) == ([], ids[1:])
    assert [a.sample_id for a in outstanding(stage, tried={ids[1]}).unjudged] == ids[2:], "tried again in this run"
    with JsonlWriter(stage.verdicts_path) as writer:
        writer.append([replace(VERDICT, sample_id=i) for i in ids[1:]])
    assert not outstanding(stage)
