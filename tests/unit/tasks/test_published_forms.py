"""Rows as they are published: a reference passes, a stub does not, whatever the form."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import pytest

from halo_raft import tasks
from halo_raft.records import Task
from halo_raft.sandbox import Limits
from halo_raft.tasks.forms import parse_row
from halo_raft.verifiers import VerifierOptions, create

spec = importlib.util.spec_from_file_location("published", Path(__file__).with_name("published.py"))
published = importlib.util.module_from_spec(spec)
spec.loader.exec_module(published)

AUTO = create("auto", VerifierOptions(limits=Limits(cpu_s=4, wall_s=30)))
READ_BY_FILES = "import sys\nsys.stdin, sys.stdout = open('input.txt'), open('output.txt', 'w')\n"


def judged(task: Task, program: str) -> str:
    return AUTO.judge("s", f"Here it is:\n\n```python\n{program}\n```\n", task).kind


@pytest.mark.parametrize("form", published.FORMS_OF_CALLS, ids=lambda form: form.__name__)
@pytest.mark.parametrize("problem", published.CALLS, ids=lambda problem: problem.name)
def test_references_of_functions_pass_and_stubs_do_not(form, problem):
    row = json.loads(json.dumps(form(problem)))
    task = tasks.parse_row(row, "row 1")
    if form is published.bigcodebench:
        program, stub = task.solution, problem.stub.replace(problem.name, "task_func")
    elif "class Solution" in (row.get("starter_code") or ""):
        program = problem.method
        stub = published.Call(problem.name, problem.parameters, "    return None", problem.cases).method
    else:
        program, stub = problem.solution, problem.stub
    assert judged(task, program) == "passed"
    assert judged(task, stub) in ("wrong", "runtime")
    assert task.solution or form is published.livecodebench_call  # which publishes none


@pytest.mark.parametrize("form", published.FORMS_OF_PROGRAMS, ids=lambda form: form.__name__)
@pytest.mark.parametrize("problem", published.PROGRAMS, ids=lambda problem: problem.name)
def test_references_of_programs_pass_and_stubs_do_not(form, problem):
    task = tasks.parse_row(json.loads(json.dumps(form(problem))), "row 1")
    prefix = READ_BY_FILES if form is published.codeforces_files else ""
    assert task.judged_by == "execution"
    assert len(task.test_cases) == 2
    assert judged(task, prefix + problem.solution) == "passed"
    assert judged(task, prefix + problem.stub) == "wrong"


@pytest.mark.parametrize("problem", published.CALLS, ids=lambda problem: problem.name)
def test_references_of_methods_pass(problem):
    assert judged(tasks.parse_row(published.leetcode(problem), "row 1"), problem.method) == "passed"


@pytest.mark.parametrize("form", [published.apps_call, published.livecodebench_call])
def test_contest_sites_have_imported_what_the_heads_of_functions_name(form):
    problem = published.CALLS[0]
    head = "def twice(x: Optional[List[int]]) -> DefaultDict[str, Deque]: return deque(islice(x, gcd(4, 6)))\n\n"
    task = tasks.parse_row(form(problem), "row 1")
    assert judged(task, head + problem.method) == "passed"
    assert judged(task, head + problem.solution) == "passed", "the function itself, without the class"


@pytest.mark.parametrize("key", ["tests", "test_list", "test_cases"])
def test_a_method_of_a_solution_finds_what_its_head_names_whatever_the_form(key):
    cases = ["assert Solution().twice([2]) == [4]", "assert Solution().twice([]) == []"]
    row = {"task_id": "t", "question": "Twice.", key: "\n".join(cases) if key == "tests" else cases}
    method = (
        "class Solution:\n    def twice(self, xs: List[int]) -> Optional[List[int]]:\n"
        "        return [2 * x for x in xs]"
    )
    assert judged(tasks.parse_row(row, "row 1"), method) == "passed"
    check = "def check(candidate):\n    assert candidate([2]) == [4]\n"
    row = {"task_id": "t", "prompt": "Twice.", "entry_point": "Solution().twice", "tests": check}
    assert judged(tasks.parse_row(row, "row 1"), method) == "passed"


@pytest.mark.parametrize("form", [*published.FORMS_OF_CALLS, *published.FORMS_OF_PROGRAMS], ids=lambda f: f.__name__)
def test_a_task_id_is_the_id_of_a_row_whatever_else_it_has(form):
    problem = published.CALLS[0] if form in published.FORMS_OF_CALLS else published.PROGRAMS[0]
    row = form(problem) | {"task_id": "mine"}
    others = {key: f"not {key}" for key in ("id", "problem_id", "question_id", "name") if key not in row}
    assert tasks.parse_row(row | others, "row 1").task_id == "mine"


@pytest.mark.parametrize("problem", published.CALLS, ids=lambda problem: problem.name)
def test_leetcode_rows_ask_the_question_and_keep_the_helpers_as_set_up(problem):
    task = tasks.parse_row(published.leetcode(problem), "row 1")
    assert task.prompt == f"Solve {problem.name}."
    assert task.entry_point == f"Solution().{problem.name}"
    assert "from typing import *" in task.test_setup
    assert task.judged_by == "humaneval"


def test_one_file_may_mix_all_forms(tmp_path):
    rows = [form(published.CALLS[0]) for form in published.FORMS_OF_CALLS]
    rows += [form(published.PROGRAMS[0]) for form in published.FORMS_OF_PROGRAMS]
    for number, row in enumerate(rows):
        row |= {"task_id": f"{number}"}
        for key in ("id", "problem_id", "question_id", "name"):
            row.pop(key, None)
    path = tmp_path / "mixed.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    loaded = tasks.load(str(path))
    assert loaded.verifier == "auto"
    assert {task.judged_by for task in loaded.tasks} == {"mbpp", "python", "humaneval", "pytest", "execution"}
    AUTO.check_for(loaded.tasks)


def test_plus_tests_are_what_is_run_and_the_asserts_are_what_is_shown():
    row = published.mbpp_plus(published.Call("last", "xs", "    return xs[-1]", ((([1, 2],), 2), (([5, 4],), 5))))
    task = tasks.parse_row(row, "row 1")
    assert task.test_list is None
    assert task.shown_tests == ("assert last([1, 2]) == 2",)
    assert judged(task, "def last(xs):\n    return xs[-1]") == "wrong"
    assert judged(task, "def last(xs):\n    return max(xs)") == "passed"


@pytest.mark.parametrize("expectation", ["with pytest.raises(TypeError):\n        add(1, 'a')", "pytest.fail('never')"])
def test_an_expectation_of_pytest_that_fails_is_a_wrong_answer(expectation):
    row = {
        "question": "Add.",
        "solution": "",
        "test": f"import pytest\nfrom solution import add\n\ndef test_a():\n    {expectation}\n",
    }
    assert judged(tasks.parse_row(row, "row 1"), "def add(a, b):\n    return 3") == "wrong"


@pytest.mark.parametrize("given", ["[[1, 3], [2, 4]]", "[1, 3]\n[2, 4]", [[1, 3], [2, 4]]])
def test_a_reference_says_whether_a_list_is_one_argument_or_all(given):
    case = {"fn_name": "weave", "input": given, "output": "[1, 2, 3, 4]", "type": "function_call"}
    weave = "def weave(a, b):\n    return [x for pair in zip(a, b) for x in pair]"
    row = {"prompt": "Weave.", "verification_info": {"language": "python", "test_cases": [case]}}
    assert judged(tasks.parse_row(row | {"gold_standard_solution": weave}, "row 1"), weave) == "passed"
    flat = "def weave(pairs):\n    return [x for pair in zip(*pairs) for x in pair]"
    if isinstance(given, str) and "\n" not in given:
        assert judged(tasks.parse_row(row | {"gold_standard_solution": flat}, "row 1"), flat) == "passed"
        assert judged(tasks.parse_row(row, "row 1"), flat) == "passed", "nothing says that it is more than one"


@pytest.mark.parametrize("name", ["solution", "s"])
def test_asserts_that_import_the_program_are_no_suite(name):
    asserts = f"import solution as {name}\nassert {name}.twice(2) == 4\nassert {name}.twice(0) == 0\n"
    row = {"task_id": "t", "prompt": "Twice.", "tests": asserts}
    task = tasks.parse_row(row, "row 1")
    assert judged(task, "def twice(x):\n    return 2 * x") == "passed"
    assert judged(task, "def twice(x):\n    return 4") == "wrong"


@pytest.mark.parametrize("shown", [True, False])
@pytest.mark.parametrize("key", ["instruct_prompt", "complete_prompt"])
def test_an_answer_to_bigcodebench_may_be_a_body_alone(key: str, shown: bool) -> None:
    head = "import re\nMARK = '-'\n\ndef task_func(text, times=2):\n"
    words = "Write it." + (f"\nStart with:\n```\n{head}```" if shown else "")
    prompts = {"instruct_prompt": words, "complete_prompt": f'{head}    """Mark it."""\n'}
    test = "import unittest\nclass TestCases(unittest.TestCase):\n    def test_case_1(self):\n"
    test += "        self.assertEqual(task_func('a b'), '--ab')\n"
    row = {"task_id": "B/1", key: prompts[key], "code_prompt": head, "test": test, "entry_point": "task_func"}
    task = parse_row(row, "row")
    body = "    joined = re.sub(' ', '', text)\n    return MARK * times + joined\n"
    whole = f"```python\n{head}{body}```"
    for answer in (body, body.lstrip(), f"```python\n{body}```", f"The body:\n\n{body}\nDone.", whole):
        verdict = create("auto", VerifierOptions()).judge("s", answer, task)
        assert verdict.success, (answer, verdict.details)
        assert not create("auto", VerifierOptions()).judge("s", answer.replace("times +", "1 +"), task).success


def test_asserts_that_import_pytest_are_no_suite_of_it() -> None:
    tests = "import pytest\nwith pytest.raises(TypeError, match='int'):\n    strict('a')\nassert strict(2) == 4"
    task = parse_row({"task_id": "t", "prompt": "Twice.", "tests": tests, "entry_point": "strict"}, "row")
    body = "def strict(x):\n    if not isinstance(x, int):\n        raise TypeError('no int')\n    return"
    assert judged(task, f"{body} x * 2") == "passed"
    assert judged(task, f"{body} 3") == "wrong"
    assert judged(task, "def strict(x):\n    return x * 2") == "wrong"
