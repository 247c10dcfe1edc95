"""gcc, clang and mingw: C and C++, with the standard library's headers precompiled once per machine."""

from __future__ import annotations

import dataclasses
import functools
import os
import re
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import ClassVar

from halo_raft.errors import ConfigError
from halo_raft.records import stable_hash
from halo_raft.verifiers.native.build import PROGRAM, Command
from halo_raft.verifiers.native.rare_headers import LEAN_CPP_HEADER, mentions, rare_names
from halo_raft.verifiers.native.report_cc import C_HEADER, CPP_HEADER
from halo_raft.verifiers.native.source_text import uncommented
from halo_raft.verifiers.native.toolchains import (
    Toolchain,
    Wanted,
    find,
    linker,
    mounts_for,
    output_of,
    prepared_folder,
)

_ALL_OF_STD = re.compile(r"^[ \t]*#[ \t]*include[ \t]*<bits/stdc\+\+\.h>", re.MULTILINE)
_MACRO_BEFORE = re.compile(r"^[ \t]*#[ \t]*(?:define|undef|if)\b", re.MULTILINE)
_OLD_STANDARD = re.compile(r"-std=(?:c|gnu)\+\+(?:98|03|0x|11|1y|14)")
ONLINE_JUDGE = "-DONLINE_JUDGE"
"""Defined where a program is run on cases, as contests have it; no header of the standard library asks for it."""
MAX_ERRORS = {"gcc": "-fmax-errors=5", "clang": "-ferror-limit=5"}


@dataclasses.dataclass(frozen=True, slots=True)
class CcToolchain(Toolchain):
    """A compiler for C and one for C++.

    Attributes:
        cc: Program for C.
        cxx: Program for C++.
        package: What brings them.
        family: `gcc` or `clang`, by whose rules precompiled headers go.
    """

    cc: str
    cxx: str
    package: str
    family: str = "gcc"

    allowed_flags: ClassVar[re.Pattern[str]] = re.compile(
        r"-O[0-3sg]?|-Ofast|-std=[\w+:]+|-W(?!l,|a,|p,|rapper)[\w+=-]*|-w|-D\w+(=[\w.\"]*)?|-U\w+|-pedantic(-errors)?|"
        r"-ansi|-pthread|-g[0-3]?|-m(arch|tune|sse|avx|fpmath|32|64)[\w.=-]*|-l[\w+]+|"
        r"-f(no-)?(wrapv|trapv|fast-math|exceptions|rtti|signed-char|unsigned-char|strict-aliasing|permissive|"
        r"omit-frame-pointer|stack-protector|concepts|coroutines|constexpr-(depth|steps|loop-limit|ops-limit)=\d+|"
        r"template-depth=\d+)|-fpermissive"
    )

    def command(self, wanted: Wanted, language: str) -> Command:
        """Return the compilation of C or C++ units."""
        wanted = self._with_standard(wanted) if language == "cpp" else wanted
        compiler = find(self.cc if language == "c" else self.cxx, self.package)
        folder = self._headers(compiler, wanted, language) if self._needs_headers(wanted, language) else None
        windows = "mingw" in self.cxx
        output = f"{PROGRAM}.exe" if windows else PROGRAM  # mingw's linker gives it that name anyway
        argv = [
            compiler,
            *(flag for flag in wanted.flags if not flag.startswith("-l")),
            *(("-Wall",) if wanted.warnings else ("-w",)),
            *(("-Werror",) if wanted.warn_as_error else ()),
            MAX_ERRORS[self.family],
            *(self._including(folder, language) if folder else ()),
            *((linker(),) if wanted.link and not windows else ()),
            *(() if wanted.link else ("-c",)),
            *wanted.objects,
            *wanted.units,
            "-o",
            output,
            *(flag for flag in wanted.flags if flag.startswith("-l") and wanted.link),  # behind what needs them
            *(("-lm",) if language == "c" and wanted.link else ()),
        ]
        files = (*wanted.objects.items(), *wanted.units.items())
        mounts = mounts_for(str(folder.parent)) if folder else ()
        return Command(argv=tuple(argv), files=files, mounts=mounts, output=output)

    def _with_standard(self, wanted: Wanted) -> Wanted:
        """Name the C++ standard where the compiler's default, or the user's, is too old for our header."""
        own = [flag for flag in wanted.flags if flag.startswith("-std=")]
        if own and not (wanted.reports and _OLD_STANDARD.fullmatch(own[-1])):
            return wanted
        if not own and self.family == "gcc":
            return wanted
        others = tuple(flag for flag in wanted.flags if flag not in own)
        return dataclasses.replace(wanted, flags=(*others, "-std=gnu++17"))

    def _needs_headers(self, wanted: Wanted, language: str) -> bool:
        if wanted.reports:
            return True
        if language == "c" or "mingw" in self.cxx or any(_OLD_STANDARD.fullmatch(flag) for flag in wanted.flags):
            return False
        return all(_may_begin_with_std(source) for source in wanted.units.values())

    def _including(self, folder: Path, language: str) -> tuple[str, ...]:
        if language == "c":
            return ("-include", str(folder / "report.h"))
        if self.family == "clang":
            return ("-include-pch", str(folder / "report.hpp.pch"))
        return (f"-I{folder}", "-include", str(folder / "report.hpp"))

    def _headers(self, compiler: str, wanted: Wanted, language: str) -> Path:
        flags = tuple(f for f in wanted.flags if f[:2] not in ("-W", "-w", "-l") and f != ONLINE_JUDGE)
        version = output_of(compiler, "--version").partition("\n")[0]
        if language == "cpp" and self.family == "gcc" and (lean := _prepare_lean(compiler, version, flags)):
            folder, names = lean
            if not mentions([*wanted.units.values(), " ".join(flags)], names):
                return folder
        return _prepare(compiler, version, flags, self.family)


def _may_begin_with_std(source: str) -> bool:
    """Return whether including all of the standard library first changes nothing for a source."""
    text = uncommented(source, "cpp")
    include = _ALL_OF_STD.search(text)
    return include is not None and not _MACRO_BEFORE.search(text, 0, include.start())


@functools.cache
def _prepare(compiler: str, version: str, flags: tuple[str, ...], family: str) -> Path:
    """Return the folder with the headers; the C++ one is precompiled, at first use (a few seconds)."""
    folder = prepared_folder("cc") / stable_hash(compiler, version, flags, CPP_HEADER, C_HEADER)
    folder.mkdir(parents=True, exist_ok=True)
    _write_once(folder / "report.h", C_HEADER)
    if compiler.endswith("++"):
        _write_once(folder / "report.hpp", CPP_HEADER)
        _precompile(compiler, flags, folder / "report.hpp", "pch" if family == "clang" else "gch")
    return folder


@functools.cache
def _prepare_lean(compiler: str, version: str, flags: tuple[str, ...]) -> tuple[Path, frozenset[str]] | None:
    """Return the folder with the lean header, and the names that ask for the other; None where it is of no use."""
    folder = prepared_folder("cc") / stable_hash(compiler, version, flags, LEAN_CPP_HEADER)
    header, known = folder / "report.hpp", folder / "rare_names"
    (folder / "bits").mkdir(parents=True, exist_ok=True)
    _write_once(folder / "bits" / "stdc++.h", "")  # takes the place of the real one: what it has is precompiled
    _write_once(header, LEAN_CPP_HEADER)
    try:
        _precompile(compiler, flags, header, "gch")
        if not known.exists():
            texts = (_preprocessed(compiler, flags, source) for source in (CPP_HEADER, LEAN_CPP_HEADER))
            _write_once(known, " ".join(sorted(rare_names(*texts))))
    except ConfigError:  # another library, or another standard: its headers need one another
        return None
    return folder, frozenset(known.read_text(encoding="utf-8").split())


def _preprocessed(compiler: str, flags: tuple[str, ...], source: str) -> str:
    with tempfile.TemporaryDirectory() as scratch:
        header, made = Path(scratch, "header.hpp"), Path(scratch, "header.ii")
        header.write_text(source, encoding="utf-8")
        output_of(compiler, *flags, "-w", "-E", "-P", "-dD", "-x", "c++", str(header), "-o", str(made))
        return made.read_text(encoding="utf-8")


def _write_once(path: Path, text: str) -> None:
    """Write a file unless another worker has: precompiled headers remember when their source was written."""
    if not path.exists():
        with tempfile.NamedTemporaryFile("w", dir=path.parent) as file:
            file.write(text)
            file.flush()
            os.chmod(file.name, 0o644)
            with suppress(FileExistsError):
                os.link(file.name, path)


def _precompile(compiler: str, flags: tuple[str, ...], header: Path, suffix: str) -> None:
    target = Path(f"{header}.{suffix}")
    if target.exists():
        return
    with tempfile.TemporaryDirectory(dir=header.parent) as scratch:
        made = os.path.join(scratch, target.name)
        output_of(compiler, *flags, "-w", "-x", "c++-header", str(header), "-o", made)
        os.chmod(made, 0o644)
        os.replace(made, target)


GCC = CcToolchain("gcc", "g++", "g++")
CLANG = CcToolchain("clang", "clang++", "clang", "clang")
MINGW = CcToolchain("x86_64-w64-mingw32-gcc", "x86_64-w64-mingw32-g++", "g++-mingw-w64-x86-64")
