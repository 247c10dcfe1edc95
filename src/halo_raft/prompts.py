"""Task -> chat messages -> token ids: what the model is asked, in which words.

The counterpart of `extract` (completion -> code). Engines and SFT share `token_ids`, so that a model is
asked in the very tokens that it was trained on.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from halo_raft.records import Task

LANGUAGE_NAMES = {
    "python": "Python",
    "c": "C",
    "cpp": "C++",
    "rust": "Rust",
    "go": "Go",
}


def system_prompt(language: str) -> str:
    """Return the default system prompt for tasks in `language`."""
    return f"You are an expert {LANGUAGE_NAMES.get(language, language)} programmer."


def messages(task: Task, *, system: str | None = None, show_tests: bool = True) -> tuple[dict[str, str], ...]:
    """Build the chat that asks for a solution of `task`.

    Args:
        task: The task; a prompt that is code to be completed (HumanEval) is put in a fence.
        system: Replaces the default system prompt; an empty string sends none.
        show_tests: Show the assert statements, so that the function's name and signature are known.
    """
    content = system_prompt(task.language) if system is None else system
    chat = [{"role": "system", "content": content}] if content else []
    question = _completion_question(task) if is_code(task) else task.prompt.strip()
    asserts = shown_tests(task) if show_tests and not is_code(task) else []
    if asserts:
        question += "\n\nYour code should pass these tests:\n\n" + "\n".join(asserts)
    chat.append({"role": "user", "content": question})
    return tuple(chat)


def token_ids(messages: Sequence[dict[str, str]], tokenizer: Any) -> list[int]:
    """Return the token ids of a chat, ready for the assistant's turn.

    A model without a chat template gets the contents joined by blank lines.
    """
    if not tokenizer.chat_template:
        text = "\n\n".join(m["content"] for m in messages) + "\n"
        return list(tokenizer(text)["input_ids"])
    text = tokenizer.apply_chat_template(list(messages), add_generation_prompt=True, tokenize=False)
    return list(tokenizer(text, add_special_tokens=False)["input_ids"])


def is_code(task: Task) -> bool:
    """Whether the prompt is the beginning of a program that defines the entry point."""
    if task.entry_point is None:
        return False
    return re.search(rf"^\s*(?:async\s+)?def\s+{re.escape(task.entry_point)}\s*\(", task.prompt, re.M) is not None


def shown_tests(task: Task) -> list[str]:
    """Return the assert statements that may be shown, one a line."""
    if task.test_list:
        return list(task.test_list)
    lines = (line.strip() for line in (task.tests or "").splitlines())
    return [line for line in lines if line.startswith("assert ")] if "def test_solution" in (task.tests or "") else []


def _completion_question(task: Task) -> str:
    name = LANGUAGE_NAMES.get(task.language, task.language)
    return f"Complete this {name} function:\n\n```{task.language}\n{task.prompt.strip()}\n```"
