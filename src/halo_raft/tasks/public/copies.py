"""Rows of a data set from a copy on this machine, in any form that the hub's tools leave behind.

A file (JSON lines, compressed or not, Parquet, Arrow), a folder of `save_to_disk`, a hub cache, or a folder of files
as they are in the repository. Nothing here asks the network.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from halo_raft.errors import DataError
from halo_raft.tasks.public.catalogue import Split
from halo_raft.tasks.rows.reading import read_rows

Row = Mapping[str, Any]
BUILDERS = {".jsonl": "json", ".arrow": "arrow", ".parquet": "parquet"}
"""Ending of a file -> what of `datasets` reads it."""


def rows_of(source: Path, hub: str | None, name: str, split: Split) -> Iterator[tuple[str, Row]]:
    """Yield (place, row) of a split.

    Args:
        source: The file or folder.
        hub: The set's name on the hub, by which a cache knows it.
        name: Our name of the split.
        split: Which part.

    Raises:
        DataError: There is no such copy, or it has no such split.
    """
    if source.is_file():
        if source.suffix == ".arrow":
            yield from _arrow(source)
        else:
            yield from ((f"{source}:{line}", row) for line, row in read_rows(source))
        return
    if not source.is_dir():
        raise DataError(f"--source: {source} is neither a file nor a folder")
    wanted = split.hub or name
    folder = (_in_hub_cache(source, hub) if hub else None) or source
    try:
        if hub and (files := _processed(folder, hub, split.config, wanted)):
            for file in files:
                yield from _arrow(file)
            return
        for number, row in enumerate(_opened(folder, split, wanted), start=1):
            yield f"{folder}, row {number}", row
    except DataError:
        raise
    except Exception as error:  # datasets raises whatever its parts do
        raise DataError(f"--source: {source} cannot be read ({first_line(error)})") from error


def revision_of(source: Path, hub: str | None) -> str | None:
    """Return the revision that a hub cache holds, None for any other copy."""
    folder = _in_hub_cache(source, hub) if hub and source.is_dir() else None
    return folder.name if folder else None


def first_line(error: BaseException) -> str:
    """Return an error of a library as one line."""
    return " ".join(f"{type(error).__name__}: {error}".split())[:200]


def _opened(folder: Path, split: Split, wanted: str) -> Iterator[Row]:
    """Yield the rows of a folder: `save_to_disk`, or the repository's files."""
    from datasets import load_dataset, load_from_disk

    if (folder / "dataset_dict.json").is_file():
        there = json.loads((folder / "dataset_dict.json").read_text(encoding="utf-8"))["splits"]
        if wanted not in there:
            raise DataError(f"--source: {folder} has no split {wanted!r}; there are: {', '.join(there)}")
        folder = folder / wanted
    if (folder / "state.json").is_file():
        yield from load_from_disk(str(folder))
        return
    if split.files:
        files = [str(file) for pattern in split.files for file in sorted(folder.glob(pattern))]
        if not files:
            raise DataError(f"--source: {folder} has none of {', '.join(split.files)}")
        kind = BUILDERS[Path(split.files[0]).suffix]
        yield from load_dataset(kind, data_files={wanted: files}, split=wanted, streaming=True)
    elif (folder / "README.md").is_file() or not split.config or not (folder / split.config).is_dir():
        named = split.config if (folder / "README.md").is_file() else None
        yield from load_dataset(str(folder), named, split=wanted, streaming=True)
    else:
        yield from load_dataset(str(folder / split.config), split=wanted, streaming=True)


def _arrow(file: Path) -> Iterator[tuple[str, Row]]:
    from datasets import Dataset

    for number, row in enumerate(Dataset.from_file(str(file)), start=1):
        yield f"{file}, row {number}", row


def _in_hub_cache(folder: Path, hub: str) -> Path | None:
    """Return the snapshot of a set in a hub cache: the cache's root, its `hub`, or the set's own folder in it."""
    name = f"datasets--{hub.replace('/', '--')}"
    for place in (folder, folder / name, folder / "hub" / name):
        snapshots = place / "snapshots"
        if not snapshots.is_dir():
            continue
        main = place / "refs" / "main"
        if main.is_file() and (snapshots / main.read_text().strip()).is_dir():
            return snapshots / main.read_text().strip()
        return max((s for s in snapshots.iterdir() if s.is_dir()), key=lambda s: s.stat().st_mtime, default=None)
    return None


def _processed(folder: Path, hub: str, config: str | None, wanted: str) -> list[Path]:
    """Return the Arrow files of a split in a cache of `datasets` (`org___name/CONFIG/VERSION/HASH`), newest version."""
    name = hub.replace("/", "___").lower()
    for root in (folder, folder / "datasets"):
        found = sorted((root / name / (config or "default")).glob(f"*/*/*-{wanted}*.arrow"))
        if found:
            newest = max(found, key=lambda file: file.parent.stat().st_mtime).parent
            return [file for file in found if file.parent == newest]
    return []
