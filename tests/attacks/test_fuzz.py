"""Whatever a model may write, there is a verdict: never an exception, never `infra`."""

import dataclasses

import pytest
from redteam.attack import QUICK
from redteam.mutations import completions
from redteam.tasks import TASKS

from halo_raft.records import VerdictKind
from halo_raft.verifiers import VerifierOptions, create

COUNT = 1000
LIMITS = dataclasses.replace(QUICK, wall_s=10)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["square", "check"])
def test_damaged_completions_get_a_verdict(name: str) -> None:
    target = TASKS[name]
    verifier = create(target.verifier, VerifierOptions(limits=LIMITS))
    kinds = set()
    for number, completion in enumerate(completions(COUNT // 2, seed=len(name))):
        verdict = verifier.judge(str(number), completion, target.task)
        assert verdict.kind is not VerdictKind.INFRA, f"completion {number}: {verdict.details}"
        verdict.to_json().encode()
        kinds.add(verdict.kind)
    assert {VerdictKind.PASSED, VerdictKind.COMPILE, VerdictKind.RUNTIME} <= kinds  # damaged, but not beyond use


@pytest.mark.slow
def test_damaged_programs_get_a_verdict() -> None:
    target = TASKS["double"]
    verifier = create(target.verifier, VerifierOptions(limits=LIMITS))
    for number, completion in enumerate(completions(100, seed=3)):
        verdict = verifier.judge(str(number), completion, target.task)
        assert verdict.kind is not VerdictKind.INFRA, f"completion {number}: {verdict.details}"
        verdict.to_json().encode()
