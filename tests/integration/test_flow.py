"""One stage through Ray, from an engine without a model to verdicts on disk: what is there is not done again."""

from __future__ import annotations

from dataclasses import replace

import pytest

from halo_raft.config import EngineConfig
from halo_raft.engines import EngineSpec
from halo_raft.engines.actor import start_engines
from halo_raft.judging import JudgingPolicy
from halo_raft.records import Sample, Sampling, Task, Verdict
from halo_raft.sampling import Origin, Stage, Wording, draft_samples
from halo_raft.sampling.flow import Workers, outstanding, run_stage
from halo_raft.sampling.generate import Patience
from halo_raft.store import JsonlWriter, last_verdicts, read_records
from halo_raft.verifiers import VerifierOptions

pytestmark = pytest.mark.slow

PARTS = "tests.integration.fake_engines"
TASKS = {f"t{n}": Task(task_id=f"t{n}", prompt=f"question {n}") for n in range(5)}
VERDICT = Verdict(
    sample_id="", task_id="t0", kind="wrong", success=False, reward=0.0, tests_passed=0, tests_total=1, details="",
    integrity="user", tier="A", cpu_s=0.0, wall_s=0.0, verifier="v", verifier_version="1",
)  # fmt: skip


@pytest.fixture
def stage(tmp_path, monkeypatch):
    monkeypatch.setenv("HALO_RAFT_LEDGER", "off")
    drafts = draft_samples(TASKS.values(), range(20), Sampling(), Wording(None, False), ("flow",))
    return Stage(
        origin=Origin(1, "m", None), drafts=tuple(drafts),
        policy=JudgingPolicy(verifier=f"{PARTS}:Passes", options=VerifierOptions(), allow_unsafe=True), tasks=TASKS,
        samples_path=tmp_path / "samples.jsonl", verdicts_path=tmp_path / "verified.jsonl",
    )  # fmt: skip


def test_a_stage_that_was_cut_off_is_brought_to_its_end(ray_session, stage, tmp_path):
    (tmp_path / "config.json").write_text("{}")
    there = [
        Sample(sample_id=d.request.sample_id, task_id=d.task_id, cycle=1, index=d.index, completion=f"drawn before {n}",
               prompt_token_ids=[1], token_ids=[2], finish_reason="stop", model="m", sampling={})
        for n, d in enumerate(stage.drafts[:70])
    ]  # fmt: skip
    judged = [replace(VERDICT, sample_id=s.sample_id, task_id=s.task_id) for s in there[:30]]
    judged[0] = replace(judged[0], kind="infra", reward=None)
    with JsonlWriter(stage.samples_path) as samples, JsonlWriter(stage.verdicts_path) as verdicts:
        samples.append(there)
        verdicts.append(judged)
    left = outstanding(stage)
    assert (len(left.missing), len(left.unjudged)) == (30, 41)

    actors = start_engines(EngineSpec(str(tmp_path), EngineConfig(name=f"{PARTS}:Sound")), 1, gpus=0, cpus=1)
    found = []
    run_stage(stage, left, Workers(lambda: actors, 1, 0, Patience(1, 300), lambda: None), found.append)

    drawn = list(read_records(stage.samples_path, Sample))
    assert drawn[:70] == there
    assert [s.completion for s in drawn[70:]] == ["text"] * 30
    assert {s.sample_id for s in drawn} == {d.request.sample_id for d in stage.drafts} and len(drawn) == 100
    last = {v.sample_id: v for v in last_verdicts(stage.verdicts_path)}
    assert last.keys() == {s.sample_id for s in drawn}
    assert [last[v.sample_id] for v in judged[1:]] == judged[1:]
    assert sum(v.success for v in last.values()) == 71
    assert len(list(read_records(stage.verdicts_path, Verdict))) == 101, "the failure of ours was judged again"
    assert sum(v.cached for v in last.values()) == 25, "five programs were drawn, six times each"
    assert sum(f.judged for f in found) == sum(f.passed for f in found) == 71
    assert sum(f.tokens for f in found) == 30
    assert not outstanding(stage)
