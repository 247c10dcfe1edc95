import pytest

from halo_raft.errors import DataError
from halo_raft.records import Task
from halo_raft.verifiers import VerifierOptions
from halo_raft.verifiers.native.cases import cases_of, same


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
