"""gcc, clang and mingw: C and C++, with the standard library's headers precompiled once per machine."""

from __future__ import annotations

import dataclasses
import functools
import re
import tempfile
from pathlib import Path
from typing import ClassVar

from halo_raft.records import stable_hash
from halo_raft.verifiers.native_build import PROGRAM, Command
from halo_raft.verifiers.report_cc import C_HEADER, CPP_HEADER, LEAN_CPP_HEADER
from halo_raft.verifiers.source_text import uncommented
from halo_raft.verifiers.toolchains import Toolchain, Wanted, find, linker, mounts_for, output_of, prepared_folder

_ALL_OF_STD = re.compile(r"^[ \t]*#[ \t]*include[ \t]*<bits/stdc\+\+\.h>", re.MULTILINE)
_MACRO_BEFORE = re.compile(r"^[ \t]*#[ \t]*(?:define|undef|if)\b", re.MULTILINE)
_RARE_NAMES = re.compile(r"filesystem|future|promise|async|packaged_task|launch|\bfs\b")
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
        compiler = find(self.cc if language == "c" else self.cxx, self.package)
        folder = self._headers(compiler, wanted) if self._needs_headers(wanted, language) else None
        argv = [
            compiler,
            *wanted.flags,
            *(("-Wall",) if wanted.warnings else ("-w",)),
            *(("-Werror",) if wanted.warn_as_error else ()),
            MAX_ERRORS[self.family],
            *(self._including(folder, language) if folder else ()),
            *((linker(),) if wanted.link and "mingw" not in self.cc else ()),
            *(() if wanted.link else ("-c",)),
            *wanted.units,
            "-o",
            PROGRAM,
            *(("-lm",) if language == "c" and wanted.link else ()),
        ]
        files = tuple(wanted.units.items())
        return Command(argv=tuple(argv), files=files, mounts=mounts_for(str(folder.parent)) if folder else ())

    def _needs_headers(self, wanted: Wanted, language: str) -> bool:
        if wanted.reports:
            return True
        if language == "c" or "mingw" in self.cxx:
            return False
        return all(_may_begin_with_std(source) for source in wanted.units.values())

    def _including(self, folder: Path, language: str) -> tuple[str, ...]:
        if language == "c":
            return ("-include", str(folder / "report.h"))
        if self.family == "clang":
            return ("-include-pch", str(folder / "report.hpp.pch"))
        return (f"-I{folder}", "-include", str(folder / "report.hpp"))

    def _headers(self, compiler: str, wanted: Wanted) -> Path:
        flags = tuple(flag for flag in wanted.flags if flag[:2] not in ("-W", "-w", "-l"))
        lean = self.family == "gcc" and not any(flag.startswith("-std") for flag in flags)
        lean = lean and not any(_RARE_NAMES.search(source) for source in wanted.units.values())
        version = output_of(compiler, "--version").partition("\n")[0]
        return _prepare(compiler, version, flags, self.family, lean)


def _may_begin_with_std(source: str) -> bool:
    """Return whether including all of the standard library first changes nothing for a source."""
    text = uncommented(source, "cpp")
    include = _ALL_OF_STD.search(text)
    return include is not None and not _MACRO_BEFORE.search(text, 0, include.start())


@functools.cache
def _prepare(compiler: str, version: str, flags: tuple[str, ...], family: str, lean: bool) -> Path:
    """Return the folder with the headers; the C++ one is precompiled, at first use (a few seconds)."""
    cpp_header = LEAN_CPP_HEADER if lean else CPP_HEADER
    folder = prepared_folder("cc") / stable_hash(compiler, version, flags, cpp_header, C_HEADER)
    if folder.is_dir():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".making-") as scratch:
        made = Path(scratch) / "made"
        made.mkdir(mode=0o755)
        (made / "report.h").write_text(C_HEADER)
        if lean:  # takes the place of the real one, whose content the precompiled header has
            (made / "bits").mkdir()
            (made / "bits" / "stdc++.h").write_text("")
        if compiler.endswith("++"):
            (made / "report.hpp").write_text(cpp_header)
            _precompile(compiler, flags, family, made / "report.hpp")
        try:
            made.rename(folder)
        except OSError:  # another worker was first
            if not folder.is_dir():
                raise
    return folder


def _precompile(compiler: str, flags: tuple[str, ...], family: str, header: Path) -> None:
    kind = ("pch", "-fpch-instantiate-templates") if family == "clang" else ("gch",)
    target = f"{header}.{kind[0]}"
    output_of(compiler, *flags, *kind[1:], "-w", "-x", "c++-header", str(header), "-o", target)


GCC = CcToolchain("gcc", "g++", "g++")
CLANG = CcToolchain("clang", "clang++", "clang", "clang")
MINGW = CcToolchain("x86_64-w64-mingw32-gcc", "x86_64-w64-mingw32-g++", "g++-mingw-w64-x86-64")
