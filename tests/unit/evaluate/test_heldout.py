from halo_raft.evaluate import GREEDY_INDEX, heldout_outcomes
from halo_raft.records import Sample, Verdict, VerdictKind


def drawn(task: str, passed: list[bool], first: int = 0) -> tuple[list[Sample], list[Verdict]]:
    samples, verdicts = [], []
    for index, success in enumerate(passed, first):
        sample_id = f"{task}/{index}"
        samples.append(Sample(
            sample_id=sample_id, task_id=task, cycle=1, index=index, completion="", prompt_token_ids=[],
            token_ids=[], finish_reason="stop", model="m", sampling={},
        ))  # fmt: skip
        verdicts.append(Verdict(
            sample_id=sample_id, task_id=task, kind=VerdictKind.PASSED if success else VerdictKind.WRONG,
            success=success, reward=float(success), tests_passed=0, tests_total=1, details="", integrity="outside",
            tier="A", cpu_s=0, wall_s=0, verifier="v", verifier_version="1",
        ))  # fmt: skip
    return samples, verdicts


def measured(*parts: tuple[list[Sample], list[Verdict]]):
    return heldout_outcomes([s for part in parts for s in part[0]], [v for part in parts for v in part[1]])


def test_greedy_samples_are_counted_by_themselves():
    found = measured(drawn("a", [True, False]), drawn("a", [True], GREEDY_INDEX), drawn("b", [False], GREEDY_INDEX))
    assert [(t.task_id, t.samples, t.passed) for t in found.sampled.tasks] == [("a", 2, 1)]
    assert [(t.task_id, t.samples, t.passed) for t in found.greedy.tasks] == [("a", 1, 1), ("b", 1, 0)]
    assert found.compared is found.sampled


def test_rates_double_up_to_the_number_of_samples_unless_the_ks_are_given():
    found = measured(drawn("a", [True] + [False] * 5), drawn("a", [False], GREEDY_INDEX))
    assert list(found.rates()) == ["pass_at_1", "pass_at_2", "pass_at_4", "pass_at_6", "greedy"]
    assert list(found.rates((1, 6))) == ["pass_at_1", "pass_at_6", "greedy"]
    assert list(measured(drawn("a", [True])).rates((1, 1))) == ["pass_at_1"]
    assert (found.rates()["pass_at_6"].mean, found.rates()["greedy"].mean) == (1, 0)


def test_greedy_alone_is_what_is_compared_and_nothing_is_nothing():
    greedy = measured(drawn("a", [True], GREEDY_INDEX))
    assert list(greedy.rates((1, 4))) == ["greedy"] and greedy.compared is greedy.greedy
    assert measured().rates() == {} and measured().compared is None
