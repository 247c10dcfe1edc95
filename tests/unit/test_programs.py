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
