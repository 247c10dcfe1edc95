"""Asks a task's checker about an output, in a box that holds input, output and answer and nothing else.

What the program under test wrote is data here: it can make a checker refuse, or fail, never accept. A checker
that fails on an output is asked about the jury's own answer: where it accepts that, the output is to blame;
where it does not, the checker is broken, and that is ours to say.

Checkers in C++ are in testlib's form; in Python they are programs called with three files, which print 1
(or end with status 0 and print nothing), or functions of three texts that return whether it is right.
"""

from __future__ import annotations

import ast
import dataclasses
import functools
import os
import re
import sys

from halo_raft import sandbox
from halo_raft.errors import DataError
from halo_raft.records import Checker
from halo_raft.sandbox import Limits, Outcome
from halo_raft.verifiers.base import COMPILE_LIMITS
from halo_raft.verifiers.native.build import PROGRAM, Build, Command, build
from halo_raft.verifiers.native.source_text import uncommented
from halo_raft.verifiers.native.testlib import TESTLIB
from halo_raft.verifiers.native.toolchains import find, linker

LIMITS = Limits(cpu_s=15, wall_s=45, memory_mb=1024, output_kb=256)
FILES = {"input": "input.txt", "output": "output.txt", "answer": "answer.txt"}
SOURCE = "checker.py"
ACCEPTED, WRONG, MALFORMED, FAILED = 0, 1, 2, 3
"""Statuses of testlib's; 4 is dirt behind the output, 7 are points, 8 is an output that ends too soon."""
REFUSING = {WRONG: "wrong", MALFORMED: "malformed", 4: "more than asked for", 8: "ends too soon"}
FUNCTIONS = re.compile(
    r"check\w*|judge|grade\w*|verif\w*|valid\w*|is_(?:correct|valid|accepted)|special_judge|solve_check"
)
_YES = re.compile(r"(?:1(?:\.0*)?|100(?:\.0*)?|ok|ac|yes|true|accept(?:ed)?|correct|pass(?:ed)?)[.:!]?", re.IGNORECASE)
_EXECUTES = re.compile(
    r"(?:builtins\.)?(?:eval|exec|__import__)|(?:c?[pP]ickle|dill|marshal|shelve|jsonpickle)\.(?:loads?|Unpickler|open)|"
    r"os\.(?:system|popen|exec\w+|spawn\w+)|subprocess\.\w+|runpy\.\w+|importlib\.\w+"
)
_STARTS_PROGRAMS = re.compile(r"\b(?:system|popen|exec[lv]\w*|dlopen)\s*\(")
YES = ("1", "ok", "ac", "accepted", "correct", "true", "yes")
_ROLES = (
    (
        "output",
        re.compile(r"user|contestant|particip|cand|submi|pred|actual|^act|got|yours|student|solution_out|model_out"),
    ),
    ("answer", re.compile(r"ans|exp|corr|jury|ref|gold|truth|true|judge|official")),
    ("input", re.compile(r"^in|inp|stdin|case|problem")),
    ("output", re.compile(r"out|sol|res|print|text|str")),
)
"""What a parameter's name tells of the text that it wants, the surest signs first."""
STUB = """
import importlib.util, os, sys
sys.argv = ["checker.py"]
sys.path.append(os.environ.pop("PYTHONPATH", ""))
sys.set_int_max_str_digits(0)
channel = os.dup(3)
spec = importlib.util.spec_from_file_location("checker", "checker.py")
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
texts = []
for name in {files!r}:
    with open(name, encoding="utf-8", errors="replace", newline="") as file:
        texts.append(file.read())
said = getattr(module, {function!r})(*texts)
said = said[0] if isinstance(said, tuple) and said else said
right = said is True or (isinstance(said, (int, float)) and not isinstance(said, bool) and said >= 1)
right = right or (isinstance(said, str) and said.strip().lower() in {yes!r})
os.write(channel, b"yes" if right else b"no")
"""
"""Calls the function of a checker; what it says goes over the private channel, not over what it may print."""
PROGRAM_STUB = """
import os, runpy, sys
sys.path.append(os.environ.pop("PYTHONPATH", ""))
sys.set_int_max_str_digits(0)
sys.argv = ["checker.py", *sys.argv[1:]]
runpy.run_path("checker.py", run_name="__main__")
"""


@dataclasses.dataclass(frozen=True, slots=True)
class _Opinion:
    """What a checker said: None where it failed. `comment` says why in a few words."""

    accepts: bool | None
    comment: str


def objection(checker: Checker, given: bytes, output: bytes, answer: bytes) -> str | None:
    """Return what a checker has against an output, None if it accepts it.

    Raises:
        DataError: The checker cannot be used.
        SandboxError: The sandbox failed.
    """
    if reason := refusal(checker):
        raise DataError(f"the task's checker {reason}")
    opinion = _ask(checker, given, output, answer)
    if opinion.accepts is None:
        if answer.strip() and not _accepts_answer(checker, given, answer):
            raise DataError(f"the task's checker fails on the jury's own answer: {opinion.comment}")
        return f"the checker cannot read it: {opinion.comment}"
    return None if opinion.accepts else f"the checker says: {opinion.comment}"


@functools.lru_cache(maxsize=512)
def refusal(checker: Checker) -> str | None:
    """Return why a checker cannot be relied on, as the end of a sentence; None if it can.

    One that executes what it reads would be the tool of whoever wrote the output.
    """
    if checker.language == "cpp":
        return "starts other programs" if _STARTS_PROGRAMS.search(uncommented(checker.source, "cpp")) else None
    try:
        tree = ast.parse(checker.source)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        return f"is no Python: {error}"
    for node in ast.walk(tree):
        called = ast.unparse(node) if isinstance(node, ast.Name | ast.Attribute) else ""
        if _EXECUTES.fullmatch(called):
            return f"uses {called}: an output that it reads could do anything"
    return None


@functools.lru_cache(maxsize=512)
def _accepts_answer(checker: Checker, given: bytes, answer: bytes) -> bool:
    return _ask(checker, given, answer, answer).accepts is True


def _ask(checker: Checker, given: bytes, output: bytes, answer: bytes) -> _Opinion:
    files: dict[str, str | bytes] = {"input.txt": given, "output.txt": output, "answer.txt": answer}
    arguments = [FILES[role] for role in checker.order.split()]
    if checker.language == "cpp":
        made = _compiled(checker.source)
        if made.program is None:
            raise DataError(f"the task's checker does not compile: {made.message}")
        return _of_testlib(_run([f"./{PROGRAM}", *arguments], {**files, PROGRAM: made.program}))
    files[SOURCE] = checker.source
    function = function_of(checker.source)
    if function is None:
        return _of_program(_run([*_python(PROGRAM_STUB), *arguments], files))
    name, roles = function
    ordered = tuple(FILES[role] for role in roles or checker.order.split())
    return _of_function(_run(_python(STUB.format(files=ordered, function=name, yes=YES)), files))


def _run(argv: list[str], files: dict[str, str | bytes]) -> Outcome:
    size_mb = sum(len(content) for content in files.values()) >> 20
    limits = dataclasses.replace(LIMITS, file_mb=64 + 2 * size_mb)
    return sandbox.run(argv, limits=limits, files=files, packages=("numpy",) if argv[0] != f"./{PROGRAM}" else ())


def _python(boot: str) -> list[str]:
    return [os.path.realpath(sys.executable), "-I", "-S", "-B", "-c", boot]


def _compiled(source: str) -> Build:
    argv = (find("g++", "g++"), "-O2", "-std=gnu++17", "-w", linker(), "checker.cpp", "-o", PROGRAM)
    return build(Command(argv=argv, files=(("checker.cpp", source), ("testlib.h", TESTLIB))), COMPILE_LIMITS)


def _of_testlib(outcome: Outcome) -> _Opinion:
    """Read testlib's status; its comment stands on standard error."""
    comment = _words(outcome.stderr) or _words(outcome.stdout)
    if outcome.killed_by is None and outcome.returncode == ACCEPTED:
        return _Opinion(True, comment)
    if outcome.killed_by is None and outcome.returncode in REFUSING:
        return _Opinion(False, comment or REFUSING[outcome.returncode])
    if outcome.killed_by is None and outcome.returncode == 7:
        return _Opinion(False, comment or "only some points")
    return _Opinion(None, comment or _end(outcome))


def _of_program(outcome: Outcome) -> _Opinion:
    """Read what a program printed: all of it, so that an output that it repeats says nothing."""
    printed = outcome.stdout.decode("utf-8", "replace").strip()
    if outcome.killed_by is not None or b"Traceback (most recent call last)" in outcome.stderr:
        return _Opinion(None, _last_line(outcome.stderr) or _end(outcome))
    if outcome.returncode == 0 and (not printed or _YES.fullmatch(printed)):
        return _Opinion(True, printed)
    return _Opinion(False, _words(outcome.stdout) or _words(outcome.stderr) or _end(outcome))


def _of_function(outcome: Outcome) -> _Opinion:
    if outcome.killed_by is not None or outcome.result not in (b"yes", b"no"):
        return _Opinion(None, _last_line(outcome.stderr) or _end(outcome))
    return _Opinion(outcome.result == b"yes", "no")


@functools.lru_cache(maxsize=512)
def function_of(source: str) -> tuple[str, tuple[str, ...]] | None:
    """Return the function of a checker that is no program, and the roles of its parameters, where their names tell."""
    tree = ast.parse(source)
    if "sys.argv" in source or "__main__" in source:
        return None
    for node in reversed(tree.body):
        if isinstance(node, ast.FunctionDef) and FUNCTIONS.fullmatch(node.name):
            names = [argument.arg.lower() for argument in (*node.args.posonlyargs, *node.args.args)]
            if len(names) in (2, 3):
                return node.name, _roles(names)
    return None


def _roles(names: list[str]) -> tuple[str, ...]:
    """Return the role of each parameter; of three whose names do not tell, none."""
    found: list[str] = []
    for name in names:
        role = next((r for r, sign in _ROLES if sign.search(name) and r not in found), None)
        if role is None:
            return () if len(names) == 3 else ("output", "answer")
        found.append(role)
    return tuple(found)


def _words(text: bytes) -> str:
    return " ".join(text[:400].decode("utf-8", "replace").split())[:160]


def _last_line(stderr: bytes) -> str:
    lines = stderr[-2000:].decode("utf-8", "replace").strip().splitlines()
    return lines[-1][:160] if lines else ""


def _end(outcome: Outcome) -> str:
    if outcome.killed_by is not None:
        return f"it broke its {outcome.killed_by.value} limit"
    return f"it got signal {outcome.signal}" if outcome.signal else f"it ended with status {outcome.returncode}"
