"""Runs tests beside the program that they test, in one process.

This makes cheating hard, not impossible; that is why verdicts from here say `integrity: in_process`.
pytest is loaded before the program, and whatever of it the program changes is a violation.

Report lines on the private channel: `TOKEN STATE NUMBER GROUP TEXT`, with the states `ok` and `bad` for
tests, and `syntax`, `load`, `abort`, `gone`, `violation` or `done` for the end.
"""

from __future__ import annotations

import builtins
import contextlib
import gc
import marshal
import os
import sys
import threading
import types
import unittest

from halo_raft.verifiers.functions import guard
from halo_raft.verifiers.pytest_suites import answers, bounds
from halo_raft.verifiers.pytest_suites import run as running
from halo_raft.verifiers.pytest_suites.bounds import Bounds

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

globals()["__builtins__"] = dict(vars(builtins))  # its own: a program that replaces `vars` must not reach this

TEXT_CHARS = 300
WATCHED = ("_pytest", "pytest", "pluggy", unittest.__name__, "halo_raft")
MAY_CHANGE = frozenset(("sys", "builtins", "warnings", "logging", "signal", "threading", "io", "os", "socket"))
"""Modules whose functions programs replace for reasons of their own, or that change by themselves."""
TELLTALES = {gc: ("get_objects", "get_referrers"), sys: ("_current_frames", "settrace", "setprofile")}
"""What leads from a program to the frames of its judge."""
EXIT, GETPID, WRITE = os._exit, os.getpid, os.write  # before a program can replace them
FUNCTIONS = types.FunctionType, types.MethodType
WARM_UP = "def test_nothing():\n    pass\n"


def main(payload: dict[str, Any], fd: int) -> None:
    """Judge one program and end the process.

    Args:
        payload: `token`; `code` (the program); `allowed` (see `screen.allowed`); `classes` (see `Terms`); `preload`
            (modules of the tests); `patched` (builtins that the tests replace); `before` and `after` (trusted source
            that runs before and after it); `targets` (names that the tests take from it); `tests` (marshalled code,
            empty where pytest runs the tests), `calls`, `under_test` and `entry_point` (see `judge.judge`), or
            `source` and `expected` (see `running.run`).
        fd: Write end of the private channel.
    """
    sys.dont_write_bytecode = True
    if payload["expected"]:
        running.run(WARM_UP, [], len, len, {})  # type: ignore[arg-type]  # loads what pytest loads when first used
    for name in payload["preload"]:
        with contextlib.suppress(ImportError):  # the tests say it, if they cannot do without
            __import__(name)
    guard.install(frozenset(payload["classes"]))
    answers.install(frozenset(payload["allowed"]))
    payload["bounds"] = Bounds(*(frozenset(payload[name]) for name in ("allowed", "patched", "preload")))
    bounds.install(payload["bounds"])
    for module, names in TELLTALES.items():
        for name in names:
            delattr(module, name)
    report = _reporter(fd, payload.pop("token"))
    used = frozenset(payload["preload"]) - MAY_CHANGE
    thread = threading.Thread(target=_judge, args=(payload,))
    state = _state(used)
    thread.start()
    thread.join()
    outcome: Any = payload.get("outcome") or ("gone", RuntimeError("the suite was cut short"), [])
    if not state <= _state(used):
        outcome = ("violation", RuntimeError("changed the test runner"), [])
    for number, error in outcome[2]:
        report("bad" if error else "ok", max(number, 0), error)
    report(outcome[0], 0, outcome[1])
    EXIT(0)


def _judge(payload: dict[str, Any]) -> None:
    """Load the program and run its tests, in a thread whose stack does not lead to the channel."""
    run = running.run
    tests: list[tuple[int, BaseException | None]] = []
    try:
        names = _load(payload)
    except _NotLoaded as error:
        payload["outcome"] = (error.state, error.__cause__, [])
        return

    def ok(number: int) -> None:
        tests.append((number, None))

    def bad(number: int, error: BaseException) -> None:
        tests.append((number, error))

    end: tuple[str, BaseException | None] = ("done", None)
    if payload["expected"]:
        run(payload["source"], payload["expected"], ok, bad, names)
    else:
        end = _run_plain(payload, names, ok, bad)
    payload["outcome"] = (*end, tests)


def _run_plain(
    payload: dict[str, Any], names: dict[str, Any], ok: Callable[..., None], bad: Callable[..., None]
) -> tuple[str, BaseException | None]:
    """Run tests that need no runner; return how they ended."""
    names |= {"__name__": "__main__", "__judge_any__": BaseException, "__judge_ok__": ok, "__judge_bad__": bad}
    try:
        exec(marshal.loads(payload["tests"]), names)
        for name, takes_candidate in payload["calls"]:
            value = names[name](*([eval(payload["entry_point"], names)] if takes_candidate else []))
            if type(value).__name__ == "coroutine":
                import asyncio

                asyncio.run(value)
    except BaseException as error:
        return "abort", error
    return "done", None


class _NotLoaded(Exception):
    """The program cannot be loaded; `state` says why not, and the cause has the error."""

    def __init__(self, state: str) -> None:
        self.state = state


def _load(payload: dict[str, Any]) -> dict[str, Any]:
    """Run set-up and program as the module `solution`; return the names that the tests start with."""
    module = type(sys)("solution")
    sys.modules["solution"] = module
    vars(module)["__builtins__"] = builtins  # the real ones
    try:
        code = payload["bounds"].compiled(payload["code"])
    except (SyntaxError, ValueError, OverflowError, RecursionError, MemoryError) as error:
        raise _NotLoaded("syntax") from error
    try:
        exec(payload["before"], module.__dict__)
        names = _own_names(payload["before"], module)
        vars(module)["__builtins__"] = payload["bounds"].builtins
        exec(code, module.__dict__)
        defined = {name: vars(module)[name] for name in payload["targets"] if name in vars(module)}
        names.update(defined)
        names["__name__"] = "tests"
        exec(payload["after"], names)
        if payload["under_test"] in defined:
            names[payload["under_test"]] = defined[payload["under_test"]]
    except BaseException as error:
        raise _NotLoaded("load") from error
    return names


def _own_names(setup: str, module: Any) -> dict[str, Any]:
    """Run the set-up once more for the tests: a program that shadows what its functions use does not reach them."""
    names: dict[str, Any] = {"__name__": "solution", "__builtins__": builtins}
    exec(setup, names)
    names.update({name: vars(module)[name] for name, value in names.items() if isinstance(value, type)})
    return names


def _reporter(fd: int, token: str) -> Callable[..., None]:
    """Return the only writer of the channel. It holds its own references, and works in this process only."""
    write, getpid, exit_now, owner = WRITE, GETPID, EXIT, GETPID()

    def report(state: str, number: int = 0, error: BaseException | None = None) -> None:
        if getpid() != owner:
            exit_now(1)  # a fork of the program must not vote
        detail = "- -" if error is None else _describe(error)
        write(fd, f"{token} {state} {number} {detail}\n".encode("utf-8", "replace"))

    return report


def _describe(error: BaseException) -> str:
    kind = type(error)
    failed = issubclass(kind, AssertionError) or kind.__name__ == "Failed"  # the latter is `pytest.fail`'s
    group = "wrong" if failed else "memory" if issubclass(kind, MemoryError) else "runtime"
    try:
        message = str(error)[:TEXT_CHARS]
    except BaseException:
        message = ""
    return f"{group} {' '.join(f'{kind.__name__}: {message}'.split())}"


def _state(used: frozenset[str]) -> set[tuple[str, str, int]]:
    """Return what tests rest on: functions of the runner, its classes' attributes, their code, and those of `used`."""
    found = {("builtins", name, id(value)) for name, value in vars(builtins).items() if name != "_"}
    for name, module in list(sys.modules.items()):
        if (name.partition(".")[0] not in WATCHED and name not in used) or module is None:
            continue
        for key, value in list(vars(module).items()):
            if callable(value):
                found.add((name, key, id(value)))
                found.add((name, key, id(value.__code__) if isinstance(value, FUNCTIONS) else 0))
            if isinstance(value, type):
                found |= {(f"{name}.{key}", k, id(v)) for k, v in vars(value).items() if callable(v)}
                if name in used:  # what it inherits may be hidden by something new
                    own = frozenset(k for k, v in vars(value).items() if callable(v))
                    found.add((f"{name}.{key}", "", hash(own)))
                codes = {k: v.__code__ for k, v in vars(value).items() if hasattr(v, "__code__")}
                found |= {(f"{name}.{key}", k, id(code)) for k, code in codes.items()}
    return found
