"""Plain tests are judged without a fork, and give every program the verdict that a judge of its own gives."""

from __future__ import annotations

import ast
import os
import signal
import textwrap
from pathlib import Path

import pytest

from halo_raft.records import Task, Verdict, VerdictKind
from halo_raft.sandbox import Limits
from halo_raft.verifiers import VerifierOptions, create
from halo_raft.verifiers.functions.plain import is_plain
from halo_raft.verifiers.functions.supervisor import JUDGES
from halo_raft.verifiers.functions.terms import Terms

PLAIN = (
    "assert f(1) == 2",
    "assert f([1, (2, 3)], k={'a': {4}}) == -1.5, 'said'",
    "assert f(1) is None or not f(2) and f(3) in (1, 2)",
    "assert abs(f(1) - 0.5) < 1e-6 and round(f(2), 2) == 0.25",
    "assert sorted(set(f(1))) == list(range(3)) and len(f(2)[0][1:]) == 10 ** 5",
    "assert isinstance(f(1), (int, float)), f'got {f(1)}'",
    "cases = [(1, 2), (3, 4)]\nfor a, b in cases: assert f(a) == b",
    "for n in range(5):\n    assert f(str(n)) == 'x' * 3",
    "METADATA = {}\ndef check(candidate):\n    'Some.'\n    assert candidate(1) == 2\ncheck(f)",
    "def test_one():\n    pass\n    assert f(g(1)) == 2",
)
NOT_PLAIN = {
    "a value says how much is made": "assert f(1) * 'x' == ''",
    "a value says how often": "for n in range(f(1)): assert f(n) == n",
    "a value is a format": "assert f(1) % 3 == ''",
    "a value becomes a range": "assert list(range(f(1))) == [0]",
    "more than ten thousand turns": "for n in range(1_000_000): assert f(n) == n",
    "its values are run": "assert eval(f(1)) == 1",
    "a loop without end": "while f(1): assert f(1) == 1",
    "a method of a value": "assert f(1).strip() == ''",
    "a class": "class A: pass\nassert f(1) == 2",
    "a function of the tests": "def same(x): return x\nassert same(f(1)) == 1",
    "a value is kept": "a = f(1)\nassert a == 1",
    "an import": "import random\nassert f(random.random()) == 1",
    "a name of the set-up": "assert f(1) == given",
    "a built-in that the set-up changes": "assert sum(f(1)) == 2",
    "something caught": "try: f(1)\nexcept ValueError: pass\nassert f(2) == 1",
    "a lambda": "assert f(lambda: 1) == 1",
    "stars": "assert f(*[1, 2]) == 1",
    "a comprehension": "assert [f(n) for n in range(3)] == []",
    "arguments with defaults": "def check(candidate, n=f): assert candidate(1) == n",
    "another function's argument": "def check(candidate): assert candidate(1) == 2\ncheck(print)",
}
TERMS = Terms(("f", "g"))
SET_UP = frozenset(("given", "sum"))


@pytest.mark.parametrize("tests", PLAIN)
def test_plain_forms(tests: str) -> None:
    assert is_plain(ast.parse(tests), TERMS, frozenset())


@pytest.mark.parametrize("what", NOT_PLAIN)
def test_other_forms(what: str) -> None:
    assert not is_plain(ast.parse(NOT_PLAIN[what]), TERMS, SET_UP)


def test_classes_and_exceptions_of_the_program_are_not_plain() -> None:
    tree = ast.parse("assert f(1) == 2")
    assert not is_plain(tree, Terms(("f",), classes=frozenset("f")), frozenset())
    assert not is_plain(tree, Terms(("f",), errors=frozenset("f")), frozenset())


TESTS = "assert f([1, 2]) == [2, 1]\nassert f([]) == []\nassert f(['a']) == ['a'], 'one'"
PROGRAMS = {
    "right": "def f(x): return x[::-1]",
    "right, with a list that is no exact one": "class L(list): pass\ndef f(x): return L(x[::-1])",
    "right, in place": "def f(x):\n    x.reverse()\n    return x",
    "an iterator": "def f(x): return reversed(x)",
    "right, with all that it ever saw": "seen = []\ndef f(x):\n    seen.append(x)\n    return x[::-1]",
    "right, by how often it was called": """
        calls = 0
        def f(x):
            global calls
            calls += 1
            return [[2, 1], [], ['a']][calls - 1]
    """,
    "fails from the second call on": """
        seen = []
        def f(x):
            if seen: raise ValueError(len(seen))
            seen.append(x)
            return x[::-1]
    """,
    "exits in its second call": """
        seen = []
        def f(x):
            if seen: raise SystemExit(0)
            seen.append(x)
            return x[::-1]
    """,
    "does not end in its second call": """
        def f(x):
            while not x: pass
            return x[::-1]
    """,
    "the end of an iteration": "def f(x): return next(iter(()))",
    "fails in the first call alone": """
        seen = []
        def f(x):
            seen.append(x)
            return x[::-1] if len(seen) > 1 else seen[9]
    """,
    "no function": "f = 5",
    "a tuple": "def f(x): return tuple(x[::-1])",
    "an object that equals all": "class A:\n    def __eq__(self, o): return True\ndef f(x): return A()",
    "a function": "def f(x): return f",
    "an ordered dictionary": "import collections\ndef f(x): return collections.OrderedDict(a=x)",
    "a large one": "def f(x): return [0] * 300_000",
    "a circle": "def f(x):\n    x.append(x)\n    return x",
    "deep": "def f(x):\n    for _ in range(3000): x = [x]\n    return x",
    "shared without end": "def f(x):\n    for _ in range(60): x = [x, x]\n    return x",
    "an error": "def f(x): raise KeyError('k')",
    "an error of its own, with an object": """
        class E(Exception): pass
        def f(x):
            error = E()
            error.me = error
            raise error
    """,
    "no memory": "def f(x): return [0] * 10**9",
    "an exit": "def f(x): raise SystemExit(0)",
    "a sudden end": "import os\ndef f(x): os._exit(0)",
    "no end": "def f(x):\n    while True: pass",
    "not there": "def g(x): return x",
    "no program": "def f(x) return x",
    "fails while loading": "raise ValueError('l')",
    "a forged answer": """
        import os
        def f(x):
            for fd in range(3, 64):
                try: os.write(fd, bytes((0, 0, 0, 9)) + bytes(8) + b'V')
                except OSError: pass
            return x[::-1]
    """,
    "a frame without end": """
        import os
        def f(x):
            for fd in range(3, 64):
                try: os.write(fd, b'\\xff' * 4)
                except OSError: pass
            return x[::-1]
    """,
}
LIMITS = Limits(cpu_s=1, wall_s=10, memory_mb=256)


def judge(code: str, tests: str) -> Verdict:
    task = Task(task_id="t", prompt="p", entry_point="f", tests=tests)
    return create("python", VerifierOptions(limits=LIMITS)).judge("s", textwrap.dedent(code).strip("\n"), task)


def told(verdict: Verdict) -> tuple[object, ...]:
    return verdict.kind, verdict.reward, verdict.tests_passed, verdict.details, verdict.integrity


@pytest.mark.parametrize("what", PROGRAMS)
def test_the_verdict_is_that_of_a_judge_of_its_own(what: str) -> None:
    plain, own = judge(PROGRAMS[what], TESTS), judge(PROGRAMS[what], f"{TESTS}\nimport math")
    assert plain.kind is not VerdictKind.INFRA
    assert plain.success == what.startswith("right")
    assert told(plain) == told(own)


def waiting(plain: bool = True) -> list[int]:
    """Return the processes that judge by plain tests, or fork judges, and wait for the next program."""
    idle = [judges for key, idle in JUDGES._idle.items() if key[2] == plain for judges, _ in idle]
    for judges in idle:
        judges._run.poll()  # its zygote may have told the process id meanwhile
    return [judges._run.pid for judges in idle if judges._run.pid]


def test_one_process_judges_all_and_forks_none() -> None:
    judge(PROGRAMS["right"], TESTS)
    before = waiting()
    assert [judge(PROGRAMS[what], TESTS).kind.value for what in ("right", "an error", "right")] == [
        "passed", "runtime", "passed",
    ]  # fmt: skip
    assert before
    assert waiting() == before
    stats = [Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split() for pid in before]
    assert {stat[8] for stat in stats} == {"0"}, "page faults of ended children"


@pytest.mark.parametrize("plain", [True, False])
def test_the_end_of_what_judges_costs_nobody_a_verdict(plain: bool) -> None:
    tests = TESTS if plain else f"{TESTS}\nimport math"
    judge(PROGRAMS["right"], tests)
    before = waiting(plain)
    for pid in before:
        os.kill(pid, signal.SIGKILL)
    assert judge(PROGRAMS["right"], tests).success
    assert not judge(PROGRAMS["a tuple"], tests).success
    assert before
