"""Bare rustc: no cargo, no build scripts."""

from __future__ import annotations

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
from halo_raft.verifiers.native.toolchains import Toolchain, Wanted, find, mounts_for, output_of, prepared_folder

EDITION = "2021"


class RustToolchain(Toolchain):
    """The compiler in rustc's own sysroot: rustup's shim needs a home folder, which a box has not."""

    allowed_flags: ClassVar[re.Pattern[str]] = re.compile(
        r"-O|--edition=20\d\d|-C(opt-level=[0-3sz]|overflow-checks=\w+|debug-assertions=\w+|target-cpu=[\w-]+|"
        r"panic=(abort|unwind)|lto=\w+)|-[AWDF][\w:-]+"
    )

    def command(self, wanted: Wanted, language: str) -> Command:
        """Return the compilation of `main.rs`."""
        sysroot = output_of(find("rustc", "rustc"), "--print", "sysroot")
        compiler = os.path.join(sysroot, "bin", "rustc")
        if not os.path.exists(compiler):
            raise ConfigError(f"rustc says that its sysroot is {sysroot}, which has no bin/rustc: install rustc again")
        linking, own = _linking(compiler, sysroot)
        edition = () if any(flag.startswith("--edition") for flag in wanted.flags) else (f"--edition={EDITION}",)
        lints = () if wanted.warnings else ("--cap-lints=allow",)
        argv = [
            compiler,
            f"--sysroot={sysroot}",
            *edition,
            *wanted.flags,
            *lints,
            *(("-Dwarnings",) if wanted.warn_as_error else ()),
            f"-Clinker={find('cc', 'gcc')}",
            *linking,
            "-Cdebuginfo=0",
            "-Ccodegen-units=1",
            "--crate-name=solution",
            *(() if wanted.link else ("--crate-type=lib", "--emit=metadata")),
            "-o",
            PROGRAM,
            *wanted.units,
        ]
        files, mounts = tuple(wanted.units.items()), mounts_for(sysroot, *own)
        return Command(argv=tuple(argv), files=files, env=(_libraries(sysroot),), mounts=mounts)


@functools.cache
def _linking(compiler: str, sysroot: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the arguments that choose the linker, and the folder that it needs.

    rustc's own is the fastest there is, but started through a program that looks for it in /proc; under the
    name that it answers to, and found by us, it needs none. Nobody reads the standard library's debug symbols.
    """
    offers = output_of(compiler, "-C", "help")
    strip = ("-Cstrip=debuginfo",) if re.search(r"\bstrip=", offers) else ()
    slow = (*strip, "-Clink-arg=-fuse-ld=bfd"), ()  # gold it warns about
    lld = next(Path(sysroot, "lib", "rustlib").glob("*/bin/rust-lld"), None)
    if lld is None or not re.search(r"\blinker-features=", offers):
        return slow
    folder = prepared_folder("rust") / stable_hash(str(lld))
    folder.mkdir(parents=True, exist_ok=True)
    with suppress(FileExistsError):
        (folder / "ld.lld").symlink_to(lld)
    fast = (*strip, "-Clinker-features=-lld", f"-Clink-arg=-B{folder}", "-Clink-arg=-fuse-ld=lld")
    return (fast, (str(folder),)) if _links(compiler, sysroot, fast) else slow


def _links(compiler: str, sysroot: str, arguments: tuple[str, ...]) -> bool:
    """Return whether the C compiler that drives the linker takes the arguments: old ones do not."""
    with tempfile.TemporaryDirectory() as scratch:
        source = Path(scratch, "main.rs")
        source.write_text("fn main() {}", encoding="utf-8")
        argv = (compiler, f"--sysroot={sysroot}", f"-Clinker={find('cc', 'gcc')}", *arguments, str(source))
        try:
            output_of(*argv, "-o", os.path.join(scratch, PROGRAM), env=(_libraries(sysroot),))
        except ConfigError:
            return False
    return True


def _libraries(sysroot: str) -> tuple[str, str]:
    """Return the variable that tells where rustc's libraries lie: a loader without /proc does not know."""
    return "LD_LIBRARY_PATH", os.path.join(sysroot, "lib")


RUST = RustToolchain()
