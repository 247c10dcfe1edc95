"""Ten small problems of our own, written as rows in each public form."""

# ruff: noqa: E501 - programs and rows are easier to read whole

from __future__ import annotations

import base64
import json
import pickle
import zlib
from collections.abc import Callable
from typing import Any, NamedTuple

Row = dict[str, Any]


class Call(NamedTuple):
    """A function to write: its head, its body, and what calls of it return."""

    name: str
    parameters: str
    body: str
    cases: tuple[tuple[tuple[Any, ...], Any], ...]

    @property
    def solution(self) -> str:
        return f"def {self.name}({self.parameters}):\n{self.body}"

    @property
    def method(self) -> str:
        body = "\n".join("    " + line for line in self.body.split("\n"))
        return f"class Solution:\n    def {self.name}(self, {self.parameters}):\n{body}"

    @property
    def stub(self) -> str:
        return f"def {self.name}({self.parameters}):\n    return None"

    @property
    def asserts(self) -> list[str]:
        return [f"assert {self.name}{_arguments(args)} == {wanted!r}" for args, wanted in self.cases]

    @property
    def check(self) -> str:
        lines = [f"    assert candidate{_arguments(args)} == {wanted!r}" for args, wanted in self.cases]
        return "def check(candidate):\n" + "\n".join(lines) + "\n"


class Program(NamedTuple):
    """A program to write: its text, and what it prints on inputs."""

    name: str
    solution: str
    cases: tuple[tuple[str, str], ...]

    @property
    def stub(self) -> str:
        return "print(0)"

    @property
    def pairs(self) -> list[Row]:
        return [{"input": given, "output": wanted} for given, wanted in self.cases]

    @property
    def lists(self) -> Row:
        return {"input": [given for given, _ in self.cases], "output": [wanted for _, wanted in self.cases]}


CALLS = (
    Call("clamp", "x, low, high", "    return max(low, min(x, high))", (((5, 1, 3), 3), ((-4, -2, 9), -2), ((2, 0, 7), 2))),
    Call("runs", "text", "    from itertools import groupby\n    return [[k, len(list(g))] for k, g in groupby(text)]",
         ((("aab",), [["a", 2], ["b", 1]]), (("",), []))),
    Call("second", "numbers", "    return sorted(set(numbers))[-2]", ((([3, 9, 9, 4],), 4), (([1, 2],), 1))),
    Call("rotate", "items, steps", "    k = steps % len(items)\n    return items[-k:] + items[:-k] if k else items",
         ((([1, 2, 3], 1), [3, 1, 2]), (([4, 5], 2), [4, 5]))),
    Call("mean", "numbers", "    return sum(numbers) / len(numbers)", ((([1, 2],), 1.5), (([4.0],), 4.0))),
)  # fmt: skip
PROGRAMS = (
    Program("pairs", "for _ in range(int(input())):\n    print(sum(map(int, input().split())))",
            (("2\n1 2\n3 4\n", "3\n7\n"), ("1\n-5 5\n", "0\n"))),
    Program("reverse", "import sys\nfor line in sys.stdin:\n    print(*line.split()[::-1])",
            (("a b c\n", "c b a\n"), ("x\ny z\n", "x\nz y\n"))),
    Program("vowels", "print(sum(c in 'aeiou' for c in input()))", (("banana\n", "3\n"), ("rhythm and blues\n", "3\n"))),
    Program("third", "print(int(input()) / 3)", (("1\n", "0.3333333333333333\n"), ("6\n", "2.0\n"))),
    Program("turned", "rows = [input().split() for _ in range(int(input()))]\nfor column in zip(*rows):\n    print(*column)",
            (("2\n1 2 3\n4 5 6\n", "1 4\n2 5\n3 6\n"), ("1\n9\n", "9\n"))),
)  # fmt: skip


def _arguments(args: tuple[Any, ...]) -> str:
    return "(" + ", ".join(map(repr, args)) + ")"


def mbpp_full(c: Call) -> Row:
    asserts = c.asserts
    return {"task_id": c.name, "text": f"Write {c.name}.", "code": c.solution, "test_list": asserts,
            "test_setup_code": "", "challenge_test_list": []}  # fmt: skip


def mbpp_sanitized(c: Call) -> Row:
    asserts = [a.replace("assert ", "assert isfinite(1.0) and ") for a in c.asserts]
    return {"task_id": c.name, "prompt": f"Write {c.name}.", "code": c.solution, "source_file": "x",
            "test_imports": ["from math import isfinite"], "test_list": asserts}  # fmt: skip


def mbpp_plus(c: Call) -> Row:
    inputs, results = [list(args) for args, _ in c.cases], [wanted for _, wanted in c.cases]
    test = (
        "import math\n\ndef assertion(out, exp, atol):\n    if atol:\n        assert math.isclose(out, exp)\n"
        f"    else:\n        assert out == exp, f'out: {{out}}'\n\n\ninputs = {inputs!r}\nresults = {results!r}\n"
        f"for i, (inp, exp) in enumerate(zip(inputs, results)):\n    assertion({c.name}(*inp), exp, 0)\n"
    )
    return {**mbpp_full(c), "test_list": c.asserts[:1], "test_imports": [], "test": test}


def humaneval(c: Call) -> Row:
    prompt = f'from typing import List\n\n\ndef {c.name}({c.parameters}):\n    """Do {c.name}."""\n'
    return {"task_id": f"HumanEval/{c.name}", "prompt": prompt, "canonical_solution": c.body, "test": c.check,
            "entry_point": c.name}  # fmt: skip


def humaneval_plus(c: Call) -> Row:
    inputs, results = [list(args) for args, _ in c.cases], [wanted for _, wanted in c.cases]
    test = (
        "import math\n\ndef assertion(out, exp, atol):\n    assert out == exp\n\n\ndef check(candidate):\n"
        f"    inputs = {inputs!r}\n    results = {results!r}\n"
        "    for i, (inp, exp) in enumerate(zip(inputs, results)):\n        assertion(candidate(*inp), exp, 0)\n"
    )
    return {**humaneval(c), "test": test}


def apps_call(c: Call) -> Row:
    held = {"fn_name": c.name, "inputs": [list(a) for a, _ in c.cases], "outputs": [[w] for _, w in c.cases]}
    return {"problem_id": c.name, "question": f"Do {c.name}.", "solutions": json.dumps([c.method]),
            "input_output": json.dumps(held), "difficulty": "easy", "url": "",
            "starter_code": f"class Solution:\n    def {c.name}(self, {c.parameters}):\n        "}  # fmt: skip


def taco_call(c: Call) -> Row:
    held = {"fn_name": c.name, "inputs": [list(a) for a, _ in c.cases], "outputs": [w for _, w in c.cases]}
    return {"question": f"Do {c.name}.", "solutions": json.dumps([c.solution]), "input_output": json.dumps(held),
            "starter_code": f"def {c.name}({c.parameters}):\n\t", "time_limit": None, "memory_limit": None}  # fmt: skip


def apps_program(p: Program) -> Row:
    held = {"inputs": [g for g, _ in p.cases], "outputs": [w for _, w in p.cases]}
    return {"problem_id": p.name, "question": f"Do {p.name}.", "solutions": json.dumps([p.solution]),
            "input_output": json.dumps(held), "starter_code": ""}  # fmt: skip


def taco_program(p: Program) -> Row:
    return {**apps_program(p), "time_limit": "2.0 seconds", "memory_limit": "256.0 megabytes"}


def codeforces(p: Program) -> Row:
    return {"id": f"1/{p.name}", "title": p.name, "description": f"Do {p.name}.", "input_format": "Numbers.",
            "output_format": "Numbers.", "interaction_format": None, "note": None, "examples": p.pairs[:1],
            "time_limit": 1.0, "memory_limit": 256.0, "official_tests": p.pairs, "official_tests_complete": True,
            "input_mode": "stdio", "generated_checker": None, "generated_tests": 0}  # fmt: skip


def codeforces_files(p: Program) -> Row:
    return {**codeforces(p), "input_mode": "file"}


def livecodebench(p: Program) -> Row:
    cases = [{**pair, "testtype": "stdin"} for pair in p.pairs]
    return {"question_id": p.name, "question_content": f"Do {p.name}.", "starter_code": "", "metadata": "{}",
            "platform": "atcoder", "difficulty": "easy", "public_test_cases": json.dumps(cases[:1]),
            "private_test_cases": packed(cases[1:])}  # fmt: skip


def livecodebench_call(c: Call) -> Row:
    cases = [{"input": "\n".join(map(json.dumps, args)), "output": json.dumps(wanted), "testtype": "functional"}
             for args, wanted in c.cases]  # fmt: skip
    starter = f"class Solution:\n    def {c.name}(self, {c.parameters}):\n        "
    return {"question_id": c.name, "question_content": f"Do {c.name}.", "starter_code": starter,
            "metadata": json.dumps({"func_name": c.name}), "public_test_cases": json.dumps(cases[:1]),
            "private_test_cases": packed(cases[1:])}  # fmt: skip


def packed(cases: list[Row]) -> str:
    return base64.b64encode(zlib.compress(pickle.dumps(json.dumps(cases)))).decode()


def code_contests(p: Program) -> Row:
    nothing: Row = {"input": [], "output": []}
    return {"name": p.name, "description": f"Do {p.name}.", "public_tests": {k: v[:1] for k, v in p.lists.items()},
            "private_tests": nothing, "generated_tests": {k: v[1:] for k, v in p.lists.items()}, "source": 2,
            "time_limit": {"seconds": 2, "nanos": 0}, "memory_limit_bytes": 256000000, "input_file": "",
            "output_file": "", "solutions": {"language": [2, 3], "solution": ["int main() {}", p.solution]},
            "incorrect_solutions": {"language": [], "solution": []}}  # fmt: skip


def leetcode(c: Call) -> Row:
    return {"task_id": c.name, "question_id": 7, "problem_description": f"Do {c.name}.", "entry_point": f"Solution().{c.name}",
            "prompt": "import math\nfrom typing import *\n\ninf = float('inf')\n", "completion": c.method, "test": c.check,
            "starter_code": f"class Solution:\n    def {c.name}(self, {c.parameters}):\n        ",
            "input_output": [{"input": "x", "output": "y"}], "query": f"Solve {c.name}.", "response": "..."}  # fmt: skip


def kodcode(c: Call) -> Row:
    tests = [f"def test_{n}():\n    {a}\n" for n, a in enumerate(c.asserts)]
    info = [{"function_name": c.name, "function_declaration": f"def {c.name}({c.parameters}):", "docstring": ""}]
    return {"question_id": f"Prefill_{c.name}", "style": "instruct", "subset": "Prefill", "question": f"Do {c.name}.",
            "solution": c.solution, "test": f"from solution import {c.name}\n\n" + "\n".join(tests), "test_info": info,
            "gpt_pass_percentage": 0.9}  # fmt: skip


def bigcodebench(c: Call) -> Row:
    solution = c.body
    lines = [f"        self.assertEqual(task_func{_arguments(a)}, {w!r})" for a, w in c.cases]
    test = (
        "import unittest\n\nclass TestCases(unittest.TestCase):\n    def test_case_1(self):\n" + "\n".join(lines) + "\n"
    )
    code = f"import math\n\ndef task_func({c.parameters}):\n"
    return {"task_id": f"BigCodeBench/{c.name}", "complete_prompt": f'{code}    """Do it."""\n', "code_prompt": code,
            "instruct_prompt": f"Do {c.name} as task_func.", "canonical_solution": solution, "test": test,
            "entry_point": "task_func", "doc_struct": "{}", "libs": "['math']"}  # fmt: skip


def acecode(c: Call) -> Row:
    return {
        "id": f"oss_{c.name}",
        "source": "oss",
        "question": f"Do {c.name}.",
        "test_cases": c.asserts,
        "solution": c.solution,
    }


def verification_info_program(p: Program) -> Row:
    cases = [{**pair, "type": "stdin_stdout", "fn_name": None} for pair in p.pairs]
    return {"problem_id": f"v_{p.name}", "problem_statement": f"Do {p.name}.", "gold_standard_solution": p.solution,
            "verification_info": {"language": "python", "test_cases": cases}}  # fmt: skip


def verification_info_call(c: Call) -> Row:
    cases = [{"input": list(a), "output": [w], "type": "function_call", "fn_name": c.name} for a, w in c.cases]
    return {"problem_id": c.name, "prompt": f"Do {c.name}.", "gold_standard_solution": c.solution,
            "verification_info": str({"language": "python", "test_cases": cases})}  # fmt: skip


def plain_cases(p: Program) -> Row:
    return {"task_id": p.name, "prompt": f"Do {p.name}.", "test_cases": p.pairs, "solution": p.solution}


FORMS_OF_CALLS: tuple[Callable[[Call], Row], ...] = (
    *(mbpp_full, mbpp_sanitized, mbpp_plus, humaneval, humaneval_plus, apps_call, taco_call, livecodebench_call),
    *(kodcode, bigcodebench, acecode, verification_info_call),
)
FORMS_OF_PROGRAMS: tuple[Callable[[Program], Row], ...] = (
    *(apps_program, taco_program, codeforces, codeforces_files, livecodebench, code_contests),
    *(verification_info_program, plain_cases),
)
