"""Judging in this process: each answer once, identical programs once, nothing copied that does not last."""

from dataclasses import replace
from typing import ClassVar

import pytest

from halo_raft.judging import Answer, JudgingPolicy, Known, judge_all, policy
from halo_raft.judging.known import task_key
from halo_raft.records import Task
from halo_raft.sandbox import Limits
from halo_raft.verifiers import Verifier, VerifierOptions, VerifyResult

TASKS = {
    name: Task(task_id=name, prompt="Add.", entry_point="add", test_list=(f"assert add(1, {n}) == {n + 1}",))
    for n, name in enumerate(("one", "two"))
}


class Counting(Verifier):
    """Notes what it is asked; fails on `broken` the first two times."""

    version = "1"
    asked: ClassVar[list] = []

    def verify(self, code, task):
        self.asked.append((code, task.task_id))
        if code == "broken" and self.asked.count((code, task.task_id)) <= 2:
            raise RuntimeError("the verifier broke")
        return VerifyResult(code == "good", float(code == "good"))


class Unversioned(Counting):
    """Nobody says when its verdicts change."""


@pytest.fixture
def asked():
    Counting.asked.clear()
    return Counting.asked


def judge(verifier=Counting, **options):
    return JudgingPolicy(verifier=f"{__name__}:{verifier.__name__}", options=VerifierOptions(**options))


def judged(answers, folder=None, of=None, **how):
    of = of or judge()
    known = Known(of, TASKS, folder, **how)
    batches = list(judge_all(of, TASKS, answers, known=known, workers=lambda n: 0))
    verdicts = {v.sample_id: v for batch in batches for v in batch}
    assert sum(map(len, batches)) == len(verdicts) == len(answers), "each answer once"
    return verdicts


def test_identical_programs_are_judged_once_and_their_copies_say_so(asked):
    fenced = "Sure:\n```python\ngood\n```\n"
    verdicts = judged([Answer("a", "one", "good"), Answer("b", "one", fenced), Answer("c", "one", "bad")])
    assert asked == [("good", "one"), ("bad", "one")]
    assert [verdicts[s].success for s in "abc"] == [True, True, False]
    assert [verdicts[s].cached for s in "abc"] == [False, True, False]


def test_the_same_program_for_another_task_is_another(asked):
    judged([Answer("a", "one", "good"), Answer("b", "two", "good")])
    assert len(asked) == 2


def test_the_next_run_knows_the_verdicts(asked, tmp_path):
    first = judged([Answer("a", "one", "good")], tmp_path)
    again = judged([Answer("b", "one", "good")], tmp_path)
    assert len(asked) == 1
    assert again["b"] == replace(first["a"], sample_id="b", cached=True)


def test_workers_are_asked_for_only_when_something_is_to_be_judged(asked, tmp_path):
    judged([Answer("a", "one", "good")], tmp_path)

    def never(answers):
        raise AssertionError("started workers for nothing")

    known = Known(judge(), TASKS, tmp_path)
    assert len(list(judge_all(judge(), TASKS, [Answer("b", "one", "good")], known=known, workers=never))) == 1


@pytest.mark.parametrize("change", [{"limits": Limits(cpu_s=1)}, {"run_after_compile": True}])
def test_another_setting_is_another_judge(asked, tmp_path, change):
    judged([Answer("a", "one", "good")], tmp_path)
    judged([Answer("a", "one", "good")], tmp_path, judge(**change))
    assert len(asked) == 2


@pytest.mark.parametrize("part", ["_packages", "_judging_code"])
def test_another_package_or_source_of_ours_is_another_judge(asked, tmp_path, monkeypatch, part):
    judged([Answer("a", "one", "good")], tmp_path)
    monkeypatch.setattr(policy, part, lambda: "changed")
    judged([Answer("a", "one", "good")], tmp_path)
    assert len(asked) == 2


def test_of_a_users_verifier_without_a_version_nothing_is_known(asked, tmp_path):
    of = judge(Unversioned)
    judged([Answer("a", "one", "good"), Answer("b", "one", "good")], tmp_path, of)
    assert len(asked) == 2
    assert not list(tmp_path.iterdir())


def test_nothing_is_copied_when_asked_so(asked, tmp_path):
    judged([Answer("a", "one", "good"), Answer("b", "one", "good")], tmp_path, remember=False)
    assert len(asked) == 2


def test_a_failure_of_ours_is_not_copied(asked, tmp_path):
    verdicts = judged([Answer("a", "one", "broken"), Answer("b", "one", "broken")], tmp_path)
    assert (verdicts["a"].kind, verdicts["b"].kind) == ("infra", "wrong")
    assert not verdicts["b"].cached
    again = judged([Answer("c", "one", "broken")], tmp_path)
    assert (again["c"].kind, again["c"].cached) == ("wrong", True)


def test_tests_are_part_of_a_task_and_its_name_is_not():
    task = TASKS["one"]
    assert task_key(replace(task, task_id="x")) == task_key(task)
    assert task_key(replace(task, test_list=("assert add(0, 0) == 0",))) != task_key(task)
