import dataclasses

import pytest

from halo_raft.errors import DataError
from halo_raft.records import Task
from halo_raft.sandbox import Limits
from halo_raft.verifiers import VerifierOptions
from halo_raft.verifiers.native.cases import Case, cases_of, limits_of, same


@pytest.mark.parametrize(
    ("actual", "expected", "comparison", "equal"),
    [
        ("1 2  \n3\n\n", "1 2\n3", "exact", True),
        ("1  2\n", "1 2\n", "exact", False),
        (" 1\n", "1\n", "exact", False),
        ("1\n\n2", "1\n2", "exact", False),
        ("1 2\n3", "1\n2 3", "token", True),
        ("1 2", "1 2 3", "token", False),
        ("1 2 3", "1 2", "token", False),
        ("0.3333333", "0.33333334", "numeric", True),
        ("0.34", "0.33", "numeric", False),
        ("x 1.0", "x 1", "numeric", True),
        ("y 1.0", "x 1", "numeric", False),
        ("nan", "1", "numeric", False),
        ("", "", "exact", True),
        ("", "1", "numeric", False),
        ("1000000006", "1000000007", "numeric", False),
        ("1.0e9", "1000000007", "numeric", False),
        ("1000000007.0", "1000000007", "numeric", True),
        ("+7", "7", "numeric", True),
        ("007", "7", "numeric", True),
        ("1_0", "10", "numeric", False),
        ("1" * 5000, "1" * 5000, "numeric", True),
        ("1" * 4999 + "2", "1" * 5000, "numeric", False),
        ("7" * 20_000, "7", "numeric", False),
        ("inf", "1", "numeric", False),
        ("sNaN", "1", "numeric", False),
    ],
)
def test_outputs_are_compared_whole(actual: str, expected: str, comparison: str, equal: bool) -> None:
    assert same(actual, expected, comparison, 1e-6) is equal


def test_cases_come_from_the_task_before_the_settings() -> None:
    options = VerifierOptions(expected_output="from settings")
    assert cases_of(Task(task_id="t", prompt="p"), VerifierOptions()) == ()
    assert [c.expected for c in cases_of(Task(task_id="t", prompt="p"), options)] == ["from settings"]
    assert [c.expected for c in cases_of(Task(task_id="t", prompt="p", expected_output="own"), options)] == ["own"]
    several = Task(
        task_id="t", prompt="p", test_cases=({"stdin": "1", "expected_output": "2"}, {"expected_output": ""})
    )
    assert [(c.stdin, c.expected) for c in cases_of(several, options)] == [(b"1", "2"), (b"", "")]


def test_a_case_without_output_is_an_error_that_names_it() -> None:
    task = Task(task_id="t", prompt="p", test_cases=({"stdin": "1"},))
    with pytest.raises(DataError, match=r"'t': test_cases\[0\] has no expected_output"):
        cases_of(task, VerifierOptions())


def test_a_tasks_own_limits_are_multiplied_and_bounded() -> None:
    case = Case(b"", "1")
    own = Task(task_id="t", prompt="p", time_limit_s=1.5, memory_limit_mb=256)
    options = VerifierOptions(limits=Limits(cpu_s=5, wall_s=15, memory_mb=512))
    python, cpp = limits_of(own, case, options, "python"), limits_of(own, case, options, "cpp")
    assert (python.cpu_s, python.wall_s, python.memory_mb) == (7.5, 22.5, 320)
    assert (cpp.cpu_s, cpp.wall_s, cpp.memory_mb) == (3.0, 9.0, 256)
    doubled = limits_of(own, case, dataclasses.replace(options, limit_factor=4), "cpp")
    assert (doubled.cpu_s, doubled.memory_mb) == (6.0, 1024)
    greedy = limits_of(dataclasses.replace(own, time_limit_s=3600, memory_limit_mb=10**6), case, options, "go")
    assert (greedy.cpu_s, greedy.memory_mb) == (60, 8192)
    plain = limits_of(Task(task_id="t", prompt="p"), case, options, "python")
    assert (plain.cpu_s, plain.memory_mb) == (5, 512)


def test_the_output_may_be_as_long_as_what_is_expected() -> None:
    limits = limits_of(Task(task_id="t", prompt="p"), Case(b"", "x" * (4 << 20)), VerifierOptions(), "python")
    assert limits.output_kb >= 4 << 10


def test_a_task_that_we_cannot_judge_is_named_as_our_limit() -> None:
    task = Task(task_id="t", prompt="p", test_cases=({"expected_output": ""},), our_limit="it is interactive")
    with pytest.raises(DataError, match="cannot be judged here: it is interactive"):
        cases_of(task, VerifierOptions())
