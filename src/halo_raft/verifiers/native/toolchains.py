"""Which compiler makes a program of which sources, and with which arguments and files.

Covers what all toolchains share; `toolchain_cc`, `toolchain_rust` and `toolchain_go` know theirs.
Compilers see the system's folders, their own, and what we prepared for them in the cache folder.
"""

from __future__ import annotations

import abc
import dataclasses
import functools
import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from halo_raft.errors import ConfigError
from halo_raft.models import cache_dir
from halo_raft.sandbox import Limits
from halo_raft.verifiers.native.build import Command

SYSTEM = ("/usr/", "/bin/", "/lib")
PREPARE_S = 600.0


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is asked of a compiler.

    Attributes:
        units: File name -> source.
        objects: File name -> what was compiled before, to be linked in front of the units.
        link: Make a program; else only look whether it compiles.
        warnings: Report warnings.
        warn_as_error: Treat them as errors.
        reports: The units report values.
        flags: The user's own flags.
    """

    units: Mapping[str, str]
    objects: Mapping[str, bytes] = dataclasses.field(default_factory=dict)
    link: bool = True
    warnings: bool = False
    warn_as_error: bool = False
    reports: bool = False
    flags: tuple[str, ...] = ()


class Toolchain(abc.ABC):
    """A compiler with all that belongs to it."""

    allowed_flags: ClassVar[re.Pattern[str]]
    """What a user's flag has to match as a whole: nothing that loads, reads or writes other files."""

    @abc.abstractmethod
    def command(self, wanted: Wanted, language: str) -> Command:
        """Return the compilation.

        Raises:
            ConfigError: The compiler is missing.
        """

    def run_limits(self, limits: Limits) -> Limits:
        """Return the limits under which its programs run."""
        return limits

    def check_flags(self, flags: tuple[str, ...], name: str) -> None:
        """Look at the user's flags.

        Raises:
            ConfigError: One of them could do more than choose how to compile.
        """
        for flag in flags:
            if not self.allowed_flags.fullmatch(flag):
                raise ConfigError(f"verifier.flags: {flag!r} is not allowed for {name}; only options that choose how")


COMPILERS = {"c": ("gcc", "clang"), "cpp": ("g++", "clang++"), "rust": ("rustc",), "go": ("go",)}


def offered(language: str) -> bool:
    """Return whether this machine has a compiler for a language.

    Where it has none, an answer that chose the language by its fence is judged as what its task usually takes:
    nobody offered it.
    """
    return any(map(shutil.which, COMPILERS[language]))


def find(program: str, package: str) -> str:
    """Return the absolute path of a program.

    Raises:
        ConfigError: It is not installed.
    """
    path = shutil.which(program)
    if path is None:
        raise ConfigError(f"`{program}` is not installed: install {package} (make toolchains)")
    return os.path.abspath(path)


@functools.cache
def linker() -> str:
    """Return the argument that chooses the faster linker."""
    return f"-fuse-ld={'gold' if shutil.which('ld.gold') else 'bfd'}"


def mounts_for(*paths: str) -> tuple[str, ...]:
    """Return the paths that a box does not show anyway."""
    return tuple(path for path in paths if not f"{path}/".startswith(SYSTEM))


@functools.cache
def output_of(*argv: str, env: tuple[tuple[str, str], ...] = ()) -> str:
    """Return what a trusted program prints.

    Raises:
        ConfigError: It fails.
    """
    done = subprocess.run(
        argv, capture_output=True, text=True, timeout=PREPARE_S, cwd="/", env={**os.environ, **dict(env)}, check=False
    )
    if done.returncode:
        lines = done.stderr.strip().splitlines() or [f"status {done.returncode}"]
        reason = next((line for line in lines if "error" in line), lines[-1])
        mend = next((line.removeprefix("help: ") for line in lines if line.startswith("help: ")), "")
        raise ConfigError(f"`{' '.join(argv[:2])}` fails: {reason}" + (f"; {mend}" if mend else ""))
    return done.stdout.strip()


def prepared_folder(name: str) -> Path:
    """Return a folder of the cache for what is prepared once per machine."""
    return cache_dir() / "toolchains" / name
