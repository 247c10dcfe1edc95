"""What a machine prepares once for a C or C++ compiler and its flags: headers, precompiled, and common instances.

Made at first use, by one worker while the others wait: headers in a few seconds, instances in some more.
"""

from __future__ import annotations

import dataclasses
import fcntl
import functools
import logging
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from halo_raft.errors import ConfigError
from halo_raft.records import stable_hash
from halo_raft.verifiers.native.instances import ANNOUNCED, ARCHIVE, GROUPS, definitions
from halo_raft.verifiers.native.rare_headers import ALWAYS, LEAN_CPP_HEADER, rare_names
from halo_raft.verifiers.native.report_cc import C_HEADER, CPP_HEADER
from halo_raft.verifiers.native.toolchains import find, output_of, prepared_folder

log = logging.getLogger(__name__)

HEADER = "report.hpp"
DONE, USELESS = "done", "useless"
"""Files that say how preparing ended."""


@dataclasses.dataclass(frozen=True, slots=True)
class Compiler:
    """Who compiles, and how.

    Attributes:
        program: Its absolute path.
        version: What it says of itself.
        flags: Those that a precompiled header depends on.
        family: `gcc` or `clang`.
    """

    program: str
    version: str
    flags: tuple[str, ...]
    family: str

    def run(self, *arguments: str) -> None:
        """Compile something of ours.

        Raises:
            ConfigError: It fails.
        """
        output_of(self.program, *self.flags, "-w", *arguments)


@functools.cache
def prepare(compiler: Compiler) -> Path:
    """Return the folder with the headers.

    Raises:
        ConfigError: The compiler cannot precompile its own library.
    """
    cpp = compiler.program.endswith("++")
    folder = _folder(compiler, CPP_HEADER, C_HEADER)
    with _alone(folder) as made:
        if not made:
            (folder / "report.h").write_text(C_HEADER, encoding="utf-8")
            if cpp:
                _precompile(compiler, folder, CPP_HEADER)
    return folder


@functools.cache
def prepare_lean(compiler: Compiler, *, announcing: bool) -> Path | None:
    """Return the folder with the lean header, None where it is of no use.

    Args:
        compiler: One of gcc's family.
        announcing: Announce the common instances, which lie beside it.
    """
    header = LEAN_CPP_HEADER + (ANNOUNCED if announcing else "")
    folder = _folder(compiler, header)
    with _alone(folder) as made:
        if not made:
            try:
                _precompile(compiler, folder, header)
                if announcing:
                    _archive(compiler, folder)
            except ConfigError:  # another library, or another standard: its headers need one another
                (folder / USELESS).touch()
            (folder / "bits").mkdir(exist_ok=True)
            (folder / "bits" / "stdc++.h").touch()  # takes the place of the real one: what it has is precompiled
    return None if (folder / USELESS).exists() else folder


@functools.cache
def rare_names_of(compiler: Compiler) -> frozenset[str]:
    """Return the names that a program may not use if it is to do with the lean header."""
    folder = _folder(compiler, "names", CPP_HEADER, LEAN_CPP_HEADER)
    known = folder / "names"
    with _alone(folder) as made:
        if not made:
            try:
                names = rare_names(*(_preprocessed(compiler, folder, text) for text in (CPP_HEADER, LEAN_CPP_HEADER)))
            except ConfigError:  # then nobody gets it
                names = ALWAYS
            known.write_text(" ".join(sorted(names)), encoding="utf-8")
    return frozenset(known.read_text(encoding="utf-8").split())


def _folder(compiler: Compiler, *content: str) -> Path:
    folder = prepared_folder("cc") / stable_hash(compiler.program, compiler.version, compiler.flags, *content)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@contextmanager
def _alone(folder: Path) -> Iterator[bool]:
    """Say whether a folder is made, and if not, keep all others from it until it is."""
    done = folder / DONE
    if done.exists():
        yield True
        return
    with open(folder / "lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield done.exists()
        done.touch()


def _precompile(compiler: Compiler, folder: Path, source: str) -> None:
    log.info("Precompiling headers for %s (once on this machine)...", compiler.program)
    header = folder / HEADER
    header.write_text(source, encoding="utf-8")
    suffix = "pch" if compiler.family == "clang" else "gch"
    compiler.run("-x", "c++-header", str(header), "-o", f"{header}.{suffix}")


def _archive(compiler: Compiler, folder: Path) -> None:
    """Make the archive of the common instances."""
    log.info("Compiling common templates for %s (once on this machine)...", compiler.program)
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        objects = [os.path.join(scratch, f"{number}.o") for number in range(len(GROUPS))]
        for group, made in zip(GROUPS, objects, strict=True):
            source = Path(scratch, "instances.cpp")
            source.write_text(definitions(group), encoding="utf-8")
            compiler.run(f"-I{folder}", "-include", str(folder / HEADER), "-c", str(source), "-o", made)
        output_of(find("ar", "binutils"), "rcs", str(folder / ARCHIVE), *objects)


def _preprocessed(compiler: Compiler, folder: Path, source: str) -> str:
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        header, made = Path(scratch, HEADER), Path(scratch, "header.ii")
        header.write_text(source, encoding="utf-8")
        compiler.run("-E", "-P", "-dD", "-x", "c++", str(header), "-o", str(made))
        return made.read_text(encoding="utf-8")
