"""Programs that read and print, as contests run them: Python's own ways, limits, files, stacks, libraries."""

# ruff: noqa: E501 - programs and rows are easier to read whole

from __future__ import annotations

import shutil

import pytest

from halo_raft.extract import extract
from halo_raft.records import Task, Verdict
from halo_raft.sandbox import Limits
from halo_raft.verifiers import VerifierOptions, create

LIMITS = Limits(cpu_s=3, wall_s=30)
DOUBLE = ({"stdin": "4\n", "expected_output": "8\n"},)
CPP = pytest.mark.skipif(shutil.which("g++") is None, reason="needs g++")


def judged(program: str, *, tag: str = "python", options: VerifierOptions | None = None, **fields: object) -> Verdict:
    task = Task(**{"task_id": "t", "prompt": "p", "test_cases": DOUBLE, **fields})
    verifier = create("execution", options or VerifierOptions(limits=LIMITS))
    return verifier.judge("s", f"```{tag}\n{program}\n```", task)


@pytest.mark.parametrize(
    "program",
    [
        "print(2 * int(input()))\nexit()",
        "print(2 * int(input()))\nquit(0)",
        "import numpy as np\nprint(int(np.array([int(input())]).sum()) * 2)",
        "print(2 * int(open('/dev/stdin').read()))",
        "print(2 * int(open(0).read()))",
        "import os\nassert os.environ['ONLINE_JUDGE']\nprint(2 * int(input()))",
        "import sys\nassert __name__ == '__main__' and sys.argv == ['solution.py']\nprint(2 * int(sys.stdin.readline()))",
        "from functools import lru_cache\nimport sys\nsys.setrecursionlimit(10**6)\n"
        "@lru_cache(None)\ndef f(n):\n    return f(n - 1) if n else 8\nprint(f(20000) + 0 * int(input()))",
        "import sys, threading\nthreading.stack_size(2 ** 29)\nsys.setrecursionlimit(10 ** 6)\n"
        "t = threading.Thread(target=lambda: print(2 * int(input())))\nt.start()\nt.join()",
        "print(str(10 ** 5000)[:0] + str(2 * int(input())))",
        "import dataclasses, __main__\n@dataclasses.dataclass\nclass P:\n    x: int\nprint(2 * P(int(input())).x)",
    ],
)
def test_what_works_in_a_contest_works_here(program: str) -> None:
    verdict = judged(program)
    assert verdict.kind == "passed", verdict.details


@pytest.mark.parametrize(
    ("program", "kind", "said"),
    [
        ("print(int(input()) / 0)", "runtime", "ZeroDivisionError: division by zero"),
        ("def f():\n    raise KeyError('x')\nf()", "runtime", "KeyError: 'x'"),
        ("print(", "compile", "SyntaxError: '(' was never closed"),
        ("x = compile('(', 'y', 'exec')", "runtime", "SyntaxError"),
        ("import sys\nsys.exit(3)", "runtime", "status 3"),
        ("print(7)", "wrong", "printed '7\\n', not '8\\n'"),
    ],
)
def test_details_say_what_happened(program: str, kind: str, said: str) -> None:
    verdict = judged(program)
    assert verdict.kind == kind
    assert said in verdict.details


def test_a_packages_absence_is_the_programs_error() -> None:
    assert (
        "No module named 'numpy'" in judged("import numpy", options=VerifierOptions(limits=LIMITS, packages=())).details
    )


def test_outputs_as_long_as_what_is_expected_are_read() -> None:
    long = "x" * (3 << 20)
    cases = ({"stdin": "", "expected_output": long},)
    assert judged("print('x' * (3 << 20))", test_cases=cases).kind == "passed"
    assert judged("while True: print('x' * 99999)", test_cases=cases).kind == "output_limit"


def test_a_task_brings_its_own_limits() -> None:
    busy = "while True: pass"
    verdict = judged(busy, time_limit_s=0.1)
    assert verdict.kind == "timeout"
    assert verdict.cpu_s < 2
    assert judged("x = bytearray(300 << 20)\nprint(8)", memory_limit_mb=64).kind == "memory"
    assert judged("x = bytearray(300 << 20)\nprint(8)", memory_limit_mb=512).kind == "passed"


def test_files_in_place_of_standard_input_and_output() -> None:
    program = "open('out.txt', 'w').write(str(2 * int(open('in.txt').read())))"
    files = {"input_file": "in.txt", "output_file": "out.txt"}
    assert judged(program, **files).kind == "passed"
    assert judged("print(8)", **files).details.endswith("wrote no out.txt")


@pytest.mark.parametrize(("comparison", "kind"), [("exact", "wrong"), ("token", "wrong"), ("numeric", "passed")])
def test_a_task_says_how_outputs_are_compared(comparison: str, kind: str) -> None:
    assert judged("print('8.0')", comparison=comparison).kind == kind


def test_a_rows_tolerance_counts() -> None:
    cases = ({"stdin": "", "expected_output": "0.5"},)
    assert judged("print(0.51)", test_cases=cases, comparison="numeric").kind == "wrong"
    assert judged("print(0.51)", test_cases=cases, comparison="numeric", tolerance=0.1).kind == "passed"


@CPP
@pytest.mark.parametrize(
    "program",
    [
        '#include <cstdio>\nint main() {\n#ifndef ONLINE_JUDGE\nfreopen("in", "r", stdin);\n#endif\nint n; scanf("%d", &n); printf("%d", 2 * n); }',
        '#include <fstream>\n#include <iostream>\nint main() { std::ifstream in("/dev/stdin"); int n; in >> n; std::cout << 2 * n; }',
        "#include <cstdio>\nint depth(int n) { volatile char pad[200]; pad[0] = n; return n ? 1 + depth(n - 1) + 0 * pad[0] : 0; }\n"
        'int main() { printf("%d", depth(500000) / 62500); }',
        '#include <bits/stdc++.h>\n#ifdef LOCAL\n#include "debug.h"\n#endif\nint main() { int n; std::cin >> n; std::cout << 2 * n << std::endl; }',
    ],
)
def test_contest_programs_in_cpp(program: str) -> None:
    verdict = judged(program, tag="cpp", language="cpp")
    assert verdict.kind == "passed", verdict.details


@CPP
def test_a_stack_may_be_bounded() -> None:
    deep = '#include <cstdio>\nint f(int n) { volatile char p[500]; p[0] = n; return n ? f(n - 1) + 0 * p[0] : 8; }\nint main() { printf("%d", f(100000)); }'
    assert judged(deep, tag="cpp", language="cpp").kind == "passed"
    assert judged(deep, tag="cpp", language="cpp", options=VerifierOptions(limits=LIMITS, stack_mb=1)).kind == "runtime"


@CPP
def test_libraries_stand_behind_the_sources() -> None:
    options = VerifierOptions(limits=LIMITS, flags=("-lm", "-O2"))
    program = '#include <math.h>\n#include <stdio.h>\nint main(void) { double x; scanf("%lf", &x); printf("%d", (int)(sqrt(x) * 4)); return 0; }'
    assert judged(program, tag="c", language="c", options=options).kind == "passed"


def test_auto_judges_each_task_by_its_row() -> None:
    auto = create("auto", VerifierOptions(limits=LIMITS))
    prints = Task(task_id="a", prompt="p", test_cases=DOUBLE)
    asserts = Task(task_id="b", prompt="p", test_list=("assert f(1) == 2",), entry_point="f")
    suite = Task(task_id="c", prompt="p", tests="from solution import f\ndef test_f():\n    assert f(1) == 2\n")
    named = Task(task_id="d", prompt="p", test_list=("assert f(1) == 2",), verifier="python")
    function = "def f(x):\n    return x + 1"
    for task, code, name in (
        (prints, "print(8)", "execution"),
        (asserts, function, "mbpp"),
        (suite, function, "pytest"),
        (named, function, "python"),
    ):
        verdict = auto.judge("s", f"```python\n{code}\n```", task)
        assert (verdict.kind, verdict.verifier) == ("passed", name)
    auto.check_for([prints, asserts, suite, named])


def test_auto_says_before_a_run_what_it_cannot_judge() -> None:
    auto = create("auto", VerifierOptions())
    for task, why in (
        (Task(task_id="a", prompt="p"), "has no tests"),
        (Task(task_id="b", prompt="p", language="cobol"), "no verifier 'cobol'"),
        (Task(task_id="c", prompt="p", test_list=("assert f()",), verifier="mine"), "no verifier 'mine'"),
        (Task(task_id="d", prompt="p", test_cases=DOUBLE, our_limit="it is interactive"), "it is interactive"),
    ):
        assert why in str(auto.refusal(task))
        assert auto.judge("s", "x = 1", task).kind == "infra"
    assert extract("x = 1") == "x = 1"
