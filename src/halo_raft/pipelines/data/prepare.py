"""`data prepare`: a public set, a set of the hub or a file -> the guide's files, and a card that says what they are.

Rows are read, turned into tasks and written one by one, so that a set of any size needs little memory.
"""

from __future__ import annotations

import argparse
import dataclasses
import random
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from halo_raft import __version__, tasks
from halo_raft.errors import ConfigError, DataError, HaloRaftError, UsageError
from halo_raft.extract import canonical
from halo_raft.pipelines.data.listing import say_sets
from halo_raft.pipelines.data.trying import Tried, policy_for, try_tasks
from halo_raft.pipelines.data.writing import TaskFiles, refuse_to_write_over, task_files, write_card
from halo_raft.records import Task
from halo_raft.tasks.public import copies, hub
from halo_raft.tasks.public.catalogue import SETS, Files, PublicSet, Split, files_of
from halo_raft.terminal import console
from halo_raft.terminal.progress import counted

MOST_TRIED, MOST_TRIED_BYTES = 1000, 64 << 20
"""References and cheats of so many tasks, and of so much text, are run."""

Placed = Iterator[tuple[str, Mapping[str, Any]]]


@dataclasses.dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be prepared.

    Attributes:
        public: The set; for a file or another set of the hub, one made up for it.
        name: Our name of the split.
        files: Where it goes.
    """

    public: PublicSet
    name: str
    split: Split
    files: Files

    @property
    def title(self) -> str:
        """The set and its split, as a user names them."""
        return f"{self.public.name}:{self.name}" if self.name else self.public.name


def run(arguments: argparse.Namespace) -> int:
    """Prepare one split, or list the sets."""
    if arguments.list:
        say_sets()
        return 0
    if not arguments.dataset:
        raise UsageError("data prepare needs --dataset (and --output, for a name other than the guide's), or --list")
    if arguments.limit is not None and arguments.limit < 1:
        raise UsageError("--limit must be at least 1")
    wanted = _wanted(arguments)
    files = wanted.files
    refuse_to_write_over(
        "--output", (files.tasks, files.prompts, files.sft, files.card), (arguments.dataset, arguments.source or "")
    )
    console.say(f"Reading {wanted.title}...")
    left_out: dict[str, str] = {}
    counts: Counter[str] = Counter()
    chosen = _chosen(_tasks(wanted, arguments, left_out, counts), arguments.limit, arguments.seed)
    tried: list[Task] = []
    with task_files(wanted.files) as written:
        _write(written, chosen, tried)
        if not written.tasks:
            why = next(iter(left_out.values()), "it holds no rows")
            raise DataError(f"{wanted.title}: of {counts['read']} rows none is a task ({why})")
    found = None if arguments.quick else _try(tried)
    facts = _facts(wanted, arguments, written, counts, found, len(tried))
    write_card(wanted.files.card, facts, left_out | (found.broken | found.beyond if isinstance(found, Tried) else {}))
    _say(wanted, written, counts, left_out, found)
    return 0


def _wanted(arguments: argparse.Namespace) -> Wanted:
    """Find out what a `--dataset` names.

    Raises:
        ConfigError: Nothing.
    """
    spec: str = arguments.dataset
    if Path(spec).is_file():
        made = PublicSet(Path(spec).name.partition(".")[0], None, {"": Split()}, "-", "not said", "by its rows", "auto")
        return Wanted(made, "", Split(), Files(arguments.output or Path(f"data/rlvr/{made.name}_full.jsonl")))
    name, _, after = spec.partition(":")
    part: str | None = arguments.split or after or None
    if name in SETS:
        if name == "multipl_e" and part:
            part = canonical(part)
        split_name, split = SETS[name].split(part)
        output = Files(arguments.output) if arguments.output else files_of(name, split_name)
        return Wanted(SETS[name], split_name, split, output)
    if "/" not in name:
        raise ConfigError(f"--dataset: {spec} is no file, no set of `data prepare --list`, and no hub name (org/name)")
    split_name = part or "train"
    made = PublicSet(name, name, {split_name: Split()}, "-", "see its card", "by its rows", "auto", streamed=True)
    output = Files(arguments.output) if arguments.output else files_of(name, split_name)
    return Wanted(made, split_name, Split(), output)


def _rows(wanted: Wanted, source: Path | None, dataset: str) -> Placed:
    """Yield (place, row) from a copy, from what comes with us, or from the hub."""
    public, name, split = wanted.public, wanted.name, wanted.split
    if source is not None:
        return copies.rows_of(source, public.hub, name, split)
    if Path(dataset).is_file():
        return copies.rows_of(Path(dataset), None, name, split)
    if public.name in ("starter", "humaneval"):
        rows = tasks.REGISTRY.load(public.name)().load(name)
        return ((f"{wanted.title}, row {number}", row) for number, row in enumerate(rows, start=1))
    return hub.rows_of(public, name, split)


def _tasks(
    wanted: Wanted, arguments: argparse.Namespace, left_out: dict[str, str], counts: Counter[str]
) -> Iterator[Task]:
    """Yield the tasks of all rows; says in `left_out` and `counts` what becomes of the others."""
    asked = canonical(arguments.language or wanted.public.ask or "") or None
    seen: set[str] = set()
    low, high = wanted.split.ids or (0, 0)
    with counted(wanted.split.rows or 0, "rows read") as advance:
        for where, row in _rows(wanted, arguments.source, arguments.dataset):
            advance(1)
            counts["read"] += 1
            try:
                if high and not low <= _number_of(row, low, where) <= high:
                    counts["of another split"] += 1
                    continue
                task = _in_language(tasks.parse_row(row, where), asked)
            except DataError as error:
                left_out[where] = str(error).removeprefix(f"{where}: ")
                counts["cannot be read"] += 1
                continue
            if task is None:
                counts["in another language"] += 1
            elif task.task_id in seen:
                left_out[where] = f"task_id {task.task_id} occurs twice"
                counts["twice"] += 1
            else:
                seen.add(task.task_id)
                yield task


def _number_of(row: Mapping[str, Any], default: int, where: str) -> int:
    """Return the number by which a set divides its rows into splits; raises DataError where an id is none."""
    given = row.get("task_id") or default
    try:
        return int(given)
    except (ValueError, TypeError):
        raise DataError(
            f"{where}: task_id {str(given)[:40]!r} is no number, which this set's splits go by; "
            "prepare a file of your own with --dataset FILE"
        ) from None


def _in_language(task: Task, asked: str | None) -> Task | None:
    """Return a task as it is asked in a language: any where only its output is judged; None where it is of another."""
    if asked is None or task.language == asked:
        return task
    if task.judged_by != "execution":
        return None
    return dataclasses.replace(task, language=asked, solution=None)  # the reference is in the other language


def _chosen(found: Iterable[Task], limit: int | None, seed: int | None) -> Iterator[Task]:
    """Yield the first `limit` tasks, or as many of all at random (Vitter's reservoir, in the order of the rows)."""
    if limit is None or seed is None:
        for number, task in enumerate(found, start=1):
            yield task
            if number == limit:
                return
        return
    draw = random.Random(seed)
    kept: list[tuple[int, Task]] = []
    for number, task in enumerate(found):
        if len(kept) < limit:
            kept.append((number, task))
        elif (place := draw.randrange(number + 1)) < limit:
            kept[place] = number, task
    yield from (task for _, task in sorted(kept, key=lambda placed: placed[0]))


def _write(written: TaskFiles, chosen: Iterable[Task], tried: list[Task]) -> None:
    """Write all tasks; the first of those with tests are kept to be tried."""
    size = 0
    for task in chosen:
        written.write(task)
        if len(tried) < MOST_TRIED and size < MOST_TRIED_BYTES and (task.has_tests or task.our_limit):
            tried.append(task)
            size += len(task.to_json())


def _try(tried: list[Task]) -> Tried | str:
    """Run references and cheats; returns why not, where a compiler or the sandbox is missing, or Ray does not start."""
    try:
        return try_tasks(policy_for(None), tried)
    except HaloRaftError as error:
        return str(error)


def _facts(
    wanted: Wanted,
    arguments: argparse.Namespace,
    written: TaskFiles,
    counts: Counter[str],
    found: Tried | str | None,
    tried: int,
) -> dict[str, Any]:
    public, source = wanted.public, arguments.source
    revision = copies.revision_of(source, public.hub) if source else None
    if not source and public.hub and public.name != "humaneval":
        revision = hub.revision_of(public)
    validation: Any = "not run" if found is None else f"not run: {found}" if isinstance(found, str) else {
        "tried": tried, "sound": found.sound, "broken": len(found.broken), "beyond_us": len(found.beyond),
    }  # fmt: skip
    return {
        "name": wanted.title,
        "source": str(source or public.hub or arguments.dataset),
        "hub": public.hub,
        "revision": revision,
        "licence": public.licence,
        "file": wanted.files.tasks.name,
        "sha256": written.sha256,
        "tasks": written.tasks,
        "with_reference": written.references,
        "rows": dict(counts),
        "validation": validation,
        "made_by": f"halo-raft {__version__}",
    }


def _say(
    wanted: Wanted, written: TaskFiles, counts: Counter[str], left_out: Mapping[str, str], found: Tried | str | None
) -> None:
    files = wanted.files
    console.say(f"Wrote {written.tasks} tasks to {files.tasks}")
    made = [files.prompts, *([files.sft] if written.references else []), files.card]
    console.say(f"  beside it: {', '.join(path.name for path in made)}")
    rest = ", ".join(f"{number} {why}" for why, number in counts.items() if why != "read")
    if rest:
        console.say(f"  left out of {counts['read']} rows: {rest}")
    console.listed(left_out, "is left out")
    if isinstance(found, str):
        console.say(f"  not tried: {found}")
    elif found:
        more = f" (of the first {found.tasks} tried)" if found.tasks < written.tasks else ""
        console.say(
            f"  tests: {found.sound} tasks are sound, {len(found.broken)} broken, {len(found.beyond)} beyond us{more}"
        )
        console.listed(found.broken | found.beyond, "stays in the file, and RAFT will leave it out")
    console.say(f"Next: halo-raft data validate {files.tasks}")
