"""Bare rustc: no cargo, no build scripts."""

from __future__ import annotations

import functools
import os
import re
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
        # Without /proc the loader does not know where rustc lies, and so not where its libraries do.
        env = (("LD_LIBRARY_PATH", os.path.join(sysroot, "lib")),)
        mounts = mounts_for(sysroot, *own)
        return Command(argv=tuple(argv), files=tuple(wanted.units.items()), env=env, mounts=mounts)


@functools.cache
def _linking(compiler: str, sysroot: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the arguments that choose the linker, and the folder that it needs.

    rustc's own is the fastest there is, but started through a program that looks for it in /proc; under the
    name that it answers to, and found by us, it needs none. Nobody reads the standard library's debug symbols.
    """
    offers = output_of(compiler, "-C", "help")
    strip = ("-Cstrip=debuginfo",) if re.search(r"\bstrip=", offers) else ()
    linker = next(Path(sysroot, "lib", "rustlib").glob("*/bin/rust-lld"), None)
    if linker is None or not re.search(r"\blinker-features=", offers):
        return (*strip, "-Clink-arg=-fuse-ld=bfd"), ()  # gold it warns about
    folder = prepared_folder("rust") / stable_hash(str(linker))
    folder.mkdir(parents=True, exist_ok=True)
    with suppress(FileExistsError):
        (folder / "ld.lld").symlink_to(linker)
    return (*strip, "-Clinker-features=-lld", f"-Clink-arg=-B{folder}", "-Clink-arg=-fuse-ld=lld"), (str(folder),)


RUST = RustToolchain()
