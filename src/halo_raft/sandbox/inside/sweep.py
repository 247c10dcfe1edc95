"""Killing and reaping all that a run left behind, whatever session it moved to."""

from __future__ import annotations

import contextlib
import os
import signal
import time

SWEEP_S = 5.0


def sweep(user: int | None) -> None:
    """Kill and reap every descendant of this process, a subreaper.

    Args:
        user: Id that nothing but the run has; None where it shares one.

    Raises:
        RuntimeError: Something cannot be killed.
    """
    deadline = time.monotonic() + SWEEP_S
    while time.monotonic() < deadline:
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            return
        if user is not None:
            _kill_user(user)
        else:
            for pid in _descendants(os.getpid()):
                _kill(pid)
        time.sleep(0.001)
    raise RuntimeError("a process of the run cannot be killed")


def _kill_user(uid: int) -> None:
    """Kill all processes of a user id at once, which no fork bomb outruns."""
    pid = os.fork()
    if pid == 0:
        try:
            os.setresuid(uid, uid, uid)
            os.kill(-1, signal.SIGKILL)
        finally:
            os._exit(0)
    os.waitpid(pid, 0)


def _kill(pid: int) -> None:
    with contextlib.suppress(OSError):
        os.kill(pid, signal.SIGKILL)


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
