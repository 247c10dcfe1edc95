"""Programs are the same when only their words differ."""

import pytest

from halo_raft.programs import normalised_program, shingles, similarity
from halo_raft.records import Task

TASK = Task(task_id="t", prompt="p", entry_point="f", test_list=("assert f() == 1",))
CPP = Task(task_id="c", prompt="p", language="cpp")


def same(one: str, other: str, task: Task = TASK) -> bool:
    return normalised_program(one, task) == normalised_program(other, task)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("def f(x):\n    return x", 'def f(value: int) -> int:\n    """Doc."""\n    return value  # note'),
        ("def f(a):\n    b: int = a\n    return b", "def f(x):\n    y: float = x\n    return y"),
        ("def f():\n    def g(a):\n        return a\n    return g(a=1)",) * 2,
        ("def f(n):\n    global t\n    t = n", "def f(m):\n    global u\n    u = m"),
    ],
)
def test_layout_comments_annotations_and_variable_names_do_not_count(one, other):
    assert same(one, other)


F = "def f(x):\n    return g(x)\n"
G = "def g(x):\n    return N + x\n"
N = "N = 1\n"


@pytest.mark.parametrize(
    "other",
    [
        N + G + F + "print(f(3))\nassert f(3) == 4\n",
        "import math\n" + N + G + F,
        N + G + F + "def f_again(x):\n    return f(x) + 0\n",
        "def f(x):\n    return x\n" + N + G + F,
        N + G + F + "if __name__ == '__main__':\n    answer = f(1)\n    print(answer)\n",
        (N + G + F).replace("g(", "helper("),
    ],
)
def test_what_the_entry_point_does_not_reach_does_not_count(other):
    assert same(N + G + F, other)


@pytest.mark.parametrize(
    "other",
    [
        N + G.replace("+", "-") + F,
        N.replace("1", "2") + G + F,
        N + "N += 1\n" + G + F,
        N + G + F + "f = abs\n",
        N + G + F + "def f(x):\n    return g(x) + 0\n",
        "from math import *\n" + N + G + F,
        "N = [1]\nN[0] = 2\n" + G + F,
        N + "N.append(2)\n" + G + F,
        "try:\n    N = 1\nexcept NameError:\n    N = 2\n" + G + F,
    ],
)
def test_what_the_entry_point_reaches_counts(other):
    assert not same(N + G + F, other)


def test_without_the_entry_point_every_statement_counts():
    assert not same("x = 1\ny = 2", "x = 1")
    assert not same("print(1)\nprint(2)", "print(1)", Task(task_id="p", prompt="p", expected_output="1"))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("def f(a, b): return a - b", "def f(a, b): return b - a"),
        ("def f(a, b): return a - b", "def f(a, b): return a + b"),
        ("x = 'a'", "x = 'b'"),
        ("def f():\n    return g()", "def f():\n    return h()"),
        (
            "def f():\n    def g(a, b): return a - b\n    return g(a=1, b=2)",
            "def f():\n    def g(b, a): return b - a\n    return g(a=1, b=2)",
        ),
    ],
)
def test_different_programs_stay_different(one, other):
    assert not same(one, other)


def test_other_languages_and_python_that_does_not_parse_are_compared_by_tokens():
    one = "```cpp\nint f() { return 1; } // one\n```"
    assert same(one, "```cpp\nint f()\n{\n  /* 1 */ return 1;\n}\n```", CPP)
    assert not same(one, one.replace("1;", "2;"), CPP)
    assert same("def f(:\n  return", "def f(:\n    return")


def test_similarity_is_1_for_the_same_and_falls_with_every_change():
    base, near, far = ("a b c d e f g", "a b c d e f h", "u v w x y z")
    assert similarity(shingles(base), shingles(base)) == 1
    assert 0 == similarity(shingles(base), shingles(far)) < similarity(shingles(base), shingles(near)) < 1
    assert similarity(shingles(""), shingles("a")) == 0
