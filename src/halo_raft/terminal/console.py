"""What the user sees: the guide's cycle blocks, progress, the table at the end.

Lines go to standard output and to `logs/raft.log`; bars appear on a terminal only, elsewhere a line
every so often says how far it is.
"""

from __future__ import annotations

import logging
import shutil
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from halo_raft.evaluate import Difference
from halo_raft.records import CycleStats, VerdictKind
from halo_raft.select import Selection

SECONDS_PER_LINE = 10.0
"""Without a terminal, how often progress is a line."""

console = Console(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else 120)
log = logging.getLogger("halo_raft")


def say(text: str = "") -> None:
    """Print a line and log it."""
    console.print(text, markup=False)
    if text:
        log.debug("%s", text)


def show_log_messages() -> None:
    """Print this package's log messages: progress (INFO) as it is, warnings with their level."""

    class Printer(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            level = "" if record.levelno <= logging.INFO else f"{record.levelname}: "
            console.print(f"  {level}{record.getMessage()}", markup=False)

    if not any(isinstance(h, logging.Handler) and h.get_name() == "console" for h in log.handlers):
        printer = Printer(logging.INFO)
        printer.set_name("console")
        log.addHandler(printer)
    log.setLevel(logging.DEBUG)
    log.propagate = False


@contextmanager
def log_to(folder: Path) -> Iterator[None]:
    """Write everything this package logs to `folder/raft.log` meanwhile."""
    folder.mkdir(parents=True, exist_ok=True)
    handler = logging.FileHandler(folder / "raft.log", encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    log.addHandler(handler)
    try:
        yield
    finally:
        log.removeHandler(handler)
        handler.close()


class Ticker:
    """Progress over a known number of samples: a bar on a terminal, lines elsewhere."""

    def __init__(self, total: int, done: int, bar: Progress | None) -> None:
        self.total = total
        self.done = done
        self.judged = 0
        self.passed = 0
        self.tokens = 0
        self._bar = bar
        self._task = bar.add_task("", total=total, completed=done, note="") if bar else None
        self._started = self._said = time.monotonic()

    @property
    def tokens_per_s(self) -> float:
        """Tokens of judged samples per second since the start."""
        return self.tokens / max(time.monotonic() - self._started, 1e-9)

    def advance(self, judged: int, passed: int, tokens: int) -> None:
        """Count some samples that were judged."""
        self.done += judged
        self.judged += judged
        self.passed += passed
        self.tokens += tokens
        seconds = max(time.monotonic() - self._started, 1e-9)
        speed = f"{self.tokens_per_s:.0f} tokens/s" if self.tokens else f"{self.judged / seconds:.0f} samples/s"
        note = f"{self.passed / max(self.judged, 1):.1%} passed, {speed}"
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, completed=self.done, note=note)
        elif time.monotonic() - self._said >= SECONDS_PER_LINE:
            self._said = time.monotonic()
            say(f"  {self.done}/{self.total} verified, {note}")


@contextmanager
def ticker(total: int, done: int = 0) -> Iterator[Ticker]:
    """Show progress over `total` samples, `done` of which are there already."""
    if not console.is_terminal:
        yield Ticker(total, done, None)
        return
    columns = (
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[note]}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(TextColumn(" "), *columns, console=console, transient=True) as bar:
        yield Ticker(total, done, bar)


def heading(text: str) -> None:
    """Print a heading, underlined as in the guide."""
    say()
    say(text)
    console.print("=" * max(map(len, text.splitlines())))


def verified(kinds: Mapping[str, int], passed: int, judged: int) -> None:
    """Print how many samples passed, and the kinds of the others."""
    share = passed / judged if judged else 0.0
    say(f"  Passed: {passed} ({share:.1%})")
    failed = {kind: n for kind, n in kinds.items() if n and kind not in (VerdictKind.PASSED, VerdictKind.INFRA)}
    detail = ", ".join(f"{kind} {n}" for kind, n in sorted(failed.items(), key=lambda item: -item[1]))
    say(f"  Failed: {judged - passed}" + (f" ({detail})" if detail else ""))
    if infra := kinds.get(VerdictKind.INFRA, 0):
        say(f"  Not judged: {infra} (the sandbox or verifier failed, see logs/raft.log; left out of everything)")


def selected(selection: Selection, share: float) -> None:
    """Print how many samples are kept, and what each step removed."""
    kept = f"  Kept: {len(selection.kept)} samples"
    at_random = "not_drawn" in selection.removed
    say(f"{kept} (at random)" if at_random else f"{kept} (top {share:.0%} above threshold {selection.threshold:g})")
    if selection.kept:
        say(f"  From {selection.prompts} prompts and cycle {', '.join(map(str, selection.cycles))}")
    removed = ", ".join(f"{step.replace('_', ' ')} {n}" for step, n in selection.removed.items() if n)
    say(f"  Left out: {removed}" if removed else "  Left out: none")


def trained(stats: CycleStats) -> None:
    """Print how the loss moved, and what of the kept samples was not trained on."""
    if stats.too_long:
        say(f"  Left out as too long: {stats.too_long} of {stats.kept} samples (training.max_seq_length)")
    if stats.loss_first is not None and stats.loss_last is not None:
        held_back = "" if stats.loss_held_back is None else f", {stats.loss_held_back:.3f} on what was held back"
        steps = f"{stats.train_steps} steps, {stats.train_tokens_per_s:,.0f} tokens/s"
        say(f"  Loss: {stats.loss_first:.3f} → {stats.loss_last:.3f} ({steps}){held_back}")


def gain(best: int, difference: Difference) -> None:
    """Print how the best cycle compares with the base model."""
    say(
        f"Cycle {best} against the base model: held-out pass@1 {difference.mean:+.1%} [{difference.low:+.1%}, "
        f"{difference.high:+.1%}], p = {difference.p_value:.3f} ({difference.tasks} tasks, paired)"
    )


def next_steps(folder: Path, ui_command: str, heldout: str | None) -> None:
    """Print where the adapter is and what to do with it."""
    say()
    say(f"The best adapter is {shown(folder / 'best')} -> {(folder / 'best').readlink()}")
    if (page := folder / "report" / "report.html").is_file():
        say(f"The report is {shown(page)}")
    say("Next:")
    if ui_command:
        say(f"  {ui_command}")
    program = "halo-raft" if shutil.which("halo-raft") else f"{sys.executable} -m halo_raft.cli"
    prompts = f" --prompts {heldout}" if heldout else ""
    say(f"  {program} benchmark run --model {shown(folder / 'best')}{prompts}")


def shown(path: Path) -> str:
    """Return a path as short as it can be named from here."""
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


def heldout_line(stats: CycleStats) -> str:
    """Return the held-out results of a cycle as one line."""
    parts = [
        f"{name} {rate['mean']:.1%} [{rate['low']:.1%}, {rate['high']:.1%}]" for name, rate in stats.heldout.items()
    ]
    return "Held-out: " + ", ".join(parts)


def summary(history: Sequence[CycleStats], best: int | None) -> None:
    """Print the table of all cycles; cycle 0 is the base model."""
    table = Table(title=None)
    for name in ("Cycle", "Pass rate", "Kept", "Held-out pass@1 [95%]", "Greedy", "Loss", "Time"):
        table.add_column(name, justify="left" if name == "Cycle" else "right")
    for stats in history:
        loss = (
            "-"
            if stats.loss_first is None or stats.loss_last is None
            else f"{stats.loss_first:.3f} → {stats.loss_last:.3f}"
        )
        table.add_row(
            ("base" if stats.cycle == 0 else str(stats.cycle)) + (" (best)" if stats.cycle == best else ""),
            "-" if stats.cycle == 0 else f"{stats.pass_rate:.1%}",
            "-" if stats.cycle == 0 else str(stats.kept),
            _rate(stats, "pass_at_1"),
            _rate(stats, "greedy"),
            loss,
            f"{sum(stats.seconds.values()):.0f} s",
        )
    say()
    console.print(table)


def _rate(stats: CycleStats, name: str) -> str:
    rate = stats.heldout.get(name)
    return f"{rate['mean']:.1%} [{rate['low']:.1%}, {rate['high']:.1%}]" if rate else "-"


def pairs(rows: Iterable[tuple[str, str]]) -> None:
    """Print (topic, text) rows in two columns."""
    rows = list(rows)
    width = max(len(topic) for topic, _ in rows)
    for topic, text in rows:
        say(f"  {topic:<{width}}  {text}")
