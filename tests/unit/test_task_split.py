import random

import pytest

from halo_raft import tasks
from halo_raft.errors import DataError
from halo_raft.records import Task
from halo_raft.tasks import TaskSet


def task_set(prompts):
    return TaskSet.of("mine", [Task(task_id=str(n), prompt=prompt) for n, prompt in enumerate(prompts)], "mbpp")


def test_about_one_in_five_is_held_out_whatever_the_order():
    prompts = [f"Write function number {n}." for n in range(400)]
    train, heldout = tasks.split(task_set(prompts), share=0.2)
    assert len(train.tasks) + len(heldout.tasks) == 400 and 50 < len(heldout.tasks) < 110
    random.Random(0).shuffle(prompts)
    _, again = tasks.split(task_set(prompts), share=0.2)
    assert {task.prompt for task in again.tasks} == {task.prompt for task in heldout.tasks}
    assert heldout.verifier == "mbpp"
    tasks.refuse_overlap(train, heldout)


def test_equal_prompts_are_on_one_side():
    prompts = [text for n in range(60) for text in (f"Do {n}!", f"do  {n}")]
    tasks.refuse_overlap(*tasks.split(task_set(prompts), share=0.2))


def test_one_task_cannot_be_split():
    with pytest.raises(DataError, match="too few to hold some out"):
        tasks.split(task_set(["only"]), share=0.2)
