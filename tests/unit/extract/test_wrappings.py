"""A program that is wrapped in any of the ways of models comes out as itself."""

# ruff: noqa: E501 - programs and rows are easier to read whole

from __future__ import annotations

import html

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
    "entities": "def solve(text):\n    return '&lt;' + text if len(text) < 3 and text else text & {'&amp;'}",
    "separators": "def solve(text):\n    '''One\u2028two\x85three\x0cfour.'''\n\n    return text.split('\u2029')\n\x0c\n\nclass Rest: ...",
    "html": 'def solve(text):\n    """\n    <pre><code>solve("a")</code></pre>\n    """\n    return f"<code>{text}</code>"',
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
    "separator behind it": "```python\n{}\n```\u2028\nThat's it.\n",
    "next line behind it": "Here:\n```python\n{}\n```\x85\n\nWords, and more of them.\n```\n1 2\n```\n",
    "form feed behind it": "```py\x0c\n{}\n```\x0c\n",
    "prose behind it": "```python\n{}\n``` That is all.\nIt prints\n```\n1 2\n```\nand ends.",
    "invisible behind it": "```python\n{}\n```\u200b\nWords.",
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


TAGS = {
    "pre": "Here:\n\n<pre><code>{}</code></pre>\n\nThat is all.",
    "on lines": '<p>My <b>answer</b>:</p>\n<pre>\n<code class="language-python">\n{}\n</code>\n</pre>\n<p>Done.</p>',
    "pre alone": "The answer: <pre lang='python'>{}</pre>",
    "code alone": "Use <code>len</code>:\n<code>\n{}\n</code>\nThis works.",
    "in an answer": "<think>\n<pre><code>"
    + DRAFT
    + "</code></pre>\n</think><answer><PRE><CODE>{}</CODE></PRE></answer>",
    "after another": "<pre><code>print(1)</code></pre> and then <pre><code>{}</code></pre>",
}


@pytest.mark.parametrize("escaped", [True, False])
@pytest.mark.parametrize("tags", TAGS)
@pytest.mark.parametrize("program", PROGRAMS)
def test_tags_of_html(program: str, tags: str, escaped: bool) -> None:
    code = PROGRAMS[program]
    text = TAGS[tags].replace("{}", html.escape(code, quote=len(tags) % 2 > 0) if escaped else code)
    assert extract(text, "python", "Solution" if program == "class" else "solve") == code


def test_tags_in_other_languages_and_of_forums() -> None:
    code = "#include <vector>\nint solve(int a) { return a < 2 && a; }"
    assert extract(f"So:\n<pre><code>{html.escape(code)}</code></pre>\nok", "cpp", "solve") == code
    assert extract(f"So: [code=cpp]{code}[/code] ok", "cpp", "solve") == code


def test_code_by_indentation_alone() -> None:
    program = "import sys\n\nprint(sum(map(int, sys.stdin)))"
    text = "Here:\n\n" + "\n".join(f"    {line}" for line in program.split("\n")) + "\n\nThat is all."
    assert extract(text, "python") == program
    assert (
        extract("The body:\n\n    x = text\n    return x\n\nDone.", "python", "solve") == "    x = text\n    return x"
    )


def test_tags_in_a_bare_program_are_its_own() -> None:
    code = "def solve(text):\n    return text\n\n\nHELP = '''\n<pre><code>\ndef solve(text): pass\n</code></pre>\n'''"
    assert extract(code, "python", "solve") == code


LINES = st.lists(
    st.sampled_from(
        [
            "x = 1",
            "x = '\u2028\x85\x0c'",
            "",
            "if x:\n        x += 1",
            "s = '```'",
            'd = """\n    ```\n    """',
            "# </think> and <think>",
            "y = '<|im_end|>'",
        ]
    ),
    max_size=6,
)


@settings(max_examples=150, deadline=None)
@given(
    LINES,
    st.sampled_from(sorted(FENCES)),
    st.sampled_from(sorted(THINKING)),
    st.sampled_from(["", "> "]),
    st.sampled_from([0, 2, 4, 8]),
    st.booleans(),
)
def test_any_program_in_any_wrapping(
    lines: list[str], fence: str, thinking: str, quote: str, indent: int, bom: bool
) -> None:
    code = "def solve(text):\n" + "".join(f"    {line}\n" if line else "\n" for line in lines) + "    return text"
    code = code.replace("# </think> and <think>", "# `</think>` and `<think>`")
    wrapped = FENCES[fence].replace("{}", ("\ufeff" if bom else "") + code)
    wrapped = "\n".join(
        f"{quote}{' ' * (indent % 4 if quote else indent)}{line}" if line or quote else line
        for line in wrapped.split("\n")
    )
    assert extract(THINKING[thinking].replace("{}", "\n" + wrapped), "python", "solve") == code


def test_reasoning_alone_is_no_answer() -> None:
    for text in (
        f"<think>\n```python\n{DRAFT}\n```\n",
        f"<think>{DRAFT}</think>",
        f"<|channel|>analysis<|message|>{DRAFT}",
    ):
        assert extract(text, "python", "solve") == ""


def test_reasoning_after_the_answer_is_cut_off() -> None:
    text = f"```python\n{PROGRAMS['plain']}\n```\n<think>\nOr rather\n```python\n{DRAFT}\n```"
    assert extract(text, "python", "solve") == PROGRAMS["plain"]


def test_a_program_is_put_together_from_its_blocks() -> None:
    blocks = {
        "imports": "import math\nfrom os import *",
        "constant": "LIMIT = math.inf",
        "helper": "def area(r):\n    return math.pi * r",
        "draft": "def solve(r):\n    return 0\n\nprint(solve(1))",
        "answer": "def solve(r):\n    return min(area(r), LIMIT)",
        "tests": "import pytest_nowhere\n\n@pytest_nowhere.fixture\ndef test_solve():\n    assert solve(1)\n\nprint(solve(3))",
    }
    code = extract("\n".join(f"{name}:\n```python\n{block}\n```" for name, block in blocks.items()), "python", "solve")
    names: dict[str, object] = {}
    exec(code, names)
    assert round(names["solve"](1), 2) == 3.14
    assert "print" not in code and "pytest" not in code and "return 0" not in code


def test_what_the_tests_use_beside_the_entry_point_is_taken_too() -> None:
    text = "```python\nimport zlib\n\n\ndef enc(s):\n    return zlib.compress(s)\n```\n```python\ndef dec(s):\n    return s\n```"
    names: dict[str, object] = {}
    exec(extract(text, "python", "dec", names=("enc",)), names)
    assert {"enc", "dec", "zlib"} <= names.keys()


def test_a_sketch_that_is_no_python_is_no_answer() -> None:
    sketch = "def solve(text):\n    return text if ... and so on"
    text = f"```python\n{PROGRAMS['plain']}\n```\nOr like this:\n```python\n{sketch}\n```"
    assert extract(text, "python", "solve") == PROGRAMS["plain"]
    assert extract(f"```python\n{sketch}\n```", "python", "solve") == sketch


def test_a_future_import_stays_first() -> None:
    text = "```python\nimport math\n```\n```python\nfrom __future__ import annotations\n\ndef solve(x: math) -> int:\n    return math.floor(x)\n```"
    compile(extract(text, "python", "solve"), "x", "exec")


def test_the_last_program_that_reads_input_is_the_answer_of_a_contest() -> None:
    first, last = "print(input() * 2)  # not quite, but longer than what follows", "n = int(input())\nprint(n * 2)"
    text = f"```python\n{first}\n```\nBetter:\n```python\n{last}\n```\nPrints\n```\n84\n```"
    assert extract(text, "python") == last


def test_includes_and_helpers_of_cpp_come_before_the_function() -> None:
    text = "```cpp\n#include <vector>\nusing namespace std;\n```\n```cpp\nint twice(int x) { return 2 * x; }\n```\n```cpp\nint solve(int x) { return twice(x); }\n```"
    code = extract(text, "cpp", "solve")
    assert code.index("#include") < code.index("int twice") < code.index("int solve")


def test_an_entry_point_outside_of_the_fences_is_found() -> None:
    code = "def solve(x):\n    return x"
    assert extract(f"{code}\n\nExample:\n```python\nprint(solve(2))\n```", "python", "solve") == code


def test_html_and_generics_are_no_special_tokens() -> None:
    code = "int solve() { vector<s> a; set<pad> b; return a.size(); }"
    assert extract(f"```cpp\n{code}\n```", "cpp", "solve") == code


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
MARKED_LINES = st.lists(st.sampled_from(ODD + OTHER), max_size=12)


@settings(max_examples=500, deadline=None)
@given(MARKED_LINES, st.booleans(), st.booleans())
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
