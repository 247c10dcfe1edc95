"""The process between a worker and one candidate: it limits, watches, kills and sweeps.

This source runs in a bare interpreter (`python -S`, no site-packages) that `box` starts for each
run, so it imports nothing that is slow to import and nothing of ours. It forks once: the child drops
what it can, takes its limits and becomes the candidate; the parent stays, as the subreaper of all
that the candidate forks, and reports on the control pipe when nothing is left.

Control lines: `pid N`, `error TEXT`, `end STATUS CPU_MICROSECONDS MAXRSS_KIB KILLED_BY`.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]
import builtins
import os
import resource
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:  # importing `typing` itself would add 8 ms to each run
    from typing import Any, NoReturn

RESULT_FD = 3
UID_BASE = 0x70000000
WATCH_S = 0.25
SWEEP_S = 2.0
CAP_DAC_READ_SEARCH = 2
PR_SET_KEEPCAPS, PR_SET_SUBREAPER, PR_SET_NO_NEW_PRIVS, PR_CAP_AMBIENT = 8, 36, 38, 47


def main(spec: dict[str, Any], result_fd: int, control_fd: int) -> NoReturn:
    """Run what `spec` describes and report its end.

    Args:
        spec: `argv`, or `harness` (code object that defines `main(payload, fd)`) and `payload`;
            `workdir`, `own_uid` and `limits` (see `Limits`).
        result_fd: Write end of the result pipe, for the candidate alone.
        control_fd: Write end of the control pipe, for this process alone.
    """
    _signal.pthread_sigmask(_signal.SIG_BLOCK, {_signal.SIGCHLD, _signal.SIGTERM})
    worker = os.getppid()
    _libc("prctl", PR_SET_SUBREAPER, 1, 0, 0, 0)
    uid = UID_BASE + os.getpid() if spec["own_uid"] else None
    if uid is not None:
        os.chown(spec["workdir"], uid, uid)
    pid = os.fork()
    if pid == 0:
        _become_candidate(spec, uid, result_fd, control_fd)
    os.close(result_fd)
    _let_go_of_streams()
    os.write(control_fd, b"pid %d\n" % pid)
    status, killed_by = _watch(pid, worker, spec["limits"])
    _sweep()
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_us = int((usage.ru_utime + usage.ru_stime) * 1e6)
    os.write(control_fd, b"end %d %d %d %s\n" % (status, cpu_us, usage.ru_maxrss, killed_by.encode()))
    os._exit(0)


def _watch(pid: int, worker: int, limits: dict[str, Any]) -> tuple[int, str]:
    """Wait for the candidate to end, or end it; return its wait status and the limit it broke."""
    started = time.monotonic()
    cpu_clock = (~pid << 3) | 2  # the kernel's clock id for the CPU time of a whole process
    killed_by = "-"
    while True:
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            return status, "cpu" if killed_by == "-" and os.WTERMSIG(status) == _signal.SIGXCPU else killed_by
        wall_left = limits["wall_s"] - (time.monotonic() - started)
        cpu_left = limits["cpu_s"] - time.clock_gettime(cpu_clock)
        if killed_by == "-" and cpu_left <= 0:
            killed_by = "cpu"
        elif killed_by == "-" and wall_left <= 0:
            killed_by = "wall"
        if killed_by != "-" or os.getppid() != worker:
            _kill_group(pid)
            os.waitpid(pid, 0)
            return _signal.SIGKILL, killed_by
        _reap_orphans(pid)
        pause = max(0.002, min(wall_left, cpu_left, WATCH_S))
        signal = _signal.sigtimedwait({_signal.SIGCHLD, _signal.SIGTERM}, pause)
        if signal is not None and signal.si_signo == _signal.SIGTERM:
            killed_by = "stopped"


def _reap_orphans(pid: int) -> None:
    """Collect descendants that were handed to us and have ended, so that they leave no zombies."""
    while True:
        found = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        if found is None or found.si_pid == pid:
            return
        os.waitpid(found.si_pid, 0)


def _sweep() -> None:
    """Kill and reap every descendant that is left, whatever session it moved to."""
    deadline = time.monotonic() + SWEEP_S
    while time.monotonic() < deadline:
        try:
            if os.waitpid(-1, os.WNOHANG)[0]:
                continue
        except ChildProcessError:
            return
        for pid in _descendants(os.getpid()):
            _kill(pid)
        time.sleep(0.001)


def _descendants(root: int) -> list[int]:
    """Return all processes below `root`, from /proc (the kernel may lack its `children` files)."""
    children: dict[int, list[int]] = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat", "rb") as stat:
                    parent = int(stat.read().rpartition(b")")[2].split()[1])
            except OSError:
                continue
            children.setdefault(parent, []).append(int(name))
    found, queue = [], [root]
    while queue:
        below = children.get(queue.pop(), [])
        found += below
        queue += below
    return found


def _kill_group(pid: int) -> None:
    try:
        os.killpg(pid, _signal.SIGKILL)
    except OSError:  # it ended, or was killed before it made its group
        _kill(pid)


def _kill(pid: int) -> bool:
    """Kill one process; return whether it was there to kill."""
    try:
        os.kill(pid, _signal.SIGKILL)
    except OSError:
        return False
    return True


def _let_go_of_streams() -> None:
    """Point our standard streams at /dev/null, so that the candidate's end is an end of file."""
    null = os.open("/dev/null", os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(null, fd)


def _become_candidate(spec: dict[str, Any], uid: int | None, result_fd: int, control_fd: int) -> NoReturn:
    """Take the limits, give up what is ours, and run the candidate. Never returns."""
    try:
        os.setsid()
        os.chdir(spec["workdir"])
        _set_limits(spec["limits"], uid is not None)
        if uid is not None:
            _drop_to(uid)
        _libc("prctl", PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        if control_fd == RESULT_FD:
            control_fd = os.dup(control_fd)
        if result_fd != RESULT_FD:
            os.dup2(result_fd, RESULT_FD)
            os.close(result_fd)
        os.set_inheritable(RESULT_FD, True)
        os.set_inheritable(control_fd, False)
        _signal.signal(_signal.SIGINT, _signal.SIG_DFL)
        _signal.pthread_sigmask(_signal.SIG_SETMASK, set())
        if spec["argv"]:
            _signal.signal(_signal.SIGPIPE, _signal.SIG_DFL)
            os.execve(spec["argv"][0], spec["argv"], os.environ)
    except BaseException as error:
        os.write(control_fd, f"error {type(error).__name__}: {error}".replace("\n", " ").encode()[:500] + b"\n")
        os._exit(127)
    os.close(control_fd)
    _run_harness(spec)


def _run_harness(spec: dict[str, Any]) -> NoReturn:
    sys.argv = ["solution.py"]
    sys.path = [path for path in sys.path if path]
    # Its own copy of the builtins: a candidate that replaces `isinstance` must not reach the harness.
    names: dict[str, Any] = {"__name__": "harness", "__builtins__": dict(vars(builtins))}
    exec(spec["harness"], names)
    names["main"](spec["payload"], RESULT_FD)
    os._exit(0)


def _set_limits(limits: dict[str, Any], own_uid: bool) -> None:
    mib = 1 << 20
    cpu = int(limits["cpu_s"]) + 2  # a backstop: `_watch` sees fractions of a second
    wanted = {
        resource.RLIMIT_CPU: (cpu, cpu + 1),
        resource.RLIMIT_AS: (limits["memory_mb"] * mib,) * 2,
        resource.RLIMIT_FSIZE: (limits["file_mb"] * mib,) * 2,
        resource.RLIMIT_NOFILE: (limits["open_files"],) * 2,
        resource.RLIMIT_CORE: (0, 0),
    }
    # A shared uid's other processes (Ray's, vLLM's threads) count too, so the limit has to be far above them.
    processes = limits["processes"] if own_uid else limits["processes"] + 8192
    wanted[resource.RLIMIT_NPROC] = (processes, processes)
    for which, (soft, hard) in wanted.items():
        ceiling = resource.getrlimit(which)[1]
        if ceiling != resource.RLIM_INFINITY:
            soft, hard = min(soft, ceiling), min(hard, ceiling)
        resource.setrlimit(which, (soft, hard))


def _drop_to(uid: int) -> None:
    """Leave root for a uid of this run's own, keeping the right to read (the interpreter may be under /root)."""
    _libc("prctl", PR_SET_KEEPCAPS, 1, 0, 0, 0)
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)
    bit = (1 << CAP_DAC_READ_SEARCH).to_bytes(4, sys.byteorder)
    header = (0x20080522).to_bytes(4, sys.byteorder) + bytes(4)
    if _libc("capset", header, bit * 3 + bytes(12)) != 0:
        raise OSError("capset failed")
    _libc("prctl", PR_CAP_AMBIENT, 2, CAP_DAC_READ_SEARCH, 0, 0)


def _libc(name: str, *arguments: int | bytes) -> int:
    """Call a C library function; `ctypes` itself would add 3 ms to each run."""
    import _ctypes

    address = _ctypes.dlsym(_ctypes.dlopen(None, 0), name)  # type: ignore[arg-type]
    return _ctypes.call_function(address, arguments)
