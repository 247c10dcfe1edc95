"""The pieces of the streaming flow that need no cluster: drafts, batching, judging again."""

import pickle
from contextlib import contextmanager
from dataclasses import replace
from types import SimpleNamespace

import pytest

from halo_raft.config import EngineConfig
from halo_raft.engines import Completion
from halo_raft.engines.base import EngineDiedError
from halo_raft.judging import Answer, JudgingPolicy
from halo_raft.judging.known import Keys
from halo_raft.judging.ledger import Ledger
from halo_raft.judging.referee import Referee
from halo_raft.judging.workers import Report
from halo_raft.records import Sample, Sampling, Task, Verdict, VerdictKind
from halo_raft.sampling import Origin, Session, Stage, Wording, draft_samples, generate
from halo_raft.sampling.flow import outstanding
from halo_raft.sampling.sink import Drawn, Found, SampleSink
from halo_raft.store import JsonlWriter, line_of, read_records
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


def test_forms_take_turns_as_far_as_a_task_has_them_and_samples_may_be_allotted():
    tasks = [*(replace(task, entry_point="f") for task in TASKS), Task(task_id="words", prompt="Say something.")]
    drawn = draft_samples(
        tasks, range(4), Sampling(), Wording(None, True), ("run", 1), formats=("text", "function"),
        most={"t0": 4, "t1": 1, "words": 4},
    )  # fmt: skip
    forms = {name: [d.form for d in drawn if d.task_id == name] for name in ("t0", "t1", "t2", "words")}
    assert sorted(map(str, forms["t0"])) == ["None", "None", "function", "function"]
    assert forms["t0"][0] == forms["t0"][2] != forms["t0"][1]
    assert (len(forms["t1"]), forms["t2"], forms["words"]) == (1, [], [None] * 4)
    asked = {d.form: d.request.messages[-1]["content"] for d in drawn if d.task_id == "t0"}
    assert asked[None].startswith("question 0") and "def f():" in asked["function"]
    assert {d.request.sample_id for d in drawn if d.index < 2} >= {
        d.request.sample_id for d in drafts() if d.task_id == "t0"
    }, "how a task is asked is no part of an id, whose run has a fingerprint"


def test_batches_are_joined_and_nothing_is_lost(monkeypatch):
    monkeypatch.setattr(generate, "SECONDS_PER_BATCH", 1e9)
    batches = list(generate.joined(iter([[n] for n in range(40)]), 16))
    assert [len(batch) for batch in batches] == [16, 16, 8]
    assert [n for batch in batches for n in batch] == list(range(40))


def test_a_batch_does_not_wait_for_ever(monkeypatch):
    monkeypatch.setattr(generate, "SECONDS_PER_BATCH", -1.0)
    assert list(generate.joined(iter([[1], [2]]), 16)) == [[1], [2]]


@pytest.mark.parametrize(("together", "rows"), [(1, [1] * 20), (6, [5, 5, 6, 4]), (15, [16, 4]), (32, [20])])
def test_what_was_written_together_is_judged_by_different_workers(monkeypatch, together, rows):
    monkeypatch.setattr(generate, "SECONDS_PER_BATCH", 1e9)
    stage = object.__new__(generate.Generate)
    stage.way = generate.Way(None, [None], True, together)
    monkeypatch.setattr(stage, "_answers", lambda number: iter([list(range(16)), list(range(16, 20))]), raising=False)
    sent = [pickle.loads(row["answers"][0]) for row in stage({"engine": [0]})]
    assert [len(answers) for answers in sent] == rows
    assert [answer for answers in sent for answer in answers] == list(range(20))


def test_an_engine_is_asked_for_some_at_a_time_and_after_its_death_for_what_is_missing(monkeypatch):
    asked, died = [], []

    def streamed(engine, requests, adapter, stall_s):
        asked.append(len(requests))
        for number, request in enumerate(requests):
            if len(asked) == 2 and number == 1 and not died:
                died.append(request)
                raise EngineDiedError("gone")
            yield [Completion(request.sample_id, "text", [1], [2], "stop")]

    monkeypatch.setattr("halo_raft.engines.actor.streamed", streamed)
    stage = object.__new__(generate.Generate)
    stage.engines, stage.origin, stage.patience = [None], Origin(1, "m", None), generate.Patience(1, 9.0)
    wanted = drafts(indices=range(4))

    def ask(method, engine=0, piece=0):
        if method == "drawn":
            return {wanted[0].request.sample_id}
        some = wanted[4 * piece : 4 * piece + 4]
        return pickle.dumps(some) if some else b""

    monkeypatch.setattr(stage, "_ask", ask, raising=False)
    found = [sample.sample_id for samples in stage._samples(0) for sample in samples]
    assert sorted(found) == sorted(d.request.sample_id for d in wanted[1:])
    assert asked == [3, 4, 3, 4], "one is there, and one of the second four was drawn before it died"


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


POLICY = JudgingPolicy(verifier="mbpp", options=VerifierOptions())
TERMS = POLICY, {t.task_id: t for t in TASKS}


@pytest.fixture
def make_sink(tmp_path, monkeypatch):
    monkeypatch.setattr("ray.get", lambda reference: reference)
    monkeypatch.setenv("HALO_RAFT_LEDGER", str(tmp_path / "ledger"))

    def make(unjudged=()):
        sink = SampleSink(tmp_path / "s.jsonl", tmp_path / "v.jsonl", [TERMS])
        sink.expect(unjudged)
        return sink

    return make


def drawn(*samples):
    """What the generating end sends of samples."""
    keys = Keys(*TERMS)
    return [Drawn(s.sample_id, s.task_id, keys.identified(Answer.of(s)).key, s.tokens, line_of(s)) for s in samples]


def report(*of, verdict=VERDICT, station="here"):
    """What a worker sends of samples."""
    return pickle.dumps([Report(s.key, line_of(replace(verdict, sample_id=s.sample_id)), station) for s in of])


TWINS = [sample("a", "def f(): return 1"), sample("b", "```\ndef f(): return 1\n```"), sample("c", "def f(): 2")]
SENT = drawn(*TWINS)


def verdicts_in(folder):
    return {v.sample_id: v for v in read_records(folder / "v.jsonl", Verdict)}


def test_samples_are_on_disk_once_and_copies_are_not_judged(tmp_path, make_sink):
    sink = make_sink()
    assert sink.append(SENT) == ["a", "c"]
    assert sink.append(SENT) == []
    assert sink.drawn() == {"a", "b", "c"}
    sink.close()
    assert list(read_records(tmp_path / "s.jsonl", Sample)) == TWINS


def test_a_copy_has_its_verdict_when_its_twin_has_one(tmp_path, make_sink):
    sink = make_sink()
    sink.append(SENT)
    assert sink.learn() == Found(0, 0, 0, []), "its twin is being judged"
    assert sink.learn(report(SENT[0])) == Found(2, 2, 4, [])
    assert {i: (v.cached, v.success) for i, v in verdicts_in(tmp_path).items()} == {
        "a": (False, True),
        "b": (True, True),
    }
    (late,) = drawn(sample("d", "def f(): return 1"))
    assert sink.append([late]) == []
    assert sink.learn().judged == 1, "what was known when it was drawn"
    assert "d" in verdicts_in(tmp_path)
    assert "c" not in verdicts_in(tmp_path)


def test_of_each_sample_one_verdict_is_written_and_what_we_failed_at_is_told(tmp_path, make_sink):
    sink = make_sink()
    sink.append(SENT)
    failed = replace(VERDICT, kind=VerdictKind.INFRA, success=False, reward=None)
    found = sink.learn(report(SENT[2], SENT[2], verdict=failed))
    assert (found.judged, found.passed, [v.sample_id for v in found.failures]) == (1, 0, ["c"])
    assert sink.learn(report(SENT[2])).judged == 0, "a block that was done twice"
    assert len(list(read_records(tmp_path / "v.jsonl", Verdict))) == 1


def test_what_was_on_disk_is_given_out_some_at_a_time_and_once(tmp_path, make_sink):
    with JsonlWriter(tmp_path / "s.jsonl") as writer:
        writer.append([*TWINS, sample("judged", "def f(): 3")])
    sink = make_sink({"a", "b", "c"})
    answers = [*sink.more(2), *sink.more(2)]
    assert answers == [Answer.of(s) for s in TWINS]
    assert sink.more(2) == []
    keyed = [replace(Keys(*TERMS).identified(answer), completion="") for answer in answers]
    assert sink.offer(keyed) == ["a", "c"]
    assert sink.learn(report(SENT[0])) == Found(2, 2, 0, []), "no tokens were drawn for them now"


def test_what_is_to_be_drawn_is_given_out_piece_by_piece_and_again(make_sink, tmp_path):
    sink = make_sink()
    pieces = [(0, b"first"), (1, b"of another engine"), (0, b"second")]
    for engine, piece in pieces:
        sink.take(engine, piece)
    assert [sink.drafts(0, 0), sink.drafts(0, 1), sink.drafts(0, 2)] == [b"first", b"second", b""]
    assert [sink.drafts(1, 0), sink.drafts(0, 0)] == [b"of another engine", b"first"], "as Ray Data starts a task again"
    sink.take(1, b"late")
    assert (sink.drafts(1, 1), sink.drafts(2, 0)) == (b"late", b"")
    assert not [path for path in tmp_path.iterdir() if path.suffix != ".jsonl" and path.is_file()], "it leaves nothing"


def test_each_is_judged_by_itself_where_a_first_pass_was_lost(tmp_path, make_sink):
    sink = make_sink({"a", "b"})
    assert sink.offer([Answer(s.sample_id, s.task_id, "", s.key) for s in SENT[:2]], False) == ["a", "b"]


def test_what_a_worker_reports_is_filed_by_where_it_was_found(tmp_path, make_sink):
    sink = make_sink()
    sink.append(SENT)
    sink.learn(report(SENT[0], verdict=replace(VERDICT, tier="B"), station="elsewhere"))
    assert Ledger(tmp_path / "ledger", "elsewhere").find([SENT[0].key])
    assert not Ledger(tmp_path / "ledger", "here").find([SENT[0].key])


@pytest.fixture
def stage(tmp_path):
    return Stage(
        origin=Origin(1, "m", None), drafts=tuple(drafts(indices=range(1))), policy=TERMS[0], tasks=TERMS[1],
        samples_path=tmp_path / "s.jsonl", verdicts_path=tmp_path / "v.jsonl",
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
    assert (left.missing, left.unjudged) == ([], set(ids[1:]))
    assert outstanding(stage, tried={ids[1]}).unjudged == set(ids[2:]), "tried again in this run"
    with JsonlWriter(stage.verdicts_path) as writer:
        writer.append([replace(VERDICT, sample_id=i) for i in ids[1:]])
    assert not outstanding(stage)


@pytest.mark.parametrize("rounds_before", [0, 3])
def test_who_shows_a_stage_can_count_what_is_drawn_of_it(stage, monkeypatch, tmp_path, rounds_before):
    """Before anything of it is verified, from the file that the stage writes behind what earlier rounds left there."""
    seen = []
    with JsonlWriter(stage.samples_path) as writer:
        writer.append([sample(f"of an earlier round, {n}", "") for n in range(rounds_before)])

    @contextmanager
    def show(total, done, drawn):
        seen.append((total, done, drawn()))
        yield lambda *_: None
        seen.append(drawn())

    def draws(stage, left, workers, report):
        with JsonlWriter(stage.samples_path) as writer:
            writer.append([sample("a", ""), sample("b", "")])

    monkeypatch.setattr("halo_raft.sampling.session.run_stage", draws)
    session = Session(SimpleNamespace(engine=EngineConfig()), tmp_path, show, lambda: None)
    session._pool = SimpleNamespace(
        use=lambda adapter: [], placement=SimpleNamespace(verify_workers=1), stop=lambda: None
    )
    session.run(stage)
    assert seen == [(len(stage.drafts), 0, 0), 2]
