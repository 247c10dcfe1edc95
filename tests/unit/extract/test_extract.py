import ast
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from halo_raft.extract import ALIASES, defines, extract

ADD = "def add(a, b):\n    return a + b"


@pytest.mark.parametrize(
    "tag", ["python", "Python", "PYTHON", "py", "Py3", "python3", "", "{.python}", "python title=x"]
)
def test_tag_in_any_form(tag: str) -> None:
    assert extract(f"Sure!\n\n```{tag}\n{ADD}\n```\nDone.", "python", "add") == ADD


@pytest.mark.parametrize(
    ("tag", "language"),
    [("C++", "cpp"), ("cc", "cpp"), ("cpp", "cpp"), ("c", "cpp"), ("rs", "rust"), ("Rust", "rust"), ("golang", "go")],
)
def test_tags_of_other_languages(tag: str, language: str) -> None:
    code = "int main() { return 0; }"
    assert (
        extract(f"Text\n```bash\nmake all and more and more and more\n```\n```{tag}\n{code}\n```\n", language) == code
    )


def test_language_may_be_an_alias() -> None:
    assert extract("```ruby\nputs 1 # longest of all\n```\n```rs\nfn f() {}\n```", "RS") == "fn f() {}"


def test_unclosed_fence_of_a_truncated_answer() -> None:
    assert extract(f"Here:\n```python\n{ADD}\n    # and the", "python", "add") == ADD + "\n    # and the"


def test_fence_closed_on_the_last_code_line() -> None:
    assert extract(f"```python\n{ADD}```", "python", "add") == ADD
    assert extract(f"```python\n{ADD}```\nThat is it.", "python", "add") == ADD


def test_fence_opened_behind_prose() -> None:
    assert extract(f"Here is the code: ```python\n{ADD}\n```\nDone", "python", "add") == ADD


def test_code_on_the_fence_line() -> None:
    assert extract("```def add(a, b):\n    return a + b\n```", "python", "add") == ADD


def test_block_that_defines_the_entry_point_wins_over_a_longer_one() -> None:
    usage = "import sys\n" + "\n".join(f"print(add({i}, {i}))" for i in range(20))
    assert extract(f"```python\n{usage}\n```\ntext\n```\n{ADD}\n```", "python", "add") == ADD


def test_last_of_two_definitions_wins() -> None:
    better = "def add(a, b):\n    return sum((a, b))"
    assert extract(f"```python\n{ADD}\n```\nor\n```python\n{better}\n```", "python", "add") == better


@pytest.mark.parametrize(
    "body", ["...", "pass", '"""Add."""', "raise NotImplementedError", 'raise NotImplementedError("later")']
)
def test_a_mere_demo_does_not_win(body: str) -> None:
    demo = f"def add(a, b):\n    {body}"
    assert extract(f"```python\n{ADD}\n```\nin short\n```python\n{demo}\n```", "python", "add") == ADD


def test_longest_in_the_right_language_without_entry_point() -> None:
    text = f"```python\nx = 1\n```\n```python\n{ADD}\n```\n```java\n{'class A {}' * 20}\n```"
    assert extract(text) == ADD


def test_a_shell_block_is_never_code() -> None:
    text = "```bash\npip install numpy pandas scipy matplotlib\n```\n"
    assert "pip" not in extract(text + f"```\n{ADD}\n```")
    assert "pip" not in extract(text)


def test_docstring_with_a_fence_inside() -> None:
    code = 'def add(a, b):\n    """Add.\n\n    ```python\n    add(1, 2)\n    ```\n    """\n    return a + b'
    assert extract(f"Here\n```python\n{code}\n```\nBye", "python", "add") == code


def test_block_in_a_list_item_is_dedented() -> None:
    block = "\n".join("   " + line for line in ["```python", *ADD.split("\n"), "```"])
    assert extract(f"1. First:\n{block}\n2. Then", "python", "add") == ADD


def test_tilde_fence_and_long_fence() -> None:
    assert extract(f"~~~python\n{ADD}\n~~~", "python", "add") == ADD
    assert extract(f"````python\n{ADD}\n````", "python", "add") == ADD


def test_new_fence_closes_a_forgotten_one() -> None:
    assert extract(f"```python\n{ADD}\n```python\nprint(add(1, 2))\n```", "python", "add") == ADD


def test_no_fence_at_all() -> None:
    assert extract(ADD, "python", "add") == ADD


def test_no_fence_prose_around() -> None:
    text = f"Sure! Here's the function:\n\nimport math\n\n{ADD}\n\nThis function adds two numbers.\nNote: it is fast."
    assert extract(text, "python", "add") == f"import math\n\n{ADD}"


def test_prose_like_lines_inside_a_long_string_are_kept() -> None:
    code = 'TEXT = """\nThis is a long text here.\n"""\n\ndef add(a, b):\n    return a + b'
    assert extract(code, "python", "add") == code


def test_unfenced_statements_survive() -> None:
    head = "from x import y\nA, B = 1, 2\nd[1] = 2\nx: int = 3\n@wraps(f)\ndef add(a, b):\n    return a\n"
    code = head + "add.x += 1\nprint(add(1, 2))\nadd(1, 2)"
    assert extract(code, "python", "add") == code


@pytest.mark.parametrize(
    "body", ["    return a + b", "    x = 1\n    return x\n\n\ndef other():\n    pass", "\treturn 1"]
)
def test_body_keeps_its_indentation(body: str) -> None:
    assert extract(body, "python", "add") == body
    assert extract("\n" + body + "\n", "python", "add") == body


def test_body_before_a_closing_fence() -> None:
    assert extract("    return a + b\n```\n\nThis adds.", "python", "add") == "    return a + b"


def test_definition_before_a_closing_fence() -> None:
    assert extract(f"{ADD}\n```\nExplanation\n```python\nprint(add(1, 1))\n```", "python", "add") == ADD


def test_lone_space_of_the_tokenizer() -> None:
    assert extract(" " + ADD, "python", "add") == ADD


def test_chat_marks_end_a_bare_answer() -> None:
    assert extract(f"{ADD}\n<|im_end|>\n<|im_start|>user", "python", "add") == ADD


@pytest.mark.parametrize("newline", ["\r\n", "\r"])
def test_line_ends(newline: str) -> None:
    text = f"Hi\n```python\n{ADD}\n```\n".replace("\n", newline)
    assert extract(text, "python", "add") == ADD


def test_nul_and_lone_surrogates_leave_text_that_can_be_written() -> None:
    code = extract('```python\ndef add(a, b):\x00\n    return "\udc80"\n```', "python", "add")
    assert code == 'def add(a, b):\n    return "\ufffd"'
    assert ast.parse(code.encode().decode())


def test_cpp_helpers_after_main_and_braces_in_strings() -> None:
    code = '#include <cstdio>\nvoid g();\nint main() { puts("}"); g(); }\nvoid g() { puts("{"); }'
    assert extract(code, "cpp") == code
    assert extract(f"Here is the program:\n\n{code}\n\nThis program prints a brace.", "cpp") == code


def test_rust_body_with_trailing_expression() -> None:
    body = "    let x = 1;\n    x + y\n}"
    assert extract(body, "rust", "add") == body


def test_go_program_without_fence() -> None:
    code = 'package main\n\nimport "fmt"\n\nfunc main() {\n\tfmt.Println(1)\n}'
    assert extract(f"The solution:\n\n{code}\n", "go") == code


@pytest.mark.parametrize("text", ["", "\n\n", "I cannot help with that.", "```", "```python", "```python\n```", "`x`"])
def test_nothing_to_find(text: str) -> None:
    assert isinstance(extract(text, "python", "add"), str)


def test_defines() -> None:
    assert defines("x = 1\ndef f(a):\n  pass", "f")
    assert defines("f = lambda x: x", "f")
    assert defines("async def f(): pass", "f")
    assert not defines("f == 1\n  def f(): pass\ndef ff(): pass\nf(1)", "f")
    assert defines("std::vector<int> f(int x) {", "f", "cpp")
    assert defines("fn f<T: Ord>(x: T) {}", "f", "rust")


SNIPPETS = st.sampled_from(
    [
        "```",
        "```python\n",
        "~~~",
        "def add(",
        "    return",
        "\n",
        "\r\n",
        '"""',
        "'''",
        "\x00",
        "\udc80",
        " ",
        "é",
        "`",
        "# ",
        "<|",
    ]
)


@settings(max_examples=300, deadline=None)
@given(
    st.lists(SNIPPETS | st.text(st.characters(), max_size=8), max_size=60).map("".join),
    st.sampled_from(["python", "cpp", "rust", "go", "cobol"]),
    st.none() | st.sampled_from(["add", "(", ""]),
)
def test_never_raises_and_can_be_encoded(text: str, language: str, entry_point: str | None) -> None:
    code = extract(text, language, entry_point)
    code.encode("utf-8")
    assert "\x00" not in code
    assert "\r" not in code


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(sorted(tag for tag, language in ALIASES.items() if language == "python")), st.booleans())
def test_fenced_code_comes_back_exactly(tag: str, closed: bool) -> None:
    code = "import re\n\ndef add(a, b):\n    if a:\n\n        return b\n    return '`'"
    assert extract(f"So:\n```{tag}\n{code}\n{'```' if closed else ''}", "python", "add") == code


HOSTILE = [
    "x" * 40,
    "a ",
    " ",
    "\n",
    "```\n",
    "```python\n",
    "`",
    '"""',
    "def add(a):\n    pass\n",
    "This is prose.\n",
    "add ",
    "add<",
    "a```python ",
    "f = 1\n",
    "\t\n",
    "from x ",
    "    x = 1\n",
    "}\n",
    "word word word word\n",
    "\x00\udc80",
    "[a",
]


@pytest.mark.parametrize("piece", HOSTILE)
@pytest.mark.parametrize("language", ["python", "cpp"])
def test_time_is_linear(piece: str, language: str) -> None:
    """A tenfold text takes about tenfold CPU time; a quadratic step would take a hundredfold."""

    def cpu(size: int) -> float:
        text = "def add(a):\n" + piece * (size // len(piece))
        started = time.process_time()
        extract(text, language, "add")
        return time.process_time() - started

    small = min(cpu(100_000) for _ in range(3))
    assert cpu(1_000_000) < 40 * max(small, 0.005)


@pytest.mark.parametrize("line", ["def add(a, b):\n    return a + b", "import math\n" + ADD, "@wraps(f)\n" + ADD])
def test_code_that_begins_behind_the_tag(line: str) -> None:
    assert extract(f"```python {line}\n```", "python", "add") == line


@pytest.mark.parametrize("mark", ["\u200b", "\u2060", "\ufeff\u200b"])
def test_what_nobody_sees_before_a_fence(mark: str) -> None:
    assert extract(f"{mark}```python\n{mark}{ADD}\n{mark}```", "python", "add") == ADD


def test_an_assignment_to_attributes_is_code() -> None:
    code = f"class A: pass\nA.one, A.two = 1, 2\n{ADD}"
    assert extract(code, "python", "add") == code


def test_an_answer_behind_its_own_instruction() -> None:
    assert extract(f"[INST] Write add. [/INST] ```python\n{ADD}\n```</s>", "python", "add") == ADD


@pytest.mark.parametrize("end", ["\u2028", "\u2029", "\x85"])
def test_an_answer_of_one_line_has_the_line_ends_of_unicode(end):
    assert extract(f"```python{end}def f(x):{end}    return x{end}```", "python", "f") == "def f(x):\n    return x"
    told = f"Here:{end}```python{end}def f(x):\n    return x\n```{end}Done."
    assert extract(told, "python", "f") == "def f(x):\n    return x"


def test_an_indentation_copied_from_a_page_is_spaces():
    program = "def f(x):\n    return x"
    assert extract(f"```python\n{program}\n```".replace("    ", "\xa0" * 4), "python", "f") == program
    page = program.replace("    ", "&nbsp;" * 4)
    assert extract(f"<pre><code>{page}</code></pre>", "python", "f") == program
    assert extract("```python\ndef f(x):\n    return '\xa0'\n```", "python", "f").endswith("'\xa0'")
