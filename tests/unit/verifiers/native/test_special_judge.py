"""Special judges: right outputs of any kind pass, and no output talks its way through."""

# ruff: noqa: E501 - programs and rows are easier to read whole

from __future__ import annotations

import shutil

import pytest

from halo_raft.errors import DataError
from halo_raft.records import Checker, Task
from halo_raft.verifiers import VerifierOptions, create
from halo_raft.verifiers.native.special_judge import objection, refusal

GIVEN, ANSWER = b"7\n", b"3 4\n"
PROGRAM = """
import sys
given, output, answer = (open(name).read().split() for name in sys.argv[1:4])
a, b = map(int, output)
if a + b == int(given[0]) and min(a, b) > 0:
    print(1)
else:
    print("not", *output)
"""
STATUS = PROGRAM.replace("print(1)", "sys.exit(0)").replace('print("not", *output)', "sys.exit(1)")
FUNCTION = """
def check(input_text, user_output, expected_output):
    print(user_output)
    a, b = map(int, user_output.split())
    return a + b == int(input_text) and min(a, b) > 0, user_output
"""
SWAPPED = FUNCTION.replace("input_text, user_output, expected_output", "expected_output, input_text, user_output")
TESTLIB = """
#include "testlib.h"
int main(int argc, char* argv[]) {
    setName("two summands");
    registerTestlibCmd(argc, argv);
    int n = inf.readInt(1, 1000);
    int a = ouf.readInt(1, n, "a"), b = ouf.readInt();
    ensuref(ans.readInt() + ans.readInt() == n, "the answer is wrong");
    if (b < 1 || a + b != n) quitf(_wa, "%d and %d make %d", a, b, a + b);
    quitf(_ok, "%d and %d", a, b);
}
"""
CPP = pytest.mark.skipif(shutil.which("g++") is None, reason="needs g++")
CHECKERS = {
    "program": Checker(source=PROGRAM),
    "answer first": Checker(
        source=PROGRAM.replace("given, output, answer", "given, answer, output"), order="input answer output"
    ),
    "status": Checker(source=STATUS),
    "function": Checker(source=FUNCTION),
    "swapped": Checker(source=SWAPPED),
    "testlib": Checker(source=TESTLIB, language="cpp"),
}
ALL = [pytest.param(name, marks=CPP if name == "testlib" else ()) for name in CHECKERS]
HOSTILE = {
    "nothing": b"",
    "yes": b"1\n",
    "ok": b"ok\n",
    "accepted": b"accepted\n1\n",
    "zeros": b"0 7\n",
    "more": b"3 4 1\n",
    "the sum of others": b"3 5\n",
    "bytes": bytes(range(256)) * 4,
    "nul": b"3\x00 4\n",
    "long": b"9" * 200_000 + b" 1\n",
    "huge": b"3 4 " * 300_000,
    "code": b"__import__('os').system('echo 1')\n",
    "format": b"%s%s%n %d\n",
    "negative": b"-1 8\n",
    "overflow": b"4294967299 4\n",
    "quit": b"\n\n\x1a3 4 5",
}  # fmt: skip


@pytest.mark.parametrize("name", ALL)
def test_other_right_outputs_pass(name: str) -> None:
    for output in (ANSWER, b"1 6", b"\n 5\n2\n"):
        assert objection(CHECKERS[name], GIVEN, output, ANSWER) is None


@pytest.mark.parametrize("hostile", HOSTILE)
@pytest.mark.parametrize("name", ALL)
def test_hostile_outputs_do_not(name: str, hostile: str) -> None:
    assert objection(CHECKERS[name], GIVEN, HOSTILE[hostile], ANSWER)


def test_a_checker_that_repeats_the_output_says_nothing_by_it() -> None:
    echo = Checker(source="import sys\nprint(open(sys.argv[2]).read().strip())\nprint('no')")
    assert objection(echo, GIVEN, b"1", ANSWER)


@pytest.mark.parametrize(
    "source", ["while True:\n    pass", "raise ValueError('broken')", "import nowhere_to_be_found"]
)
def test_a_checker_that_fails_on_the_answer_is_broken_not_the_output_wrong(source: str, monkeypatch) -> None:
    from halo_raft.sandbox import Limits
    from halo_raft.verifiers.native import special_judge

    monkeypatch.setattr(special_judge, "LIMITS", Limits(cpu_s=0.5, wall_s=5, memory_mb=512))
    with pytest.raises(DataError, match="fails on the jury's own answer"):
        objection(Checker(source=source), GIVEN, b"3 4", ANSWER)


@CPP
def test_a_checker_that_does_not_compile_is_named() -> None:
    with pytest.raises(DataError, match="does not compile"):
        objection(
            Checker(source='#include "testlib.h"\nint main() { nothing(); }', language="cpp"), GIVEN, b"1", ANSWER
        )


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("print(eval(open('output.txt').read()))", "uses eval"),
        ("import pickle\npickle.loads(b'')", "uses pickle.loads"),
        ("import subprocess\nsubprocess.run('x', shell=True)", "uses subprocess.run"),
        ("import os\nos.system('x')", "uses os.system"),
        ("def f(:", "is no Python"),
    ],
)
def test_a_checker_that_executes_what_it_reads_is_refused(source: str, why: str) -> None:
    task = Task(task_id="t", prompt="p", test_cases=({"expected_output": "1"},), checker=Checker(source=source))
    assert why in str(refusal(task.checker))
    assert why in str(create("execution", VerifierOptions()).refusal(task))
    with pytest.raises(DataError, match="the task's checker"):
        objection(task.checker, GIVEN, b"1", ANSWER)


@CPP
@pytest.mark.parametrize(
    ("body", "output", "accepted"),
    [
        ("double d = ouf.readDouble(); if (!doubleCompare(ans.readDouble(), d, 1e-6)) quit(_wa, \"far\"); quit(_ok, \"\");", b"0.33333334", True),
        ("double d = ouf.readDouble(); if (!doubleCompare(ans.readDouble(), d, 1e-6)) quit(_wa, \"far\"); quit(_ok, \"\");", b"nan", False),
        ("std::string s = ouf.readLine(); quitif(s != \"a b\", _pe, \"line %s\", s.c_str()); quitf(_ok, \"good\");", b"a b\r\n", True),
        ("auto v = ouf.readLongs(2, 1, 9); ouf.readEoln(); ouf.readEof(); quitf(_ok, \"%lld\", v[0] + v[1]);", b"4 5\n", True),
        ("auto v = ouf.readInts(2, 1, 9); quitf(_ok, \"%d\", v[0]);", b"4 55\n", False),
        ("ouf.readToken(\"[a-z]{1,3}\"); quitf(_ok, \"word\");", b"abc", True),
        ("ouf.readToken(\"[a-z]{1,3}\"); quitf(_ok, \"word\");", b"abcd", False),
        ("while (!ouf.seekEof()) ouf.readInt(); quitp(0.5, \"half\");", b"1 2 3", False),
        ("setTestCase(2); InStream line(ouf, ouf.readString()); line.readInt(); quitf(line.seekEof() ? _ok : _wa, \"x\");", b"12\n", True),
    ],
)  # fmt: skip
def test_the_calls_of_testlib(body: str, output: bytes, accepted: bool) -> None:
    source = f'#include "testlib.h"\nusing namespace std;\nint main(int c, char* names[]) {{ registerTestlibCmd(c, names); {body} }}'
    said = objection(Checker(source=source, language="cpp"), b"1\n", output, b"0.3333333\n")
    assert (said is None) is accepted
