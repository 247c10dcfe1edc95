"""Bare rustc: no cargo, no build scripts."""

from __future__ import annotations

import os
import re
from typing import ClassVar

from halo_raft.errors import ConfigError
from halo_raft.verifiers.native.build import PROGRAM, Command
from halo_raft.verifiers.native.toolchains import Toolchain, Wanted, find, mounts_for, output_of

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
            "-Clink-arg=-fuse-ld=bfd",  # its own linker needs /proc, and gold it warns about
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
        return Command(argv=tuple(argv), files=tuple(wanted.units.items()), env=env, mounts=mounts_for(sysroot))


RUST = RustToolchain()
