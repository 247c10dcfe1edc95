"""gcc, clang and mingw: C and C++, with the standard library's headers precompiled once per machine."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from typing import ClassVar

from halo_raft.verifiers.native.build import PROGRAM, Command
from halo_raft.verifiers.native.instances import ARCHIVE, fit, usual
from halo_raft.verifiers.native.prepared_cc import Compiler, prepare, prepare_lean, rare_names_of
from halo_raft.verifiers.native.rare_headers import mentions
from halo_raft.verifiers.native.source_text import uncommented
from halo_raft.verifiers.native.toolchains import (
    Toolchain,
    Wanted,
    find,
    linker,
    mounts_for,
    output_of,
)

_ALL_OF_STD = re.compile(r"^[ \t]*#[ \t]*include[ \t]*<bits/stdc\+\+\.h>", re.MULTILINE)
_MACRO_BEFORE = re.compile(r"^[ \t]*#[ \t]*(?:define|undef|if)\b", re.MULTILINE)
_OLD_STANDARD = re.compile(r"-std=(?:c|gnu)\+\+(?:98|03|0x|11|1y|14)")
Prepared = tuple[Path, tuple[str, ...]]
"""The folder of some headers, and what has to be linked with what they leave out."""
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
        if not self._needs_headers(wanted, language):
            return self._command(compiler, wanted, language)
        whole, lean = self._headers(compiler, wanted, language)
        certain = self._command(compiler, wanted, language, whole)
        if lean is None:
            return certain
        return dataclasses.replace(self._command(compiler, wanted, language, lean), otherwise=certain)

    def _command(self, compiler: str, wanted: Wanted, language: str, prepared: Prepared | None = None) -> Command:
        folder, archives = prepared or (None, ())
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
            *(archives if wanted.link else ()),
            "-o",
            output,
            *(flag for flag in wanted.flags if flag.startswith("-l") and wanted.link),  # behind what needs them
            *(("-lm",) if language == "c" and wanted.link else ()),
        ]
        files: tuple[tuple[str, str | bytes], ...] = (*wanted.objects.items(), *wanted.units.items())
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

    def _headers(self, program: str, wanted: Wanted, language: str) -> tuple[Prepared, Prepared | None]:
        """Return all headers, and fewer of them where the units seem to need no more."""
        flags = tuple(f for f in wanted.flags if f[:2] not in ("-W", "-w", "-l") and f != ONLINE_JUDGE)
        compiler = Compiler(program, output_of(program, "--version").partition("\n")[0], flags, self.family)
        folder = prepare(compiler)
        if language == "c" or self.family != "gcc":
            return (folder, ()), None
        sources = list(wanted.units.values())
        announcing = prepare_lean(compiler, announcing=True) if usual(flags) else None
        archives = (str(announcing / ARCHIVE),) if announcing and wanted.objects else ()  # those may well want it
        whole = folder, archives
        if mentions([*sources, " ".join(flags)], rare_names_of(compiler)):
            return whole, None
        if announcing and fit(sources):
            return whole, (announcing, (str(announcing / ARCHIVE),))
        lean = prepare_lean(compiler, announcing=False)
        return whole, (lean, archives) if lean else None


def _may_begin_with_std(source: str) -> bool:
    """Return whether including all of the standard library first changes nothing for a source."""
    text = uncommented(source, "cpp")
    include = _ALL_OF_STD.search(text)
    return include is not None and not _MACRO_BEFORE.search(text, 0, include.start())


GCC = CcToolchain("gcc", "g++", "g++")
CLANG = CcToolchain("clang", "clang++", "clang", "clang")
MINGW = CcToolchain("x86_64-w64-mingw32-gcc", "x86_64-w64-mingw32-g++", "g++-mingw-w64-x86-64")
