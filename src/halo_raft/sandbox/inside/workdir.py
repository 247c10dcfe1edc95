"""Reading a work folder back, and emptying it, after a run that may have left anything there."""

from __future__ import annotations

import os
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
    """Remove all that is in a folder, whatever its depth and its permissions.

    Folders are moved up before they are looked into, so that time is linear in what there is.
    """
    top = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    moved = 0
    while names := os.listdir(top):
        for name in names:
            if not _is_folder(name, top):
                os.unlink(name, dir_fd=top)
                continue
            os.chmod(name, 0o700, dir_fd=top)
            inner = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=top)
            for below in os.listdir(inner):
                if _is_folder(below, inner):
                    os.chmod(below, 0o700, dir_fd=inner)  # to be moved, it has to be writable itself
                    moved += 1
                    os.rename(below, f".moved-{moved}", src_dir_fd=inner, dst_dir_fd=top)
                else:
                    os.unlink(below, dir_fd=inner)
            os.close(inner)
            os.rmdir(name, dir_fd=top)
    os.close(top)


def _is_folder(name: str, inside: int) -> bool:
    return stat.S_ISDIR(os.stat(name, dir_fd=inside, follow_symlinks=False).st_mode)
