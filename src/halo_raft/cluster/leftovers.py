"""Nothing of a command outlives it: not after its end, not after a kill that left it no time for one.

Ray ends its own processes where it gets the time. A second Ctrl-C, SIGKILL or a machine short of memory takes
that time away: then agents, workers and engines stayed for minutes. Every process of a command's own Ray
instance carries a mark in its environment, by which it is found wherever it was moved to, and has a folder for its
temporary files that goes with the command: engines that are killed, as all are, remove nothing themselves.
Some of Ray's give themselves a title, and with it write over their environment as others see it: they are known by
the logs that they have open in their session's folder.
"""

from __future__ import annotations

import contextlib
import fnmatch
import glob
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
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
    folders: list[str] = []
    to_remove = folders

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
        to_remove = []
        raise
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})
        end_marked(mark, folders)
        _remove(glob.escape(scratch), *to_remove)
        guard.kill()
        guard.communicate()


def end_marked(mark: str, folders: Sequence[str] = ()) -> None:
    """End the processes of a command, see `marked`: those that do not end by themselves in `SECONDS_TO_END`."""
    until = time.monotonic() + SECONDS_TO_END
    while (left := marked(mark, folders)) and time.monotonic() < until:
        time.sleep(0.05)
    while left:
        for process in left:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(process, signal.SIGKILL)
        time.sleep(0.05)
        left = marked(mark, folders) if time.monotonic() < until + SECONDS_TO_END else []


def marked(mark: str, folders: Sequence[str] = ()) -> list[int]:
    """Return the processes that carry a mark, and Ray's with files in a folder; this one and the dead are left out.

    Args:
        mark: The value of the variable.
        folders: Folders, or patterns of some, that are the command's alone.
    """
    wanted = f"{MARK}={mark}".encode()
    found = []
    for entry in Path("/proc").iterdir() if Path("/proc").is_dir() else ():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        with contextlib.suppress(OSError):
            if wanted in (entry / "environ").read_bytes().split(b"\0") or _is_at_home(entry, folders):
                found.append(int(entry.name))
    return found


def _is_at_home(entry: Path, folders: Sequence[str]) -> bool:
    """Return whether a process that Ray gave a title has a file open in one of the folders, be it removed."""
    if not folders or not (entry / "cmdline").read_bytes().startswith(b"ray::"):
        return False
    for descriptor in (entry / "fd").iterdir():
        with contextlib.suppress(OSError):
            target = os.readlink(descriptor)
            if any(fnmatch.fnmatchcase(target, f"{folder}/*") for folder in folders):
                return True
    return False


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
    folders: list[str] = []
    with contextlib.suppress(BlockingIOError):
        folders = os.read(0, 65536).decode().splitlines()
    end_marked(mark, folders)
    _remove(glob.escape(scratch), *folders)


if __name__ == "__main__":
    _guard(int(sys.argv[1]), sys.argv[2], sys.argv[3])
