"""Task -> chat messages -> token ids.

Engines and SFT share `token_ids`, so that a model is asked in the very tokens that it was trained on.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from halo_raft.errors import ConfigError
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


def messages(
    task: Task, *, system: str | None = None, show_tests: bool = True, stub: str | None = None
) -> tuple[dict[str, str], ...]:
    """Build the chat that asks for a solution of `task`.

    Args:
        task: The task; a prompt that is code to be completed (HumanEval) is put in a fence.
        system: Replaces the default system prompt; an empty string sends none.
        show_tests: Show the assert statements, so that the function's name and signature are known.
        stub: The same task as the beginning of a program (`stub.function_stub`), to be asked in place of its words.
    """
    content = system_prompt(task.language) if system is None else system
    chat = [{"role": "system", "content": content}] if content else []
    code = stub or (task.prompt if is_code(task) else None)
    question = _completion_question(code, task.language) if code else task.prompt.strip()
    asserts = shown_tests(task) if show_tests and not code else []
    if asserts:
        question += "\n\nYour code should pass these tests:\n\n" + "\n".join(asserts)
    chat.append({"role": "user", "content": question})
    return tuple(chat)


def token_ids(messages: Sequence[dict[str, str]], tokenizer: Any) -> list[int]:
    """Return the token ids of a chat, ready for the assistant's turn.

    A model without a chat template gets the contents joined by blank lines. Where its template has no system
    role, or passes over it, the system's text goes into the first turn of the user.

    Raises:
        ConfigError: The template cannot be used.
    """
    if not tokenizer.chat_template:
        text = "\n\n".join(m["content"] for m in messages) + "\n"
        return list(tokenizer(text)["input_ids"])
    return list(tokenizer(rendered(messages, tokenizer), add_special_tokens=False)["input_ids"])


def rendered(messages: Sequence[dict[str, str]], tokenizer: Any) -> str:
    """Return a chat as the model's template writes it; see `token_ids`.

    Raises:
        ConfigError: The template cannot be used.
    """
    chat = list(messages)
    try:
        text = _render(chat, tokenizer)
        if chat[0]["role"] != "system" or chat[0]["content"].strip() in text:
            return text
        error: Exception | None = None
    except Exception as refused:  # a template raises what it likes
        text, error = "", refused
    if len(chat) > 1 and chat[0]["role"] == "system":
        first = {**chat[1], "content": f"{chat[0]['content']}\n\n{chat[1]['content']}"}
        try:
            return _render([first, *chat[2:]], tokenizer)
        except Exception as refused:
            error = refused
    if error is None:
        return text
    reason = str(error).splitlines()[0] if str(error) else type(error).__name__
    raise ConfigError(f"model.name: the model's chat template cannot be used ({reason})") from error


def _render(chat: list[dict[str, str]], tokenizer: Any) -> str:
    return str(tokenizer.apply_chat_template(chat, add_generation_prompt=True, tokenize=False))


def is_code(task: Task) -> bool:
    """Whether the prompt is the beginning of a program that defines the entry point."""
    if task.entry_point is None:
        return False
    return re.search(rf"^\s*(?:async\s+)?def\s+{re.escape(task.entry_point)}\s*\(", task.prompt, re.M) is not None


def shown_tests(task: Task) -> list[str]:
    """Return the assert statements that may be shown, one a line."""
    if task.shown_tests is not None:
        return list(task.shown_tests)
    if task.test_list:
        return list(task.test_list)
    lines = (line.strip() for line in (task.tests or "").splitlines())
    return [line for line in lines if line.startswith("assert ")] if "def test_solution" in (task.tests or "") else []


def _completion_question(code: str, language: str) -> str:
    name = LANGUAGE_NAMES.get(language, language)
    return f"Complete this {name} function:\n\n```{language}\n{code.strip()}\n```"
