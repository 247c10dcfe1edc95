"""A program that is wrapped in any of the ways of models comes out as itself."""

# ruff: noqa: E501 - programs and rows are easier to read whole

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from halo_raft.extract import extract, fences

PROGRAMS = {
    "plain": "import re\n\n\ndef solve(text):\n    if not text:\n\n        return []\n    return re.findall(r'\\w+', text)",
    "docstring": 'def solve(text):\n    """Words.\n\n    ```python\n    solve("a b")\n    ```\n    """\n    return text.split()',
    "margin": 'HELP = """\n```\nusage: solve\n```\n"""\n\n\ndef solve(text):\n    return HELP + text',
    "tags": "def solve(text):\n    head, _, tail = text.partition('</think>')\n    return tail or head + '<|im_end|>'",
    "ticks": "def solve(text):\n    return f'```{text}```'",
    "class": "class Solution:\n    def solve(self, text):\n        return text[::-1]",
    "async": "@staticmethod\nasync def solve(text):\n    return text",
}
DRAFT = "def solve(text):\n    return None  # a draft"

THINKING = {
    "none": "{}",
    "think": "<think>\nMaybe:\n```python\n" + DRAFT + "\n```\nNo.\n</think>\n\n{}",
    "opened by the template": "Maybe\n```python\n" + DRAFT + "\n```\n</think>\n{}",
    "fence left open": "<think>\n```python\n" + DRAFT + "\n\nWait.\n</think>\n{}",
    "twice": "<think>a</think>\n```python\n" + DRAFT + "\n```\n<think>better</think>\n{}",
    "thinking": "<thinking>\n" + DRAFT + "\n</thinking>\n{}",
    "mistral": "[THINK]\n```\n" + DRAFT + "\n```[/THINK]{}",
    "thought": "<|begin_of_thought|>\n" + DRAFT + "\n<|end_of_thought|>\n<|begin_of_solution|>\n{}\n<|end_of_solution|>",
    "answer": "<think>\nx\n</think>\n<answer>\n{}\n</answer>",
    "answer alone": "I think:\n```python\n" + DRAFT + "\n```\n<answer>\n{}\n</answer>",
    "harmony": "<|channel|>analysis<|message|>" + DRAFT + "<|end|><|start|>assistant<|channel|>final<|message|>{}",
    "mentioned": "<think>\nI close it with `</think>` later.\n</think>\n{}",
}  # fmt: skip
FENCES = {
    "fence": "Here:\n\n```python\n{}\n```\nThat is all.",
    "other tag": "```Python3\n{}\n```",
    "tilde": "~~~py\n{}\n~~~\n",
    "long": "````python\n{}\n````",
    "word": "```\npython\n{}\n```",
    "unclosed": "Sure.\n```python\n{}\n",
    "shell first": "```bash\npip install nothing-at-all-but-a-long-line\n```\n```python\n{}\n```",
    "demo last": "```python\n{}\n```\nUse it:\n```python\nprint(len('a b c d e f g h i j k l m n o p'))\n```",
    "forgotten": "```python\n{}\n```python\nprint(1)\n```",
    "empty head last": "```python\n{}\n```\nIn short:\n```python\ndef solve(text):\n    ...\n\nclass Solution:\n    def solve(self, text): ...\n```",
}  # fmt: skip
ENDS = [
    "",
    "<|endoftext|>",
    "<|im_end|>\n<|im_start|>user\nmore",
    "</s>",
    "<|eot_id|>",
    "<\uff5cend▁of▁sentence\uff5c>",
    "\n<|file_sep|>def x",
]


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("fence", FENCES, ids=str)
@pytest.mark.parametrize("program", PROGRAMS)
def test_fences_and_ends(program: str, fence: str, end: str) -> None:
    code = PROGRAMS[program]
    text = FENCES[fence].replace("{}", code) + end
    assert extract(text, "python", "Solution().solve" if program == "class" else "solve") == code


@pytest.mark.parametrize("thinking", THINKING)
@pytest.mark.parametrize("program", PROGRAMS)
def test_reasoning_before_a_fence(program: str, thinking: str) -> None:
    code = PROGRAMS[program]
    text = THINKING[thinking].replace("{}", f"```python\n{code}\n```")
    assert extract(text, "python", "Solution().solve" if program == "class" else "solve") == code


@pytest.mark.parametrize("thinking", THINKING)
@pytest.mark.parametrize("program", ["plain", "class"])
def test_reasoning_before_bare_code(program: str, thinking: str) -> None:
    code = PROGRAMS[program]
    assert (
        extract(THINKING[thinking].replace("{}", code), "python", "Solution" if program == "class" else "solve") == code
    )


ODD = ("```", "```python", "```py `x`", "``` \x0b", "````", " ```", "    ```", "- ```", "> ```", "~~~", "x ```")
OTHER = (
    "",
    " ",
    "- item",
    "  more",
    "> quote",
    "1. one",
    "\ttab",
    "    code",
    "def f():",
    "# head",
    "---",
    "<b>",
    "a\x0cb",
)
LINES = st.lists(st.sampled_from(ODD + OTHER), max_size=12)


@settings(max_examples=500, deadline=None)
@given(LINES, st.booleans(), st.booleans())
def test_a_block_that_stands_alone_is_what_the_parser_finds(lines: list[str], fenced: bool, ended: bool) -> None:
    if fenced:  # otherwise few texts have it
        half = len(lines) // 2
        inner = [line for line in lines if "```" not in line and "~~~" not in line]
        lines = [*inner[:half], "```python", *inner[half:], "```", *inner[: half // 2]]
    text = "\n".join(lines) + "\n" * ended
    alone = fences._alone(text)
    if alone is None:
        return
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fences, "_alone", lambda text: None)
        parsed = fences._parsed(text)
    assert (list(alone.fences), alone.tail, list(alone.lines)) == (parsed.fences, parsed.tail, parsed.lines)
