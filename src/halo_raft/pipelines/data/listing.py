"""The table of `data prepare --list`."""

from __future__ import annotations

from halo_raft.tasks.public.catalogue import SETS, PublicSet
from halo_raft.terminal import console

COMES_WITH_US = ("starter", "humaneval")


def say_sets() -> None:
    """Print every set that is known by name."""
    titles = ("Name", "Languages", "Licence", "Form", "Verifier", "Download", "Splits (rows)")
    rows = [titles, *(_row(known) for known in SETS.values())]
    widths = [max(len(row[column]) for row in rows) for column in range(len(titles))]
    for row in rows:
        console.say("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    console.say()
    console.say("Any other set on the hub (--dataset org/name) or file works where docs/task_forms.md knows its form.")
    console.say("Offline, --source PATH reads a copy: JSONL, Parquet, a save_to_disk folder, or a hub cache.")


def _row(known: PublicSet) -> tuple[str, ...]:
    splits = ", ".join(f"{name} ({split.rows})" if split.rows else name for name, split in known.splits.items())
    name = f"{known.name}:LANG" if known.name == "multipl_e" else known.name
    here = (
        "comes with us" if known.name in COMES_WITH_US else "network" if known.size == "-" else f"network, {known.size}"
    )
    return name, known.languages, known.licence, known.form, known.verifier, here, splits
