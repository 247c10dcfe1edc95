"""Chats as a model's template writes them, also where it has no system role."""

from __future__ import annotations

import jinja2
import pytest

from halo_raft import prompts
from halo_raft.errors import ConfigError
from halo_raft.records import Task

CHAT = ({"role": "system", "content": "Be brief."}, {"role": "user", "content": "Add."})


class Tokenizer:
    """Renders a template and makes a token of each word."""

    def __init__(self, template: str) -> None:
        self.chat_template = template

    def apply_chat_template(self, chat, add_generation_prompt, tokenize):
        def refuse(text):
            raise jinja2.TemplateError(text)

        return jinja2.Template(self.chat_template).render(messages=chat, raise_exception=refuse)

    def __call__(self, text, add_special_tokens=True):
        return {"input_ids": text.split()}


ALL = "{% for m in messages %}[{{ m.role }}] {{ m.content }} {% endfor %}"
NO_SYSTEM = "{% if messages[0].role == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}" + ALL
PASSES_OVER = "{% for m in messages if m.role != 'system' %}[{{ m.role }}] {{ m.content }} {% endfor %}"


def test_a_system_text_has_a_turn_of_its_own() -> None:
    assert prompts.token_ids(CHAT, Tokenizer(ALL)) == ["[system]", "Be", "brief.", "[user]", "Add."]


@pytest.mark.parametrize("template", [NO_SYSTEM, PASSES_OVER])
def test_without_a_system_role_it_goes_into_the_first_turn(template: str) -> None:
    assert prompts.token_ids(CHAT, Tokenizer(template)) == ["[user]", "Be", "brief.", "Add."]


@pytest.mark.parametrize("template", ["{{ raise_exception('never') }}", "{% if %}"])
def test_a_template_that_cannot_be_used_is_one_line(template: str) -> None:
    with pytest.raises(ConfigError, match="chat template cannot be used") as caught:
        prompts.token_ids(CHAT, Tokenizer(template))
    assert "\n" not in str(caught.value)


def test_hidden_tests_are_not_shown() -> None:
    tests = "def test_solution():\n    assert f(1) == 2\n"
    task = Task(task_id="t", prompt="p", tests=tests)
    assert prompts.shown_tests(task) == ["assert f(1) == 2"]
    assert prompts.shown_tests(Task(task_id="t", prompt="p", tests=tests, shown_tests=())) == []
    assert prompts.shown_tests(Task(task_id="t", prompt="p", tests=tests, shown_tests=("assert g()",))) == [
        "assert g()"
    ]
