"""A public set as a task source: what was prepared here is read from there, else the hub is asked."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from halo_raft.tasks.base import TaskSource, read_rows
from halo_raft.tasks.public import hub
from halo_raft.tasks.public.catalogue import PublicSet, files_of

log = logging.getLogger(__name__)


def load(public: PublicSet, name: str) -> list[Mapping[str, Any]]:
    """Return the rows of a split.

    Raises:
        DataError: They are not here and cannot be downloaded.
    """
    prepared = files_of(public.name, name).tasks
    if prepared.is_file():
        log.info("tasks: %s:%s is read from %s", public.name, name, prepared)
        return [row for _, row in read_rows(prepared)]
    return [row for _, row in hub.rows_of(public, name, public.splits[name])]


def source_of(public: PublicSet) -> type[TaskSource]:
    """Return the source of a set that has no file of its own beside this package."""

    class Public(TaskSource):
        splits: ClassVar[Mapping[str, int]] = {name: split.rows or 0 for name, split in public.splits.items()}
        verifier: ClassVar[str] = public.verifier if public.verifier.isidentifier() else "auto"
        downloads: ClassVar[bool] = True

        def load(self, split: str) -> Iterable[Mapping[str, Any]]:
            return load(public, split)

    return Public
