"""The zygotes of this worker: one for each view that is in use, more where threads ask at once."""

from __future__ import annotations

import atexit
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from halo_raft.sandbox.run import ZygoteLostError
from halo_raft.sandbox.zygote import View, Zygote

T = TypeVar("T")


class Pool:
    """Idle zygotes by view; a zygote under which anything failed is not used again."""

    def __init__(self) -> None:
        self._idle: defaultdict[View, list[Zygote]] = defaultdict(list)
        self._lock = threading.Lock()
        atexit.register(self.close)

    @contextmanager
    def zygote(self, view: View) -> Iterator[Zygote]:
        """Lend a zygote, started if none is idle.

        Raises:
            SandboxError: It cannot be started.
        """
        with self._lock:
            idle = self._idle[view]
            while idle and not idle[-1].is_alive:
                idle.pop().close()
            zygote = idle.pop() if idle else None
        zygote = zygote or Zygote(view)
        try:
            yield zygote
        except BaseException:
            zygote.close()
            raise
        with self._lock:
            self._idle[view].append(zygote)

    def do(self, view: View, action: Callable[[Zygote], T]) -> T:
        """Return `action(zygote)`, asking a second zygote when the first one dies.

        Raises:
            SandboxError: The second one died too, or none can be started.
        """
        try:
            with self.zygote(view) as zygote:
                return action(zygote)
        except ZygoteLostError:
            with self.zygote(view) as zygote:
                return action(zygote)

    def close(self) -> None:
        """End all idle zygotes."""
        with self._lock:
            zygotes = [zygote for idle in self._idle.values() for zygote in idle]
            self._idle.clear()
        for zygote in zygotes:
            zygote.close()


POOL = Pool()
"""This process's zygotes; none is started before the first run."""
