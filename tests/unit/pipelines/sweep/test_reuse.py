from __future__ import annotations

import dataclasses

import pytest

from halo_raft.config import RaftConfig, load
from halo_raft.pipelines.raft.plan import prepare
from halo_raft.pipelines.sweep import reuse
from halo_raft.records import CycleStats, Sample, Sampling, Verdict, VerdictKind
from halo_raft.sampling import draft_samples
from halo_raft.store import RunFolder, write_atomically

STAGES = {"train": (1, "", 2), "heldout": (0, "heldout", 4)}


@pytest.fixture
def make_plan(tmp_path):
    def make(name, *overrides):
        settings = ["tasks.limit=3", "tasks.heldout=starter:heldout", "tasks.heldout_limit=2", "temperature=0.5"]
        settings += ["sampling.samples_per_prompt=2", f"output_dir={tmp_path / name}", *overrides]
        return prepare(load(RaftConfig, None, settings))

    return make


def drafts(plan, purpose):
    """The drafts of a stage, by the run's own key."""
    cycle, _, samples = STAGES[purpose]
    sampled = plan.training if purpose == "train" else plan.heldout
    key = plan.fingerprint.of_samples, cycle, purpose
    return draft_samples(sampled.tasks.tasks, range(samples), Sampling(), sampled.wording, key)


def fill(plan, purposes=("train", "heldout")):
    """Write what a trial of this plan leaves."""
    folder = RunFolder(plan.config.output_dir)
    folder.path.mkdir()
    reuse.take_over(plan, folder, [])
    for purpose in purposes:
        cycle, stage, _ = STAGES[purpose]
        samples = [
            Sample(
                sample_id=d.request.sample_id, task_id=d.task_id, cycle=cycle, index=d.index, completion="pass",
                prompt_token_ids=[1], token_ids=[1, 2, 3], finish_reason="stop", model="m", sampling={},
            )
            for d in drafts(plan, purpose)
        ]  # fmt: skip
        verdicts = [
            Verdict(
                sample_id=s.sample_id, task_id=s.task_id, kind=VerdictKind.PASSED, success=True, reward=1.0,
                tests_passed=1, tests_total=1, details="", integrity="i", tier="A", cpu_s=0, wall_s=0,
                verifier="mbpp", verifier_version="1",
            )
            for s in samples
        ]  # fmt: skip
        write_atomically(folder.samples_path(cycle, stage), "".join(s.to_json() + "\n" for s in samples))
        write_atomically(folder.verdicts_path(cycle, stage), "".join(v.to_json() + "\n" for v in verdicts))
        seconds = {"sample" if purpose == "train" else "heldout": 30.0}
        folder.write_json(f"cycle_{cycle}_stats.json", CycleStats(cycle=cycle, seconds=seconds).to_dict())
    return folder


def taken(plan, *siblings):
    folder = RunFolder(plan.config.output_dir)
    folder.path.mkdir(exist_ok=True)
    return folder, {r.name: r for r in reuse.take_over(plan, folder, [s.path for s in siblings])}


def test_a_trial_that_only_selects_or_trains_otherwise_takes_over_both_stages_whole(make_plan):
    first = fill(make_plan("trial_0"))
    plan = make_plan("trial_1", "keep_percent=0.9", "reward_threshold=0.1", "training.learning_rate=1e-3", "lora.r=8")
    folder, found = taken(plan, first)
    assert found["cycle_1_train"] == reuse.Reused("cycle_1_train", 1, "sample", "trial_0", 6, 6, 18, 30.0)
    assert found["cycle_0_heldout"].samples == found["cycle_0_heldout"].verdicts == 8
    for purpose, (cycle, stage, _) in STAGES.items():
        wanted = {d.request.sample_id for d in drafts(plan, purpose)}
        assert {s.sample_id for s in folder.samples(cycle, stage)} == wanted, "nothing is left to draw"
        assert {v.sample_id for v in folder.verdicts(cycle, stage)} == wanted, "nothing is left to judge"
    assert wanted.isdisjoint(s.sample_id for s in first.samples(1))
    assert reuse.tokens(folder) == 3 * (6 + 8)


@pytest.mark.parametrize(
    ("change", "shared"),
    [
        ("temperature=0.9", {"cycle_0_heldout"}),
        ("sampling.top_k=5", set()),  # held-out samples are drawn with it too
        ("samples_per_prompt=3", {"cycle_0_heldout"}),
        ("max_new_tokens=100", set()),
        ("tasks.limit=2", set()),
        ("seed=1", set()),
        ("tasks.show_tests=false", set()),
        ("engine.name=transformers", set()),
        ("heldout.temperature=0.9", {"cycle_1_train"}),
        ("training.init_from=previous", {"cycle_0_heldout", "cycle_1_train"}),
        ("tasks.prompt_formats=[text,function]", {"cycle_0_heldout"}),
        ("sampling.repair=2", {"cycle_0_heldout", "cycle_1_train"}),
        ("sampling.hint=reference", {"cycle_0_heldout", "cycle_1_train"}),
        ("sampling.allot=posterior", {"cycle_0_heldout", "cycle_1_train"}),
        ("engine.sleep=false", {"cycle_0_heldout", "cycle_1_train"}),
        ("cycles=[{temperature: 0.9}]", {"cycle_0_heldout"}),
        ("cycles=7", {"cycle_0_heldout", "cycle_1_train"}),
        ("ablate=verifier", {"cycle_0_heldout", "cycle_1_train"}),
    ],
)
def test_what_samples_depend_on_decides_what_is_shared(make_plan, change, shared):
    _, found = taken(make_plan("trial_1", change), fill(make_plan("trial_0")))
    assert set(found) == shared


def test_another_judge_judges_the_same_samples_anew(make_plan):
    _, found = taken(make_plan("trial_1", "sandbox.wall_s=3"), fill(make_plan("trial_0")))
    assert {(r.samples > 0, r.verdicts) for r in found.values()} == {(True, 0)}


@pytest.mark.parametrize(("first", "second", "more"), [(0, 3, 0), (3, 0, 0), (3, 3, 6), (3, 4, 0)])
def test_runs_that_differ_in_later_rounds_share_the_first_alone(make_plan, first, second, more):
    plan = make_plan("trial_0", f"sampling.second_round={first}")
    folder = fill(plan)
    if first:
        drawn = [s for s in folder.samples(1) if s.index == 0]
        again = [dataclasses.replace(s, sample_id=f"{s.sample_id}+{n}", index=n) for s in drawn for n in (2, 3)]
        with folder.samples_path(1).open("a") as file:
            file.writelines(s.to_json() + "\n" for s in again)
        folder.write_json(
            "cycle_1_stats.json", CycleStats(cycle=1, seconds={"sample": 30.0, "second_round": 9.0}).to_dict()
        )
    taker, found = taken(make_plan("trial_1", f"sampling.second_round={second}"), folder)
    assert found["cycle_1_train"].samples == 6 + more
    assert {s.index for s in taker.samples(1)} == ({0, 1, 2, 3} if more else {0, 1})
    assert found["cycle_1_train"].seconds == (39.0 if more else 30.0)


def test_of_several_siblings_the_one_with_most_gives(make_plan):
    poor, rich = fill(make_plan("trial_0")), fill(make_plan("trial_1"))
    lines = poor.samples_path(1).read_text().splitlines(keepends=True)
    poor.samples_path(1).write_text("".join(lines[:2]) + lines[2][:20])
    _, found = taken(make_plan("trial_2", "keep_percent=0.9"), poor, rich)
    assert found["cycle_1_train"].source == "trial_1"
    _, found = taken(make_plan("trial_3", "keep_percent=0.8"), poor)
    assert found["cycle_1_train"].samples == 2


def test_what_was_handed_on_keeps_its_price(make_plan):
    first = fill(make_plan("trial_0"))
    second, _ = taken(make_plan("trial_1", "keep_percent=0.9"), first)
    second.write_json("cycle_1_stats.json", CycleStats(cycle=1, seconds={"train": 5.0}).to_dict())
    _, found = taken(make_plan("trial_2", "keep_percent=0.8"), second)
    assert found["cycle_1_train"].source == "trial_1"
    assert found["cycle_1_train"].seconds == 30.0


def test_a_trial_that_goes_on_keeps_its_own_samples(make_plan):
    first, second = fill(make_plan("trial_0")), fill(make_plan("trial_1", "keep_percent=0.9"))
    before = second.samples_path(1).read_bytes()
    _, found = taken(make_plan("trial_1", "keep_percent=0.9"), first, second)
    assert found == {}
    assert second.samples_path(1).read_bytes() == before


def test_finished_stages_are_known_by_their_keys(make_plan):
    folder = fill(make_plan("trial_0"), purposes=("heldout",))
    heldout, train = reuse.shared_stages(make_plan("x"))
    assert reuse.complete_keys(folder) == {heldout.samples}
    assert train.samples not in reuse.complete_keys(folder)
