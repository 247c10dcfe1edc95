"""What further rounds of a cycle add to a chat: a failed answer with its verdict, or the reference. Pure functions.

A verdict is told as far as the prompt could tell it: an expected value that the prompt does not show stays hidden, also
where the program could have come by it (`integrity` other than `outside`) and says it in an exception.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from halo_raft.prompts.chat import LANGUAGE_NAMES, is_code, shown_tests
from halo_raft.records import Verdict, VerdictKind
from halo_raft.task_record import Task

Chat = tuple[dict[str, str], ...]

ABOUT_NAMES = frozenset(
    {"AttributeError", "ImportError", "IndexError", "ModuleNotFoundError", "NameError", "RecursionError", "TypeError"}
    | {"UnboundLocalError", "ZeroDivisionError"}
)
"""Exceptions whose text tells names and types; that of others may tell values, and a hidden test may raise it."""

_TEST = re.compile(r"\btest (\d+):")
_RAISED = re.compile(r"\b(?:\w+\.)*(\w+(?:Error|Exception|Exit|Iteration))\b(: .*)?$")
REPAIRABLE = frozenset(VerdictKind) - {VerdictKind.PASSED, VerdictKind.VIOLATION, VerdictKind.INFRA}
"""Kinds of verdicts that say of a program what there is to mend."""

_LIMITS = {
    VerdictKind.TIMEOUT: "It takes too long.",
    VerdictKind.MEMORY: "It needs too much memory.",
    VerdictKind.OUTPUT_LIMIT: "It prints too much.",
}


def repair_asked(asked: Chat, completion: str, told: str, language: str) -> Chat:
    """Return the chat that asks for a failed answer once more.

    Args:
        asked: The chat that it answered.
        completion: The answer.
        told: What was wrong with it; see `feedback`.
        language: Of the program.
    """
    name = LANGUAGE_NAMES.get(language, language)
    again = f"{told}\n\nFix it: write the complete, corrected {name} code."
    return (*asked, {"role": "assistant", "content": completion.strip()}, {"role": "user", "content": again})


def hinted(asked: Chat, program: str, language: str) -> Chat:
    """Return a chat with a correct program in view, to be solved in the model's own words.

    Args:
        asked: The chat that asks for the task alone.
        program: The reference.
        language: Of the program.
    """
    *before, question = asked
    shown = f"A correct solution is:\n\n```{language}\n{program.strip()}\n```\n\nWrite the solution in your own words."
    return (*before, {**question, "content": f"{question['content']}\n\n{shown}"})


def feedback(task: Task, verdict: Verdict, *, show_tests: bool) -> str:
    """Return what was wrong with an answer, in a sentence or two that give no hidden value away.

    Args:
        task: What was asked.
        verdict: Of the answer; no success.
        show_tests: Whether the prompt shows the task's tests.
    """
    shown = shown_tests(task) if show_tests and not is_code(task) and task.shown_tests is None else []
    all_named = len(shown) == verdict.tests_total > 0
    test = _test(verdict.details, shown) if all_named else ""
    all_shown = all_named and bool(task.test_list) and not task.test_setup  # else a loop or a setup has further values
    knew_nothing = verdict.integrity == "outside"
    match verdict.kind:
        case VerdictKind.COMPILE:
            said = verdict.details.rpartition("case 1: ")[2]
            return f"It does not compile: {said}" if knew_nothing or not task.has_tests else "It does not compile."
        case VerdictKind.TIMEOUT | VerdictKind.MEMORY | VerdictKind.OUTPUT_LIMIT:
            return _LIMITS[verdict.kind]
        case VerdictKind.RUNTIME:
            raised = _raised(verdict.details, all_shown, knew_nothing)
            where = f" in this test: {test}" if test else "."
            return f"It fails with {raised}{where}" if raised else f"It crashes{where}"
    return f"It does not pass this test: {test}" if test else "Its results are wrong."


def _raised(details: str, all_shown: bool, knew_nothing: bool) -> str:
    """Return the exception that details tell of; its text only where no hidden value can be in it."""
    found = _RAISED.search(details)
    if found is None:
        return ""
    told = all_shown or (knew_nothing and found[1] in ABOUT_NAMES)
    return f"{found[1]}{found[2] or ''}" if told else found[1]


def _test(details: str, shown: Sequence[str]) -> str:
    """Return the shown test that details name; nothing where they name none."""
    found = _TEST.search(details)
    number = int(found[1]) - 1 if found else -1
    return shown[number].strip() if 0 <= number < len(shown) else ""
