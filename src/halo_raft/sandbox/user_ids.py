"""User ids that belong to nobody: each zygote of a root worker takes one for its runs.

Only ids that this user namespace maps can be taken: a container without root has 65,536 of them, or one.
An abstract socket keeps an id for its zygote, where others of this machine look before they take theirs.
"""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

PREFERRED = 0x70000000
"""Far from all that is given out, where everything is mapped."""
SYSTEM_IDS = 10_000
"""Ids below are given to the system's users and to people."""
NOBODY = 65_534
TRIES = 4096


class Span(NamedTuple):
    """Ids that a namespace maps, in a row."""

    first: int
    size: int


class UserId:
    """An id that this process has taken, until it is given back."""

    def __init__(self, number: int, keeper: socket.socket) -> None:
        self.number, self._keeper = number, keeper

    def close(self) -> None:
        """Give the id back."""
        self._keeper.close()


def take(seed: int) -> UserId | None:
    """Return an id of nobody's; None for a user that cannot become another, or where none is mapped.

    Args:
        seed: Where to look first, such as a process id.
    """
    if os.geteuid() != 0:
        return None
    mapped = [spans(f"/proc/self/{kind}_map") for kind in ("uid", "gid")]
    for number in candidates(mapped, seed):
        keeper = socket.socket(socket.AF_UNIX)
        try:
            keeper.bind(f"\0halo-raft-user-{number}")
        except OSError as error:
            keeper.close()
            if error.errno != errno.EADDRINUSE:
                raise
        else:
            return UserId(number, keeper)
    return None


def spans(path: str) -> list[Span]:
    """Return the ids that the map of a namespace has inside."""
    rows = (line.split() for line in Path(path).read_text().splitlines())
    return [Span(int(first), int(size)) for first, _, size in rows]


def candidates(mapped: Sequence[Sequence[Span]], seed: int) -> Iterator[int]:
    """Yield ids that all maps have, the best first: no more than `TRIES`."""
    preferred = PREFERRED + seed
    if all(any(s.first <= preferred < s.first + s.size for s in one) for one in mapped):
        yield preferred
    ranges = [
        range(max(SYSTEM_IDS, users.first, groups.first), min(users.first + users.size, groups.first + groups.size))
        for users in mapped[0]
        for groups in mapped[-1]
    ]
    widest = max(ranges, key=len, default=range(0))
    for step in range(min(len(widest), TRIES)):
        number = widest[-1 - (seed + step) % len(widest)]
        if number != NOBODY:
            yield number
