"""Source -> binary, in a box of its own; only the binary comes out. Identical programs are compiled once."""

from __future__ import annotations

import dataclasses
import functools
import re

from halo_raft import sandbox
from halo_raft.records import VerdictKind
from halo_raft.sandbox import KilledBy, Limits, Outcome, SandboxError

PROGRAM = "program"
"""Name of the binary in the work folder of both boxes."""
MAX_SOURCE = 1 << 20
"""Characters of source that are given to a compiler."""
REMEMBERED = 128
"""Binaries that a worker remembers."""
MEMORY_SIGNS = (
    "out of memory",
    "memory exhausted",
    "cannot allocate memory",
    "memory allocation of",
    "bad_alloc",
    "memoryerror",
)
_FOLDER = re.compile(r"^(?:/[^/\s:]+)+/(?=[^/\s:]+:\d)")
_WARNING = re.compile(r"^(?:[^\n:]+:\d+:\d+: )?warning(?:\[\w+\])?: (?!.*warnings? emitted)", re.MULTILINE)
_ERROR = re.compile(r"^.*(?:\berror\b|undefined reference|fatal).*$|^\./\S+\.go:\d+.*$", re.MULTILINE)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """One compilation.

    Attributes:
        argv: The compiler and its arguments; it writes `output`.
        files: Pairs of name and source.
        env: Pairs of name and value.
        mounts: Absolute paths of the toolchain outside of the system's folders.
        output: Name of the binary that the compiler writes.
    """

    argv: tuple[str, ...]
    files: tuple[tuple[str, str], ...]
    env: tuple[tuple[str, str], ...] = ()
    mounts: tuple[str, ...] = ()
    output: str = PROGRAM


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Build:
    """What became of a compilation.

    Attributes:
        program: The binary, None if there is none.
        kind: Why there is none.
        message: The compiler's first error, or its first warning.
        warnings: How many warnings there were.
        cpu_s: CPU seconds.
        wall_s: Wall-clock seconds.
    """

    program: bytes | None
    kind: VerdictKind | None = None
    message: str = ""
    warnings: int = 0
    cpu_s: float = 0.0
    wall_s: float = 0.0


class _StarvedError(Exception):
    """Carries a build that the wall clock ended: the machine's load may be to blame, so it is not remembered."""

    def __init__(self, build: Build) -> None:
        self.build = build


def build(command: Command, limits: Limits) -> Build:
    """Compile, or return what the same compilation gave before.

    Raises:
        SandboxError: The sandbox failed.
    """
    if sum(len(source) for _, source in command.files) > MAX_SOURCE:
        return Build(program=None, kind=VerdictKind.COMPILE, message=f"the program has over {MAX_SOURCE} characters")
    try:
        return _build(command, limits)
    except _StarvedError as starved:
        return starved.build


@functools.lru_cache(maxsize=REMEMBERED)
def _build(command: Command, limits: Limits) -> Build:
    outcome = sandbox.run(
        command.argv,
        limits=limits,
        files=dict(command.files),
        env={"TMPDIR": ".", "HOME": ".", **dict(command.env)},
        collect=(command.output,),
        mounts=command.mounts,
        tool=True,
    )
    text = outcome.stderr.decode("utf-8", "replace") + outcome.stdout.decode("utf-8", "replace")
    program = outcome.files.get(command.output) if outcome.clean else None
    kind = None if program is not None else _kind(outcome, text)
    result = Build(
        program=program,
        kind=kind,
        message=_message(outcome, text, kind),
        warnings=len(_WARNING.findall(text)),
        cpu_s=outcome.cpu_s,
        wall_s=outcome.wall_s,
    )
    if outcome.killed_by is KilledBy.WALL:
        raise _StarvedError(result)
    return result


def _kind(outcome: Outcome, text: str) -> VerdictKind:
    if limit := broken_limit(outcome):
        return limit
    if outcome.clean:
        raise SandboxError(f"the compiler wrote no program: {text[-300:]}")
    if any(sign in text.lower() for sign in (*MEMORY_SIGNS, "file too large", "no space left", "terminated signal")):
        return VerdictKind.MEMORY
    return VerdictKind.COMPILE


def broken_limit(outcome: Outcome) -> VerdictKind | None:
    """Return the kind of a run that the sandbox ended, None if it ended by itself."""
    if outcome.killed_by is None:
        return None
    if outcome.killed_by in (KilledBy.CPU, KilledBy.WALL):
        return VerdictKind.TIMEOUT
    return VerdictKind(outcome.killed_by.value)


def _message(outcome: Outcome, text: str, kind: VerdictKind | None) -> str:
    if outcome.killed_by is not None:
        return f"the compiler broke its {outcome.killed_by.value.replace('_', ' ')} limit"
    line = (_WARNING if kind is None else _ERROR).search(text)
    if line is None:
        return "" if kind is None else f"the compiler failed: {text.strip()[:200]}"
    return _FOLDER.sub("", text[line.start() :].partition("\n")[0].strip())[:300]
