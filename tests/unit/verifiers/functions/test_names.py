"""What a trusted text says of the program's names, and what of it the program gets to see."""

import pytest

from halo_raft.records import Task
from halo_raft.verifiers.functions.instrument import suite_of
from halo_raft.verifiers.functions.names import terms_of
from halo_raft.verifiers.functions.trusted import helpers, visible


def terms(tests, setup="", prompt="Solve it.", solution=""):
    return terms_of(tests, setup, prompt, solution, None)


@pytest.mark.parametrize(
    ("tests", "setup", "targets"),
    [
        ("assert f(1) == 2", "", ["f"]),
        ("assert Counter(uniq([1])) == Counter([1])", "from collections import Counter", ["uniq"]),
        ("assert close(f(1), 2)", "def close(a, b): return a == b", ["f"]),
        ("assert LIMIT == 3 and f(1)", "", ["f", "LIMIT"]),
        ("assert dec(enc('a')) == 'a'", "", ["dec", "enc"]),
        ("@memo\ndef g(x): return x\nassert g(1) == 1", "", ["memo"]),
        ("try:\n    f()\nexcept Short as e:\n    assert e", "", ["f", "Short"]),
        ("for x in range(3):\n    y = x\n    assert f(y) == x", "", ["f"]),
        ("assert f(root) == 1", "root = Node(1)", ["f", "Node"]),
        ("from solution import g as h\nassert h(1) == 1", "", ["g"]),
        ("import solution\nassert solution.g(1) == 1", "", ["g"]),
        ("import solution as s\nassert s.g(1) == 1", "", ["g"]),
        ("def test():\n    def own(): return 1\n    assert f() == own()", "", ["f"]),
        ("assert math.isclose(f(1), 1)", "", ["f"]),
        ("assert [g(x) for x in (1, 2)] == sorted(h for h in (1, 2))", "", ["g"]),
    ],
)
def test_targets_are_what_nobody_else_defines(tests, setup, targets):
    assert sorted(terms(tests, setup).targets) == sorted(targets)


@pytest.mark.parametrize(
    ("tests", "prompt", "classes"),
    [
        ("assert Stack().pop() == 1", "", {"Stack"}),
        ("assert f('x').startswith('x')", "", set()),
        ("assert LIMIT == 1", "", set()),
        ("assert isinstance(f(1), vec)", "", {"vec"}),
        ("assert LRU(2).get(1) == 1", "", set()),
        ("assert V(2).norm == 2", "", {"V"}),
        ("assert LRU(2).get(1) == 1", "Write class LRU.", {"LRU"}),
        ("assert stack().pop() == 1", "Write a class stack with pop.", {"stack"}),
    ],
)
def test_classes_are_what_the_text_uses_as_such(tests, prompt, classes):
    assert terms(tests, prompt=prompt).classes == classes


@pytest.mark.parametrize(
    ("tests", "prompt", "unbelieved"),
    [
        ("assert f('a').startswith('a')", "Write f, which has startswith.", {"startswith"}),
        ("assert f('a').upper() == 'A'", "", set()),
        ("a = f(1)\na.push(2)\nassert a.top() == 2", "", set()),
        ("ok = f(1).same(2)\nassert ok", "", {"same"}),
        ("assert f(1).same(2)", "The result has a method same.", set()),
        ("assert f(1).same(2) is True", "", {"same"}),
        ("assert not f(1).same(2) or f(1).other()", "", {"same", "other"}),
        ("def ok(x): return x\nassert ok(f(1).same(2))", "", {"same"}),
        ("case.assertTrue(f(1).same(2))", "", {"same"}),
        ("case.assertEqual(f(1).same(2), 3)", "", {"assertEqual"} & set()),
    ],
)
def test_a_method_is_not_believed_whose_answer_nothing_is_compared_with(tests, prompt, unbelieved):
    assert terms(tests, prompt=prompt).unbelieved == unbelieved


def suite(tests, **fields):
    return suite_of(Task(task_id="t", prompt=fields.pop("prompt", "Solve it."), tests=tests, **fields))


@pytest.mark.parametrize(
    ("tests", "fields", "entry_point", "expression"),
    [
        ("assert f(g(1)) == 1", {"entry_point": "g"}, "g", "g"),
        ("assert close(f(1), 1)", {"test_setup": "def close(a, b): return True", "entry_point": "close"}, "f", "f"),
        ("assert sorted(f(1)) == 1", {"entry_point": "other"}, "f", "f"),
        (
            "def check(candidate):\n    assert candidate(1) == 1",
            {"entry_point": "Solution().add"},
            "Solution",
            "Solution().add",
        ),
        (
            "def check(candidate):\n    assert close(candidate(1), 1)",
            {"prompt": "def close(a, b):\n    return a == b\n\ndef f(x):\n    '''F.'''\n", "entry_point": "close"},
            "f",
            "f",
        ),
    ],
)
def test_the_entry_point_is_what_the_tests_are_about(tests, fields, entry_point, expression):
    found = suite(tests, **fields)
    assert (found.entry_point, found.expression) == (entry_point, expression)


def test_a_prompts_helpers_are_kept_and_its_stubs_are_not():
    prompt = "import math\n\ndef half(x):\n    return x / 2\n\ndef f(x):\n    '''F.'''\n\ndef g(x):\n    ...\n"
    kept = helpers(prompt, "f")
    assert "def half" in kept
    assert "import math" in kept
    assert "def f" not in kept
    assert "def g" not in kept
    assert helpers("PI = 3 and double(x)", None) == ""


def test_the_program_sees_no_more_of_the_set_up_than_it_needs():
    setup = (
        "import math\nclass Node: pass\nBASE = 10\nMOD = 7\nwanted = [1]\nroot = Tree(3)\n"
        "def right(x): return x\ndef shown(x): return other(x)\ndef other(x): return x\n"
    )
    tests = "assert f(root) == wanted == right(1)\nassert shown(1) % MOD == 1\nassert other(1)"
    seen = visible(setup, tests, "Use `shown`.", "def f(x): return x % MOD", ("f", "Tree"))
    assert all(part in seen for part in ("import math", "class Node", "BASE", "MOD", "def shown", "def other"))
    assert not any(part in seen for part in ("wanted", "root", "right"))
