"""The judge: runs a task's tests, with calls of the program crossing into its own process.

A long-lived process in a box of its own, because tests come from data sets and the values that they
compute with come from candidates. Tests and expected values are here and never where the program is.
"""

from __future__ import annotations

import marshal
import os
import random
import socket
import sys

from halo_raft.verifiers.functions.remote import Candidate, Ended, Function
from halo_raft.verifiers.functions.wire import LOOK_UP

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

TEXT_CHARS = 300
JOB_FDS = 2


def main(payload: None, fd: int) -> None:
    """Judge one program after another until the worker hangs up.

    Args:
        payload: Nothing.
        fd: Socket to the worker: `job` with the descriptors of a marshalled job and of the socket to
            the candidate in, a marshalled report out. See `judge`.
    """
    null = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1):
        os.dup2(null, stream)  # what tests print is nobody's business
    sys.stderr = open(os.devnull, "w")  # noqa: SIM115
    # the descriptor itself is left for the interpreter's last words
    sys.dont_write_bytecode = True
    worker = socket.socket(fileno=fd)
    while True:
        message, fds, _, _ = socket.recv_fds(worker, 16, JOB_FDS)
        if not message:
            return
        with open(fds[0], "rb") as file:
            job = marshal.load(file)
        report = judge(job, fds[1])
        os.close(fds[1])
        worker.send(marshal.dumps(report))


def judge(job: dict[str, Any], fd: int) -> dict[str, Any]:
    """Run the tests of one task against the program at the other end of `fd`.

    Args:
        job: `setup` and `tests` (marshalled code; `setup` may be None), `setup_names` (what the set-up
            defines), `targets` (names that the tests call), `entry_point`, and `calls` (test functions
            and whether each takes the candidate).
        fd: Socket to the candidate's process.

    Returns:
        `state` (`done`, `abort` between tests, or an `Ended.kind`), `passed` (numbers of tests that
        reported success), and `failures` as (test number, group, text) in order, -1 for no test.
    """
    random.seed()  # by the system: a program must not foresee what a test draws
    candidate = Candidate(fd)
    log = _Log()
    try:
        candidate.await_loaded()
        names = _namespace(job, candidate, log)
        exec(marshal.loads(job["tests"]), names)
        for name, takes_candidate in job["calls"]:
            names[name](*([names[job["entry_point"]]] if takes_candidate else []))
    except Ended:
        pass
    except BaseException as error:
        log.failures.append((-1, *_describe(error)))
        return log.report("abort")
    finally:
        sys.modules.pop("solution", None)
    if candidate.ended is not None:
        log.failures.append((-1, candidate.ended.group, candidate.ended.text))
        return log.report(candidate.ended.kind)
    return log.report("done")


class _Log:
    """What each test reported."""

    def __init__(self) -> None:
        self.passed: list[int] = []
        self.failures: list[tuple[int, str, str]] = []

    def ok(self, number: int) -> None:
        self.passed.append(number)

    def bad(self, number: int, error: BaseException) -> None:
        self.failures.append((number, *_describe(error)))

    def report(self, state: str) -> dict[str, Any]:
        return {"state": state, "passed": self.passed, "failures": self.failures[:3]}


def _namespace(job: dict[str, Any], candidate: Candidate, log: _Log) -> dict[str, Any]:
    """Return the globals of the tests: what the trusted set-up defines wins over the program's names."""
    names: dict[str, Any] = {"__name__": "tests"}
    own: set[str] = set()
    if job["setup"]:
        try:
            exec(marshal.loads(job["setup"]), names)
        except NameError:  # it uses what the program defines, so it ran there
            names = {"__name__": "tests"}
            names |= {name: candidate.ask(LOOK_UP, name) for name in job["setup_names"]}
            own = set(names)
    names.pop(job["entry_point"], None)
    candidate.classes = {n: c for n, c in names.items() if type(c) is type and c.__module__ == "tests"}
    candidate.tested = frozenset(job["targets"]) - (names.keys() - own)
    for name in job["targets"]:
        names.setdefault(name, Function(candidate, name))
    names |= {"__judge_any__": BaseException, "__judge_ok__": log.ok, "__judge_bad__": log.bad}
    sys.modules["solution"] = _Solution(candidate)
    return names


class _Solution(type(sys)):  # type: ignore[misc]
    """The program as a module that tests may import from."""

    def __init__(self, candidate: Candidate) -> None:
        super().__init__("solution")
        self.__dict__["_candidate"] = candidate

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return Function(self.__dict__["_candidate"], name)


def _describe(error: BaseException) -> tuple[str, str]:
    """Return the group (`wrong`, `memory`, `runtime`) and the text of what a test raised."""
    if isinstance(error, Ended):
        return error.group, error.text
    group = "wrong" if isinstance(error, AssertionError) else "memory" if isinstance(error, MemoryError) else "runtime"
    text = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    return group, text[:TEXT_CHARS]
