"""Errors that a user can cause, each with the exit code that the command line ends with.

A message is one line: what is wrong, where (file, key, row), and the mend. Anything that is not a
`HaloRaftError` is a bug of ours and keeps its traceback.
"""

import errno
from collections.abc import Iterator
from typing import ClassVar


class HaloRaftError(Exception):
    """Base of every error that is reported as one line instead of a traceback."""

    exit_code: ClassVar[int] = 1


class UsageError(HaloRaftError):
    """The command line itself is wrong: an unknown flag value, two flags that exclude each other."""

    exit_code = 2


class ConfigError(HaloRaftError):
    """A configuration key or value is wrong, or asks for something this machine does not have."""

    exit_code = 3


class DataError(HaloRaftError):
    """A tasks, samples or run file is missing, malformed or contradicts another."""

    exit_code = 3


class NoGpuError(HaloRaftError):
    """A GPU is required by the configuration and none is there."""

    exit_code = 4


class VerificationError(HaloRaftError):
    """Verification ended without anything that can be used: nothing passed, nothing was kept."""

    exit_code = 5


def user_error(error: BaseException) -> HaloRaftError | None:
    """Return the user's error that others (Ray, mostly) wrapped around, or a disk's; None if it is a bug."""
    for inner in wrapped(error):
        # Ray's wrapper is of the wrapped type too, with a traceback for a message; the error itself has no `cause`
        if isinstance(inner, HaloRaftError) and getattr(inner, "cause", None) is None:
            return inner
    return full_disk(error) or in_the_way(error)


def full_disk(error: BaseException) -> HaloRaftError | None:
    """Return what to tell the user where an error is, or wraps, a disk or a quota that is full."""
    for inner in wrapped(error):
        if isinstance(inner, OSError) and inner.errno in (errno.ENOSPC, errno.EDQUOT):
            where = f" ({inner.filename})" if inner.filename else ""
            return HaloRaftError(
                f"the disk is full{where}; what is there is whole: make room (halo-raft clean RUN_DIR shows what "
                "can go), and run the same command again to go on from here"
            )
    return None


_IN_THE_WAY = (errno.EISDIR, errno.ENOTDIR, errno.EEXIST, errno.ENOTEMPTY)


def in_the_way(error: BaseException) -> HaloRaftError | None:
    """Return what to tell the user where an error is, or wraps, that of a folder in a file's place, or the reverse."""
    for inner in wrapped(error):
        if isinstance(inner, OSError) and inner.errno in _IN_THE_WAY and inner.filename:
            return HaloRaftError(
                f"{inner.filename2 or inner.filename}: {inner.strerror}, where a run keeps something else; move it "
                "away, and run the same command again to go on from here"
            )
    return None


def wrapped(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and those that it was raised for, outermost first."""
    seen: set[int] = set()
    inner: BaseException | None = error
    while inner is not None and id(inner) not in seen:
        yield inner
        seen.add(id(inner))
        inner = getattr(inner, "cause", None) or inner.__cause__ or inner.__context__
