"""Reading a work folder back, and emptying it, after a run that may have left anything there."""

from __future__ import annotations

import os
import shutil
import stat


def collect(folder: str, names: list[str], cap: int) -> dict[str, bytes]:
    """Return the regular files among `names` that exist and have at most `cap` bytes.

    Args:
        folder: Where they are; none of the run's processes is left to change it.
        names: Paths relative to it.
        cap: Bytes of each.
    """
    found = {}
    root = os.path.realpath(folder)
    for name in names:
        path = os.path.join(root, os.path.normpath(name))
        try:
            if os.path.realpath(path) != path:
                continue  # a link
            fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        except OSError:
            continue
        status = os.fstat(fd)
        if stat.S_ISREG(status.st_mode) and status.st_size <= cap:
            with open(fd, "rb", closefd=False) as file:
                found[name] = file.read(cap)
        os.close(fd)
    return found


def empty(folder: str) -> None:
    """Remove all that is in a folder, also what is nested too deep for Python or lost its permissions."""
    import subprocess  # it loads `threading`, which would hook itself into every fork of the zygote

    for entry in os.scandir(folder):
        path = os.path.join(folder, entry.name)
        try:
            shutil.rmtree(path) if entry.is_dir(follow_symlinks=False) else os.unlink(path)
        except (OSError, RecursionError):
            subprocess.run(["chmod", "-R", "u+rwX", path], check=False, stderr=subprocess.DEVNULL)
            subprocess.run(["rm", "-rf", "--", path], check=False, stderr=subprocess.DEVNULL)
