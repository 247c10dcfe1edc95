"""Source -> binary, in a box of its own; only the binary comes out. Identical programs are compiled once."""

from __future__ import annotations

import dataclasses
import re

from halo_raft import sandbox
from halo_raft.records import VerdictKind
from halo_raft.sandbox import KilledBy, Limits, Outcome
from halo_raft.verifiers.native.remembered import Remembered

PROGRAM = "program"
"""Name of the binary in the work folder of both boxes."""
MAX_UNITS = 1 << 20
"""Characters of source that are given to a compiler, a task's tests and our drivers included."""
ROOM = 64 << 20
"""Bytes of binaries and sources that a worker remembers."""
ENTRY_BYTES = 2048
"""What an entry holds beyond those."""
MAX_PROGRAM = 32 << 20
"""Bytes of a binary; any that a task needs has a tenth of it."""
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
        files: Pairs of name and source, or of name and what was compiled before.
        env: Pairs of name and value.
        mounts: Absolute paths of the toolchain outside of the system's folders.
        output: Name of the binary that the compiler writes.
        otherwise: The same, with nothing left out of it to save time: what is to be believed where this is refused.
    """

    argv: tuple[str, ...]
    files: tuple[tuple[str, str | bytes], ...]
    env: tuple[tuple[str, str], ...] = ()
    mounts: tuple[str, ...] = ()
    output: str = PROGRAM
    otherwise: Command | None = None


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
        starved: Whether the machine may be to blame for a compiler that ran out of wall time.
    """

    program: bytes | None
    kind: VerdictKind | None = None
    message: str = ""
    warnings: int = 0
    cpu_s: float = 0.0
    wall_s: float = 0.0
    starved: bool = False


def _size(key: tuple[Command, Limits], made: Build) -> int:
    return ENTRY_BYTES + len(made.program or b"") + sum(len(source) for _, source in key[0].files)


_BUILDS: Remembered[tuple[Command, Limits], Build] = Remembered(ROOM, _size)


def build(command: Command, limits: Limits) -> Build:
    """Compile, or return what the same compilation gave before.

    Raises:
        SandboxError: The sandbox failed.
    """
    if sum(len(source) for _, source in command.files if isinstance(source, str)) > MAX_UNITS:
        return Build(program=None, kind=VerdictKind.COMPILE, message=f"the program has over {MAX_UNITS} characters")
    known = _BUILDS.get((command, limits))
    if known is not None:
        return known
    outcome = _compile(command, limits)
    made = _made(command, outcome)
    if made.kind is VerdictKind.COMPILE and command.otherwise is not None:
        return build(command.otherwise, limits)
    if outcome.killed_by is not KilledBy.WALL:  # the machine's load may be to blame for that
        _BUILDS.put((command, limits), made)
    return made


def _compile(command: Command, limits: Limits) -> Outcome:
    return sandbox.run(
        command.argv,
        limits=limits,
        files=dict(command.files),
        env={"TMPDIR": ".", "HOME": ".", **dict(command.env)},
        collect=(command.output,),
        mounts=command.mounts,
        tool=True,
    )


def _made(command: Command, outcome: Outcome) -> Build:
    text = outcome.stderr.decode("utf-8", "replace") + outcome.stdout.decode("utf-8", "replace")
    program = outcome.files.get(command.output) if outcome.clean else None
    kind: VerdictKind | None
    if program is not None and len(program) > MAX_PROGRAM:
        program, kind = None, VerdictKind.MEMORY
        message = f"the binary has over {MAX_PROGRAM >> 20} MiB"
    else:
        kind = None if program is not None else _kind(outcome, text)
        message = _message(outcome, text, kind)
    return Build(
        program=program,
        kind=kind,
        message=message,
        warnings=len(_WARNING.findall(text)),
        cpu_s=outcome.cpu_s,
        wall_s=outcome.wall_s,
        starved=outcome.starved,
    )


def _kind(outcome: Outcome, text: str) -> VerdictKind:
    """Return why there is no program; a compiler that fails is never the sandbox's failure: what it read may be."""
    if limit := broken_limit(outcome):
        return limit
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
    if kind is not None and outcome.clean:  # a source can ask for more than one file, or for another kind of it
        return "the compiler took it, and made no program of it"
    if outcome.killed_by is not None:
        return f"the compiler broke its {outcome.killed_by.value.replace('_', ' ')} limit"
    line = (_WARNING if kind is None else _ERROR).search(text)
    if line is None:
        return "" if kind is None else f"the compiler failed: {text.strip()[:200]}"
    return _FOLDER.sub("", text[line.start() :].partition("\n")[0].strip())[:300]
