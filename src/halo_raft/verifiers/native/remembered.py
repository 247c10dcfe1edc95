"""What was made of a key before, as long as there is room: the least lately asked for goes first."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Remembered(Generic[K, V]):
    """A memory that is bounded in bytes.

    Args:
        room: Bytes of all that is remembered.
        size: Returns the bytes that an entry holds, of key and value.
    """

    def __init__(self, room: int, size: Callable[[K, V], int]) -> None:
        self._room, self._size = room, size
        self._entries: OrderedDict[K, V] = OrderedDict()
        self._lock = threading.Lock()
        self.held = 0

    def get(self, key: K) -> V | None:
        """Return what `put` was given for an equal key, if it is still there."""
        with self._lock:
            if key in self._entries:
                self._entries.move_to_end(key)
            return self._entries.get(key)

    def put(self, key: K, value: V) -> None:
        """Remember a value; one that has no room even alone is not."""
        with self._lock:
            if key in self._entries:
                self.held -= self._size(key, self._entries.pop(key))
            self._entries[key] = value
            self.held += self._size(key, value)
            while self.held > self._room:
                self.held -= self._size(*self._entries.popitem(last=False))
