"""Nothing of a command outlives it: not after its end, not after a kill that left it no time for one.

Ray ends its own processes where it gets the time. A second Ctrl-C, SIGKILL or a machine short of memory takes
that time away: then agents, workers and engines stayed for minutes. Every process of a command's own Ray
instance carries a mark in its environment, by which it is found wherever it was moved to, and has a folder for its
temporary files that goes with the command: engines that are killed, as all are, remove nothing themselves.
"""

from __future__ import annotations

import contextlib
import glob
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

MARK = "HALO_RAFT_COMMAND"
"""Variable that a command's processes inherit."""

SECONDS_TO_END = 3.0
"""So long processes may take to end by themselves before they are ended."""

_LOOK_S = 0.5


@contextlib.contextmanager
def nothing_left() -> Iterator[Callable[[str], None]]:
    """End whatever the block started and left, at its end or when this process is gone.

    The guard is a process of its own session: neither a closed terminal nor the death of the group reaches it.

    Yields:
        A function that takes a folder, or a pattern of some, that is to go too, unless the block fails: logs in it
        may say why.
    """
    mark, scratch = uuid.uuid4().hex, tempfile.mkdtemp(prefix="halo-raft-")
    os.chmod(scratch, 0o711)  # programs that are judged are other users
    guard = subprocess.Popen(
        [sys.executable, "-I", "-S", __file__, str(os.getpid()), mark, scratch],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    folders = []

    def take_along(folder: str) -> None:
        folders.append(folder)
        assert guard.stdin is not None
        guard.stdin.write(f"{folder}\n".encode())
        guard.stdin.flush()

    before = {name: os.environ.get(name) for name in (MARK, "TMPDIR")}
    os.environ |= {MARK: mark, "TMPDIR": scratch}
    try:
        yield take_along
    except Exception:
        folders.clear()
        raise
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})
        end_marked(mark)
        _remove(glob.escape(scratch), *folders)
        guard.kill()
        guard.communicate()


def end_marked(mark: str) -> None:
    """End the processes that carry a mark: those that do not end by themselves in `SECONDS_TO_END`."""
    until = time.monotonic() + SECONDS_TO_END
    while (left := marked(mark)) and time.monotonic() < until:
        time.sleep(0.05)
    while left:
        for process in left:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(process, signal.SIGKILL)
        time.sleep(0.05)
        left = marked(mark) if time.monotonic() < until + SECONDS_TO_END else []


def marked(mark: str) -> list[int]:
    """Return the processes that carry a mark, this one and the dead left out."""
    wanted = f"{MARK}={mark}".encode()
    found = []
    for entry in Path("/proc").iterdir() if Path("/proc").is_dir() else ():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        with contextlib.suppress(OSError):
            if wanted in (entry / "environ").read_bytes().split(b"\0"):
                found.append(int(entry.name))
    return found


def _remove(*patterns: str) -> None:
    for folder in (folder for pattern in patterns for folder in glob.glob(pattern)):
        shutil.rmtree(folder, ignore_errors=True)


def _guard(driver: int, mark: str, scratch: str) -> None:
    """Wait for the driver, this process's parent, to be gone; then end what carries its mark, and remove its folders.

    Their names come over standard input.
    """
    os.set_blocking(0, False)
    while os.getppid() == driver:
        time.sleep(_LOOK_S)
    end_marked(mark)
    with contextlib.suppress(BlockingIOError):
        _remove(glob.escape(scratch), *os.read(0, 65536).decode().splitlines())


if __name__ == "__main__":
    _guard(int(sys.argv[1]), sys.argv[2], sys.argv[3])
