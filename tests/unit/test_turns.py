"""What a further round adds to a chat gives no hidden value away."""

from __future__ import annotations

from dataclasses import replace

import pytest

from halo_raft import prompts
from halo_raft.judging.answer import as_completion
from halo_raft.records import Task, Verdict, VerdictKind
from halo_raft.verifiers import VerifierOptions, create

SHOWN = Task(task_id="t", prompt="Write f.", entry_point="f", test_list=("assert f(1) == 41", "assert f(2) == 'x'"))
HIDDEN = Task(
    task_id="t", prompt="Write f.", entry_point="f", shown_tests=("assert f(1) == 41",),
    tests="def test_solution():\n    assert f(1) == 41\n    assert f(2) == 'secret'\n"
    "    if f(3) != 77: raise ValueError('wanted 77')",
)  # fmt: skip
FIRST = " in this test: assert f(1) == 41"
PRINTS = Task(task_id="t", prompt="Print.", test_cases=({"stdin": "1\n", "expected_output": "secret"},))


VERDICT = Verdict(
    sample_id="s", task_id="t", kind=VerdictKind.WRONG, success=False, reward=0.0, tests_passed=0, tests_total=2,
    details="0/2 tests passed; test 1: AssertionError", integrity="outside", tier="A", cpu_s=0, wall_s=0,
    verifier="mbpp", verifier_version="1",
)  # fmt: skip


def told(task: Task, program: str, verifier: str = "mbpp", **how: bool) -> str:
    verdict = create(verifier, VerifierOptions()).judge("s", as_completion(program), task)
    assert not verdict.success and verdict.kind in prompts.REPAIRABLE, verdict
    return prompts.feedback(task, verdict, **({"show_tests": True} | how))


@pytest.mark.parametrize(
    ("program", "said"),
    [
        ("def f(x):\n    return 41", "It does not pass this test: assert f(2) == 'x'"),
        ("def f(x):\n    return 1 / 0", "It fails with ZeroDivisionError: division by zero" + FIRST),
        ("def f(x):\n    raise ValueError('oh', x)", "It fails with ValueError: ('oh', 1)" + FIRST),
        ("def f(x:", "It does not compile: SyntaxError: '(' was never closed (solution.py, line 1)"),
        ("def f(x):\n    while True: pass", "It takes too long."),
    ],
)  # fmt: skip
def test_where_the_prompt_shows_all_tests_the_first_that_fails_is_named(program: str, said: str) -> None:
    assert told(SHOWN, program) == said


@pytest.mark.parametrize(
    ("program", "said"),
    [
        ("def f(x):\n    return {1: 41, 3: 77}.get(x)", "Its results are wrong."),
        ("def f(x):\n    return math.pi", "It fails with NameError: name 'math' is not defined."),
        ("def f(x):\n    raise KeyError(x)", "It fails with KeyError."),
        ("def f(x):\n    return [41, 'secret', 0][x - 1]", "It fails with ValueError."),
    ],
)
def test_hidden_tests_and_what_they_raise_stay_hidden(program: str, said: str) -> None:
    assert told(HIDDEN, program) == said
    assert told(SHOWN, "def f(x):\n    return 41", show_tests=False) == "Its results are wrong."


def test_a_prompt_that_is_code_shows_no_asserts_and_one_test_may_hide_behind_another() -> None:
    code = Task(task_id="t", prompt="def f(x):\n    'Say.'\n", entry_point="f", test_list=SHOWN.test_list)
    assert told(code, "def f(x):\n    return 41", "python") == "Its results are wrong."
    one = Task(
        task_id="t", prompt="Write f.", entry_point="f", shown_tests=("assert f(1) == 41",),
        tests="def test_all():\n    assert f(2) == 'secret'",
    )  # fmt: skip
    assert told(one, "def f(x):\n    return 41") == "Its results are wrong."


def test_values_that_a_loop_or_a_setup_brings_are_hidden_though_the_assert_is_shown() -> None:
    loop = "def test_solution():\n    for a, b in [(97, 3), (98, 4)]:\n        assert f(a) == b"
    looped = Task(task_id="t", prompt="Write f.", entry_point="f", tests=loop)
    fails = "It fails with KeyError in this test: assert f(a) == b"
    assert told(looped, "def f(x):\n    raise KeyError(x)", "python") == fails
    set_up = Task(
        task_id="t", prompt="Write f.", entry_point="f", test_setup="a = 97\nb = 3", test_list=("assert f(a) == b",)
    )
    assert told(set_up, "def f(x):\n    raise KeyError(x)") == fails
    assert told(SHOWN, "def f(x):\n    raise KeyError(x)") == "It fails with KeyError: 1" + FIRST


def test_a_program_that_may_have_seen_the_tests_is_told_no_text_of_its_own() -> None:
    def beside(kind: VerdictKind, details: str, task: Task = HIDDEN) -> str:
        return prompts.feedback(
            task, replace(VERDICT, kind=kind, details=details, integrity="in_process"), show_tests=True
        )

    assert beside(VerdictKind.RUNTIME, "0/9 tests passed; test 1: NameError: secret") == "It fails with NameError."
    assert beside(VerdictKind.COMPILE, "tests.cc:3: f(2) == secret") == "It does not compile."
    bare = Task(task_id="t", prompt="Write f.")
    assert beside(VerdictKind.COMPILE, "a.cc:3: no ;", bare) == "It does not compile: a.cc:3: no ;"


def test_an_expected_output_stays_hidden() -> None:
    assert told(PRINTS, "print('no')", "execution") == "Its results are wrong."
    assert told(PRINTS, "print(1 / 0)", "execution") == "It fails with ZeroDivisionError: division by zero."


def test_what_tampers_is_not_repaired() -> None:
    assert VerdictKind.VIOLATION not in prompts.REPAIRABLE and VerdictKind.INFRA not in prompts.REPAIRABLE


def test_the_chats_of_further_rounds() -> None:
    asked = prompts.messages(SHOWN)
    said = prompts.feedback(SHOWN, VERDICT, show_tests=True)
    chat = prompts.repair_asked(asked, "def f(x): ...\n", said, "python")
    assert chat[:2] == asked
    assert [m["role"] for m in chat[2:]] == ["assistant", "user"]
    assert chat[2]["content"] == "def f(x): ..." and chat[3]["content"].startswith(said)
    hinted = prompts.hinted(asked, "def f(x):\n    return 1\n", "python")
    assert hinted[0] == asked[0] and len(hinted) == 2
    assert hinted[1]["content"].startswith(asked[1]["content"])
    assert "```python\ndef f(x):\n    return 1\n```" in hinted[1]["content"]


def stub(**fields: object) -> str | None:
    return prompts.function_stub(Task(**({"task_id": "t", "prompt": "Add two.", "entry_point": "f"} | fields)))


def test_a_stub_has_the_references_head_and_nothing_of_its_body() -> None:
    solution = (
        "from typing import List, Dict\nimport math\nLIMIT = 3\n"
        "def f(values: List[int], by=2) -> int:\n    secret = math.pi\n    return secret"
    )
    made = stub(solution=solution, test_list=("assert f([1]) == 2", "assert not f([], by=1)"))
    assert made == (
        "from typing import List\n\n\ndef f(values: List[int], by=2) -> int:\n"
        '    """Add two.\n    >>> f([1])\n    2\n    >>> not f([], by=1)\n    True\n    """\n'
    )
    compile(made, "stub", "exec")


def test_a_stub_is_made_of_tests_where_there_is_no_reference() -> None:
    assert stub(test_list=("assert f(1, 2) == 3", "assert f('a', 'b') == 'ab'")).startswith("def f(a, b):\n")
    assert stub(test_list=("assert f(1, 2) == 3", "assert f(1) == 1")) is None
    assert stub(test_list=("assert f(x=1) == 3",)) is None
    hidden = stub(test_list=("assert f(1) == 4",), shown_tests=())
    assert hidden is None, "what is not shown tells nothing"


def test_what_has_no_stub() -> None:
    known = "def f(x):\n    return x"
    assert stub(solution=known, language="cpp") is None
    assert stub(solution=known, entry_point=None) is None
    assert stub(solution=known, prompt='def f(x):\n    """Add."""\n') is None, "it is one already"
    assert stub(solution="N = 1\ndef f(x=N):\n    return x") is None, "its head needs what is not shown"
    assert stub(solution="import functools\n@functools.cache\ndef f(x):\n    return x") is None


def test_a_docstring_of_any_text_is_a_docstring() -> None:
    made = stub(prompt='Say """\\n""" and C:\\x.', solution="def f(x):\n    return x")
    assert made is not None
    compile(made, "stub", "exec")


def test_a_stub_is_asked_as_a_function_of_humaneval_is() -> None:
    task = Task(task_id="t", prompt="Add.", entry_point="f", test_list=("assert f(1) == 2",))
    made = prompts.function_stub(task)
    code = Task(task_id="t", prompt=made or "", entry_point="f", tests="def check(candidate):\n    pass")
    assert prompts.messages(task, stub=made) == prompts.messages(code)
