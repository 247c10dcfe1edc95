"""What a cycle does is decided once, kept on disk, and not changed behind its back."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from halo_raft.config import CycleConfig, RaftConfig, load
from halo_raft.errors import DataError
from halo_raft.pipelines.raft.cycle_plan import begin_cycle, check_begun_cycles, first_round, first_samples
from halo_raft.pipelines.raft.parts import by_form
from halo_raft.pipelines.raft.plan import RaftPlan, prepare
from halo_raft.pipelines.raft.stages import training_drafts
from halo_raft.records import Sample, Verdict, VerdictKind
from halo_raft.store import JsonlWriter, RunFolder

from ....made_run import make_adapter


def run(tmp_path: Path, *overrides: str) -> tuple[RaftPlan, RunFolder]:
    config = load(RaftConfig, None, [f"output_dir={tmp_path}", "tasks.limit=4", *overrides])
    return prepare(config), RunFolder(tmp_path)


def put(folder: RunFolder, cycle: int, task_id: str, index: int, passed: bool, **fields: object) -> None:
    sample_id = f"{cycle}/{task_id}/{index}"
    sample = Sample(
        sample_id=sample_id, task_id=task_id, cycle=cycle, index=index, completion="", prompt_token_ids=[1],
        token_ids=[1], finish_reason="stop", model="m", sampling={}, **fields,
    )  # fmt: skip
    verdict = Verdict(
        sample_id=sample_id, task_id=task_id, kind=VerdictKind.PASSED if passed else VerdictKind.WRONG, success=passed,
        reward=float(passed), tests_passed=0, tests_total=1, details="", integrity="outside", tier="A", cpu_s=0,
        wall_s=0, verifier="v", verifier_version="1",
    )  # fmt: skip
    for path, record in ((folder.samples_path(cycle), sample), (folder.verdicts_path(cycle), verdict)):
        with JsonlWriter(path) as writer:
            writer.append([record])


def test_the_plan_is_what_earlier_cycles_said_when_the_cycle_began(tmp_path: Path) -> None:
    plan, folder = run(tmp_path, "curriculum_strategy=historical", "curriculum.explore=0")
    ids = [task.task_id for task in plan.training.tasks.tasks]
    assert begin_cycle(plan, folder, 1).task_ids is None
    for task_id, passed in zip(ids, (True, False, False, False), strict=True):
        put(folder, 1, task_id, 0, passed)
        put(folder, 1, task_id, 1, False)
    begun = begin_cycle(plan, folder, 2)
    assert begun.task_ids == ids[:1]
    put(folder, 1, ids[1], 2, True)
    assert begin_cycle(plan, folder, 2) == begun


def test_a_begun_cycle_is_tied_to_its_settings_and_others_are_free(tmp_path: Path) -> None:
    plan, folder = run(tmp_path)

    def with_cycles(*cycles: CycleConfig) -> RaftPlan:
        return prepare(plan.config.model_copy(update={"cycles": cycles}))

    listed = with_cycles(CycleConfig(reward_threshold=0.3), CycleConfig(reward_threshold=0.5))
    begin_cycle(listed, folder, 1)
    check_begun_cycles(listed, folder)
    longer = with_cycles(CycleConfig(reward_threshold=0.3), CycleConfig(temperature=0.9), CycleConfig())
    check_begun_cycles(longer, folder)
    assert longer.fingerprint == listed.fingerprint
    changed = with_cycles(CycleConfig(reward_threshold=0.4))
    assert begin_cycle(changed, folder, 1).reward_threshold == 0.4, "no sample depends on it"
    make_adapter(folder.adapter_path(1))
    with pytest.raises(DataError, match=r"begun cycle 1 with another reward_threshold \(0\.4, now 0\.3\)"):
        check_begun_cycles(listed, folder)


def test_what_comes_after_sampling_changes_no_sample_ids(tmp_path: Path) -> None:
    plan, _ = run(tmp_path)
    other, _ = run(tmp_path, "selection.reward_threshold=0.1", "training.learning_rate=1e-3", "lora.r=4")
    assert other.fingerprint.of_samples == plan.fingerprint.of_samples
    assert other.fingerprint.short != plan.fingerprint.short
    assert run(tmp_path, "sampling.temperature=0.3")[0].fingerprint.of_samples != plan.fingerprint.of_samples


def test_temperatures_may_be_listed_further(tmp_path: Path) -> None:
    plan, folder = run(tmp_path, "sampling.temperatures=[0.4]")
    begin_cycle(plan, folder, 1)
    longer, _ = run(tmp_path, "sampling.temperatures=[0.4, 0.8]")
    check_begun_cycles(longer, folder)
    assert longer.fingerprint == plan.fingerprint
    assert begin_cycle(longer, folder, 2).temperature == 0.8
    other, _ = run(tmp_path, "sampling.temperatures=[0.5]")
    with pytest.raises(DataError, match=r"another temperature \(0\.4, now 0\.5\)"):
        check_begun_cycles(other, folder)


def test_the_control_arm_is_another_run(tmp_path: Path) -> None:
    (raft, _), (control, _) = run(tmp_path), run(tmp_path, "ablate=verifier")
    assert (raft.config.arm, control.config.arm) == ("raft", "control")
    assert raft.fingerprint.short != control.fingerprint.short


def test_a_second_round_does_not_bend_the_pass_rate(tmp_path: Path) -> None:
    _, folder = run(tmp_path)
    put(folder, 1, "a", 0, True)
    put(folder, 1, "a", 1, False)
    put(folder, 1, "a", 2, False)
    assert [v.sample_id for v in first_round(folder, 1, 2)] == ["1/a/0", "1/a/1"]
    assert json.loads(folder.verdicts_path(1).read_text().splitlines()[2])["sample_id"] == "1/a/2"


def test_allotted_samples_are_decided_once_and_count_as_a_first_round(tmp_path: Path) -> None:
    plan, folder = run(tmp_path, "sampling.allot=posterior", "sampling.samples_per_prompt=2")
    ids = [task.task_id for task in plan.training.tasks.tasks]
    begin_cycle(plan, folder, 1)
    for task_id, passed in zip(ids, (True, False, False, False), strict=True):
        put(folder, 1, task_id, 0, passed)
        put(folder, 1, task_id, 1, False)
        put(folder, 1, task_id, 2, True)  # of a further round: says nothing of the first
    begun = begin_cycle(plan, folder, 2)
    assert begun.samples is not None and sum(begun.samples.values()) == 8
    most = max(begun.samples, key=lambda task_id: begun.samples[task_id])
    assert most == ids[0] and begun.samples[most] > 2
    put(folder, 1, ids[1], 1, True)
    assert begin_cycle(plan, folder, 2) == begun
    drafts = training_drafts(
        plan, begun, plan.training.tasks.by_id, range(first_samples(begun, plan.config.sampling)), begun.samples
    )
    assert Counter(draft.task_id for draft in drafts) == begun.samples
    assert all(draft.index < begun.samples[draft.task_id] for draft in drafts)


def test_what_was_asked_how_is_counted(tmp_path: Path) -> None:
    _, folder = run(tmp_path)
    put(folder, 1, "a", 0, True)
    put(folder, 1, "a", 1, False, form="function")
    put(folder, 1, "b", 1, True, form="function")
    put(folder, 1, "b", 2, True, form="function")  # a second round, drawn before the cycle was interrupted
    put(folder, 1, "b", 3, True, round="hint", of=1)
    assert by_form(folder, 1, 2) == {
        "function": {"prompts": 2, "samples": 2, "passed": 1}, "text": {"prompts": 1, "samples": 1, "passed": 1}
    }  # fmt: skip
