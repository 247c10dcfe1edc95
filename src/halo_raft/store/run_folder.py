"""The files of one RAFT run: what of each cycle is on disk, what is done, what is left."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from halo_raft.records import CycleStats, Sample, Verdict
from halo_raft.store.adapters import has_weights
from halo_raft.store.folder import HeldFolder, remove
from halo_raft.store.jsonl import last_verdicts, read_records, read_verdicts, write_atomically
from halo_raft.store.lines import line_of
from halo_raft.store.reading import record_of
from halo_raft.store.stored import StoredSample, stored_samples

FIRST_CYCLE = frozenset({"plan.json", "samples.jsonl", "verified.jsonl", "recheck_verified.jsonl"})
"""Of a cycle: what does not depend on how its samples are selected."""

SELECTED = frozenset({"kept.jsonl", "selected.json"})
"""Of a cycle: what does not depend on how it is trained."""


def stats_of(row: Any) -> CycleStats:
    """Make a cycle's statistics of what its file says.

    Raises:
        TypeError, KeyError: A field is missing or of another type.
    """
    stats = record_of(CycleStats)(row)
    for rate in stats.heldout.values():
        rate["mean"]
    return stats


class RunFolder(HeldFolder):
    """The files of one RAFT run, by the guide's names.

    Stages of a cycle are named by what they draw: `` (training samples) and `heldout`.
    """

    def samples_path(self, cycle: int, stage: str = "") -> Path:
        """Return the path of a stage's samples."""
        return self.path / f"cycle_{cycle}_{stage + '_' if stage else ''}samples.jsonl"

    def verdicts_path(self, cycle: int, stage: str = "") -> Path:
        """Return the path of a stage's verdicts."""
        return self.path / f"cycle_{cycle}_{stage + '_' if stage else ''}verified.jsonl"

    def kept_path(self, cycle: int) -> Path:
        """Return the path of the samples that a cycle trains on."""
        return self.path / f"cycle_{cycle}_kept.jsonl"

    @property
    def heldout_tasks_path(self) -> Path:
        """The tasks that were held out of the training tasks, where the user named none."""
        return self.path / "tasks_heldout.jsonl"

    def base_path(self, cycle: int) -> Path:
        """Return the path of the answers of the run's first model that a cycle trains on too."""
        return self.path / f"cycle_{cycle}_base.jsonl"

    def adapter_path(self, cycle: int) -> Path:
        """Return the folder of a cycle's adapter."""
        return self.path / f"cycle_{cycle}_final"

    def is_trained(self, cycle: int) -> bool:
        """Return whether a cycle's adapter is there; a folder without its weights is none."""
        return has_weights(self.adapter_path(cycle))

    def has_adapter(self) -> bool:
        """Return whether any cycle has been trained."""
        return any(self.path.glob("cycle_*_final"))

    def forget_from(self, stage: str) -> None:
        """Remove what a run did from a stage of its first cycle on: `select` or `train`."""
        kept = {f"cycle_1_{name}" for name in FIRST_CYCLE | (SELECTED if stage == "train" else frozenset())}
        patterns = ("cycle_*", ".cycle_*", "best", "raft_statistics.json", "report", ".ray_train")
        found = [
            path for pattern in patterns for path in self.path.glob(pattern)
        ]  # at once: a link whose target is gone is not found
        for path in found:
            if path.name not in kept and not path.name.startswith("cycle_0_"):
                remove(path)

    def samples(self, cycle: int, stage: str = "") -> list[Sample]:
        """Read a stage's samples so far, all at once: for few."""
        return list(read_records(self.samples_path(cycle, stage), Sample))

    def stored(self, cycle: int, stage: str = "") -> Iterator[StoredSample]:
        """Yield a stage's samples so far without what is in them."""
        return stored_samples(self.samples_path(cycle, stage))

    def verdicts(self, cycle: int, stage: str = "") -> list[Verdict]:
        """Read a stage's verdicts so far, all at once: for few; of a sample that was judged again, the last one."""
        return list(read_verdicts(self.verdicts_path(cycle, stage)).values())

    def each_verdict(self, cycle: int, stage: str = "") -> Iterator[Verdict]:
        """Yield a stage's verdicts so far; of a sample that was judged again, the last one."""
        return last_verdicts(self.verdicts_path(cycle, stage))

    def stats(self, cycle: int) -> CycleStats | None:
        """Return what a finished cycle did, None if it is not finished."""
        return self.read_as(f"cycle_{cycle}_stats.json", stats_of)

    def history(self) -> list[CycleStats]:
        """Return what all finished cycles did, in their order."""
        found = [re.fullmatch(r"cycle_(\d+)_stats\.json", path.name) for path in self.path.glob("cycle_*_stats.json")]
        numbers = sorted(int(name[1]) for name in found if name)
        return [stats for number in numbers if (stats := self.stats(number))]

    def write_kept(self, cycle: int, kept: Iterable[Sample | StoredSample]) -> None:
        """Write the selected samples, whole or not at all."""
        lines = (s.line() if isinstance(s, StoredSample) else line_of(s) for s in kept)
        write_atomically(self.kept_path(cycle), lines)

    def kept(self, cycle: int) -> list[Sample] | None:
        """Return the selected samples, None if the selection was not made yet."""
        return list(read_records(self.kept_path(cycle), Sample)) if self.kept_path(cycle).exists() else None

    def each_kept(self, cycle: int) -> Iterator[StoredSample]:
        """Yield the selected samples without what is in them; none if the selection was not made yet."""
        return stored_samples(self.kept_path(cycle))

    def best(self) -> int | None:
        """Return the cycle that `best` points at, None where it points at none."""
        link = self.path / "best"
        name = re.fullmatch(r"cycle_(\d+)_final", link.readlink().name) if link.is_symlink() else None
        return int(name[1]) if name else None

    def point_best(self, cycle: int) -> None:
        """Let `best` point at a cycle's adapter."""
        scratch = self.path / ".best"
        scratch.unlink(missing_ok=True)
        scratch.symlink_to(self.adapter_path(cycle).name)
        scratch.rename(self.path / "best")
