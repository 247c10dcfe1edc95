"""Near-duplicates are found whatever their wording, and tasks that only look alike are not."""

from __future__ import annotations

import pytest

from halo_raft.records import Task
from halo_raft.tasks import TaskSet, split
from halo_raft.tasks.likeness import Measured, alike

ASSERTS = ("assert area(2, 3) == 6", "assert area(4, 5) == 20", "assert area(0, 9) == 0")


def task(prompt: str, tests: tuple[str, ...] = (), name: str = "area", solution: str | None = None) -> Task:
    return Task(task_id=prompt, prompt=prompt, test_list=tests or None, entry_point=name, solution=solution)


@pytest.mark.parametrize(
    ("earlier", "later", "how"),
    [
        (task("Write a function for the area of a rectangle.", ASSERTS),
         task("Given two sides, how big is the rectangle?", ASSERTS), "same tests"),
        (task("Write a function for the area of a rectangle.", ASSERTS),
         task("Compute it.", tuple(a.replace("area", "size") for a in ASSERTS), "size"), "same tests"),
        (task("Write a function to find the area of a rectangle from its two sides."),
         task("Write a Python function to find the area of a rectangle from its 2 sides!"), "worded"),
        (task("Write a function to find the area of a rectangle.", ASSERTS),
         task("Write a Python function that finds the area of a rectangle", ASSERTS[:2]), "worded"),
    ],
)  # fmt: skip
def test_a_task_in_other_words_is_alike(earlier, later, how):
    (pair,) = alike([earlier, task("Reverse a string.", ("assert area('ab') == 'ba'",)), later])
    assert (pair.later, pair.earlier) == (2, 0)
    assert how in pair.how


def test_tasks_of_one_pattern_are_not_alike():
    first = task("Write a function to find the n-th hexagonal number.", ("assert h(10) == 190", "assert h(5) == 45"))
    second = task("Write a function to find the n-th octagonal number.", ("assert o(4) == 40", "assert o(9) == 225"))
    assert not list(alike([first, second]))


def test_how_a_whole_set_is_worded_does_not_count():
    frame = "Write a program that reads the number of test cases from standard input and for each of them prints "
    tasks = [task(f"{frame}{word * 3}") for word in (f"w{n:03d}q{n * 7919 % 1000:03d}" for n in range(120))]
    assert not list(alike(tasks))
    assert [pair.later for pair in alike([*tasks, task(tasks[5].prompt + ".!now")])] == [120]


def test_what_is_measured_on_is_recognised_by_prompt_tests_and_thirteen_words():
    words = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen"
    measured = Measured("held.jsonl", [task(f"Say {words} aloud."), task("Area, please.", ASSERTS)])
    assert measured.overlap(task("AREA - please")) == "has the prompt of Area, please. of held.jsonl"
    assert "the tests of Area" in measured.overlap(task("Else.", ASSERTS))
    assert "13 words in a row" in measured.overlap(task(f"Never {words}, never."))
    assert "13 words in a row" in measured.overlap(task("Else.", solution=f"# {words}\n"))
    assert measured.overlap(task("Say " + " ".join(words.split()[:11]))) is None


def test_tasks_that_are_alike_are_held_out_together():
    tasks = []
    for n in range(60):
        asserts = (f"assert f{n}({n}) == {n * n}", f"assert f{n}(1) == {n}")
        tasks += [
            task(f"Problem {n * 7919}: do {n}.", asserts, f"f{n}"),
            task(f"Again, {n * 104729}!", asserts, f"f{n}"),
        ]
    train, heldout = split(TaskSet.of("x", tasks, "mbpp"), 0.3)
    sides = [{t.test_list for t in part.tasks} for part in (train, heldout)]
    assert all(sides) and not sides[0] & sides[1]
    assert len(train.tasks) + len(heldout.tasks) == 120


def test_tasks_that_differ_in_their_numbers_are_not_alike():
    first = task("Write a function that adds 12 to every number of a list.", ("assert add([1]) == [13]",), "add")
    second = task("Write a function that adds 13 to every number of a list.", ("assert add([1]) == [14]",), "add")
    assert not list(alike([first, second]))
