"""The judge: runs a task's tests, with calls of the program crossing into its own process.

A process in a box without programs, forked warm for one of them and gone with its verdict, because tests come
from data sets and the values that they compute with come from candidates. Tests and expected values are here and
never where the program is. Tests that only compare plain data (see `plain`) are run for one program after the other
by a process that does nothing else; an answer that is more than that gets the program a judge of its own.
"""

from __future__ import annotations

import contextlib
import functools
import gc
import marshal
import os
import random
import resource
import signal
import socket
import sys
import time

from halo_raft.sandbox.inside import system
from halo_raft.sandbox.inside.workdir import empty
from halo_raft.verifiers.functions import rehearsal
from halo_raft.verifiers.functions.errors import Ended
from halo_raft.verifiers.functions.kinship import kinship
from halo_raft.verifiers.functions.remote import Candidate
from halo_raft.verifiers.functions.terms import Terms

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

PRELOADED = ("typing",)
"""The rest comes with what tests import; a small process is forked faster."""
TEXT_CHARS = 300


def main(payload: dict[str, Any], fd: int) -> None:
    """Fork a judge for each program until the worker hangs up; this process itself looks at nothing of theirs.

    Args:
        payload: `plain`: whether to fork none, and to judge by plain tests here.
        fd: Socket to the worker: names of modules to have loaded, with the descriptors of a marshalled job (see
            `judge`), of the socket to the candidate, and of the socket for the marshalled report. A byte is sent
            back for a judge that broke.
    """
    null = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1):
        os.dup2(null, stream)  # what tests print is nobody's business
    sys.stdout = open(os.devnull, "w")  # noqa: SIM115
    sys.stderr = open(os.devnull, "w")  # noqa: SIM115
    # the descriptor itself is left for the interpreter's last words
    sys.dont_write_bytecode = True
    worker = socket.socket(fileno=fd)
    gc.freeze()
    fork: Callable[[], int] = functools.partial(system.fork_into, 0)
    while True:
        message, fds, _, _ = socket.recv_fds(worker, 4096, 3)
        if not message:
            return
        for name in message.decode().split():
            with contextlib.suppress(Exception):
                __import__(name)  # warm for the next judge too
            if name not in sys.stdlib_module_names:
                fork = os.fork  # it may have started threads
        if payload["plain"]:
            _judge_here(*fds)
            continue
        pid = fork()
        if pid == 0:
            worker.close()
            _judge_and_end(*fds)
        for job_fd in fds:
            os.close(job_fd)
        _, broken = os.waitpid(pid, 0)
        _clear()
        if broken:
            worker.send(b"!")


def rehearse() -> None:
    """Judge some programs of our own."""
    rehearsal.rehearse(judge, "candidate", "serve")


def _judge_here(job_fd: int, candidate_fd: int, report_fd: int) -> None:
    """Judge one program by plain tests, and report. Past its CPU limit the process ends, and another takes over."""
    job = _job(job_fd)
    before = time.process_time()
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (int(before) + job["cpu_s"], hard))
    report = judge(job, candidate_fd, plain=True)
    os.close(candidate_fd)
    report["cpu_s"] = time.process_time() - before
    with socket.socket(fileno=report_fd) as line, contextlib.suppress(OSError):
        line.send(marshal.dumps(report))


def _job(fd: int) -> dict[str, Any]:
    job: dict[str, Any] = marshal.loads(os.pread(fd, os.fstat(fd).st_size, 0))
    os.close(fd)
    return job


def _judge_and_end(job_fd: int, candidate_fd: int, report_fd: int) -> None:
    """Judge one program, report, and end the process."""
    job = _job(job_fd)
    for which, limit in ((resource.RLIMIT_AS, job["memory"]), (resource.RLIMIT_CPU, job["cpu_s"])):
        resource.setrlimit(which, (limit, limit))
    report = judge(job, candidate_fd)
    report["cpu_s"] = time.process_time()
    socket.socket(fileno=report_fd).send(marshal.dumps(report))
    os._exit(0)


def _clear() -> None:
    """End what a judge has left behind, and remove its files."""
    if os.getpid() == 1:
        with contextlib.suppress(OSError):
            os.kill(-1, signal.SIGKILL)
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    empty(".")


def judge(job: dict[str, Any], fd: int, plain: bool = False) -> dict[str, Any]:
    """Run the tests of one task against the program at the other end of `fd`.

    Args:
        job: `memory` (bytes) and `cpu_s`, at most; `setup` and `tests` (marshalled code; `setup` may be None),
            `terms` (see `Terms`), `classes` (names of trusted classes), `entry_point` (an expression), `under_test`
            (its name), and `calls` (test functions and whether each takes the candidate).
        fd: Socket to the candidate's process.
        plain: Whether to read nothing but plain data; see `remote.Candidate`.

    Returns:
        `state` (`done`, `abort` between tests, or an `Ended.kind`), `passed` (numbers of tests that
        reported success), `failures` as (test number, group, text) in order, -1 for no test, and `border` and
        `handed`: see `remote.Candidate`.
    """
    random.seed()  # by the system: a program must not foresee what a test draws
    candidate = Candidate(fd, Terms.from_dict(job["terms"]), plain)
    log = _Log()
    try:
        candidate.await_loaded()
        names = _namespace(job, candidate, log)
        exec(marshal.loads(job["tests"]), names)
        for name, takes_candidate in job["calls"]:
            _call(names[name], [eval(job["entry_point"], names)] if takes_candidate else [], log)
    except Ended:
        pass
    except BaseException as error:
        log.failures.append((-1, *_describe(error)))
        return log.report("abort", candidate)
    finally:
        sys.modules.pop("solution", None)
    if candidate.ended is not None:
        log.failures.append((-1, candidate.ended.group, candidate.ended.text))
        return log.report(candidate.ended.kind, candidate)
    return log.report("done", candidate)


def _call(test: Any, operands: list[Any], log: _Log) -> None:
    """Call a test function; what it raises outside of its tests is a failure, and the next one goes on."""
    try:
        value = test(*operands)
        if type(value).__name__ == "coroutine":
            import asyncio

            asyncio.run(value)
    except Exception as error:
        log.bad(-1, error)


class _Log:
    """What each test reported."""

    def __init__(self) -> None:
        self.passed: list[int] = []
        self.failures: list[tuple[int, str, str]] = []

    def ok(self, number: int) -> None:
        self.passed.append(number)

    def bad(self, number: int, error: BaseException) -> None:
        self.failures.append((number, *_describe(error)))

    def report(self, state: str, candidate: Candidate) -> dict[str, Any]:
        failed = {number for number, _, _ in self.failures}
        passed = [number for number in self.passed if number not in failed]
        facts = {"border": candidate.border, "handed": candidate.handed}
        return {"state": state, "passed": passed, "failures": self.failures[:3], **facts}


class _Names(dict):
    """The globals of the tests. A plain value of the program's is asked for each time: calls may change it."""

    live: frozenset[str] = frozenset()
    candidate: Candidate

    def __missing__(self, name: str) -> Any:
        if name not in self.live:
            raise KeyError(name)
        return self.candidate.look_up([name])[name]


class _Classes(dict):
    """The classes of trusted text among the globals of the tests, as they are defined."""

    def __init__(self, names: dict[str, Any], allowed: frozenset[str]) -> None:
        super().__init__()
        self._names, self._allowed = names, allowed

    def get(self, name: Any, default: Any = None) -> Any:
        found = dict.get(self._names, name) if name in self._allowed else None
        return found if isinstance(found, type) else default

    def __getitem__(self, name: str) -> Any:
        found = self.get(name)
        if found is None:
            raise KeyError(name)
        return found


def _namespace(job: dict[str, Any], candidate: Candidate, log: _Log) -> dict[str, Any]:
    """Return the globals of the tests. What trusted text defines is its own; the rest is asked of the program."""
    names = _Names(__name__="tests", isinstance=kinship(candidate))
    names.candidate = candidate
    candidate.classes = _Classes(names, frozenset(job["classes"]))
    found = candidate.look_up(list(candidate.terms.targets))
    stand_ins = {name: value for name, value in found.items() if candidate.is_stand_in(value)}
    names.update(stand_ins)
    names.live = frozenset(found) - frozenset(stand_ins)
    if job["setup"]:
        exec(marshal.loads(job["setup"]), names)
    for name in job["under_test"]:  # whatever the set-up calls so
        names.pop(name, None)
        if name in stand_ins:
            names[name] = stand_ins[name]
    for name, kind in list(names.items()):
        if isinstance(kind, type) and issubclass(kind, BaseException) and kind.__module__ == "tests":
            candidate.errors.know(name, kind)
    names |= {"__name__": "__main__", "__judge_any__": BaseException, "__judge_ok__": log.ok, "__judge_bad__": log.bad}
    sys.modules["solution"] = _Solution(candidate, found)
    return names


class _Solution(type(sys)):  # type: ignore[misc]
    """The program as a module that tests may import from."""

    def __init__(self, candidate: Candidate, found: dict[str, Any]) -> None:
        super().__init__("solution")
        self.__dict__["_candidate"] = candidate
        self.__dict__["__all__"] = list(found)

    def __getattr__(self, name: str) -> Any:
        candidate = self.__dict__["_candidate"]
        if name.startswith("__") or name not in candidate.terms.targets:
            raise AttributeError(name)
        found = candidate.look_up([name])
        if name not in found:
            raise AttributeError(f"the program defines no {name!r}")
        return found[name]


def _describe(error: BaseException) -> tuple[str, str]:
    """Return the group (`wrong`, `memory`, `runtime`) and the text of what a test raised."""
    if isinstance(error, Ended):
        return error.group, error.text
    failed = isinstance(error, AssertionError) or type(error).__name__ == "Failed"  # the latter is `pytest.fail`'s
    group = "wrong" if failed else "memory" if isinstance(error, MemoryError) else "runtime"
    try:
        message = str(error)
    except Exception:
        message = ""
    text = f"{type(error).__name__}: {message}" if message else type(error).__name__
    return group, text[:TEXT_CHARS]
