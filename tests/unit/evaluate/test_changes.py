from halo_raft.evaluate import Outcomes, TaskOutcome, changes
from halo_raft.evaluate.intervals import Difference


def outcomes(**passed):
    tasks = tuple(TaskOutcome(task_id=task, samples=4, passed=n) for task, n in passed.items())
    return Outcomes(tasks=tasks, infra_samples=0, infra_tasks=0)


def names(found):
    return [change.task_id for change in found]


def test_tasks_are_sorted_by_what_became_of_them():
    found = changes(outcomes(a=0, b=4, c=1, d=3, e=2, gone=1), outcomes(a=1, b=0, c=4, d=2, e=2, new=4))
    assert names(found.gained) == ["a"] and names(found.lost) == ["b"]
    assert names(found.better) == ["c", "a"] and names(found.worse) == ["b", "d"]
    assert found.same == 1
    became = {change.task_id: change.became for change in found.tasks}
    assert became == {"a": "gained", "b": "lost", "c": "better", "d": "worse", "e": "same"}


def test_the_same_is_no_change():
    found = changes(outcomes(a=1, b=0), outcomes(b=0, a=1))
    assert (found.better, found.worse, found.same) == ((), (), 2)


def test_real_takes_both_a_small_p_and_an_interval_beside_zero():
    def real(low, high, p):
        return Difference(mean=0.1, low=low, high=high, p_value=p, tasks=9, tasks_left_out=0).is_real

    assert real(0.01, 0.2, 0.04) and real(-0.2, -0.01, 0.001)
    assert not real(-0.01, 0.2, 0.04) and not real(0.01, 0.2, 0.06)
    assert not real(float("nan"), float("nan"), float("nan"))
