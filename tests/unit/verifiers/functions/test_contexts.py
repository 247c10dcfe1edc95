"""A context of the program's cannot take back what an assert in its block found, wherever the tests stand."""

from __future__ import annotations

import pytest

from halo_raft.records import Task, Verdict
from halo_raft.verifiers import VerifierOptions, create

BESIDE = "with open('/dev/null') as nothing:\n    pass\n"
TWICE = "with f(2) as v:\n    assert v == 4\nwith f(3) as v:\n    assert v == 9\n"
BY_PYTEST = "from solution import f\ndef test_it(tmp_path):\n    with f(2) as v:\n        assert v == 4\n"
IN_A_HELPER = (
    f"{BESIDE}def told():\n    with f(2) as v:\n        assert v == 4\n        return v\ntold()\nassert f(1)\n"
)
SWALLOWS = """
class Context:
    def __enter__(self): return 0
    def __exit__(self, *error): return True
def f(x): return Context()
"""
HONEST = "from contextlib import contextmanager\n@contextmanager\ndef f(x):\n    yield x * x\n"


def judge(code: str, tests: str) -> Verdict:
    task = Task(task_id="t", prompt="p", entry_point="f", tests=tests)
    return create("python", VerifierOptions()).judge("s", code, task)


@pytest.mark.parametrize(
    ("tests", "integrity"),
    [
        (TWICE, "outside"),
        (BESIDE + TWICE, "in_process"),
        (BY_PYTEST, "in_process"),
        (IN_A_HELPER, "in_process"),
        (f"{BESIDE}with f(1) as w:\n    with f(2) as v:\n        assert v == 4\n", "in_process"),
    ],
)
def test_a_failed_assert_stays_one(tests: str, integrity: str) -> None:
    honest, swallows = judge(HONEST, tests), judge(SWALLOWS, tests)
    assert honest.success
    assert honest.integrity == swallows.integrity == integrity
    assert not swallows.success
    assert swallows.kind in ("wrong", "runtime")


def test_what_a_context_is_asked_to_swallow_it_may() -> None:
    tests = f"{BESIDE}with f(KeyError):\n    raise KeyError\nwith f(ValueError):\n    assert f(1)\nassert f(2)\n"
    code = "import contextlib\ndef f(kind): return contextlib.suppress(kind) if isinstance(kind, type) else True"
    assert judge(code, tests).success
    assert not judge(f"{HONEST}\n", tests).success


def test_an_assert_that_is_expected_to_fail_may() -> None:
    tests = f"import pytest\n{BESIDE}with pytest.raises(AssertionError):\n    assert f(1) == 2\nassert f(2) == 2\n"
    assert judge("def f(x): return x", tests).success
