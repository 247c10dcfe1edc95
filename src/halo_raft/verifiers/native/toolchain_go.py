"""Go's compiler and linker, called directly: no `go build`, so no modules, no downloads, no cgo, no generators."""

from __future__ import annotations

import dataclasses
import functools
import logging
import os
import re
import tempfile
from pathlib import Path
from typing import ClassVar

from halo_raft.records import stable_hash
from halo_raft.sandbox import Limits
from halo_raft.verifiers.native.build import Command
from halo_raft.verifiers.native.toolchains import Toolchain, Wanted, find, mounts_for, output_of, prepared_folder

log = logging.getLogger(__name__)

ENVIRONMENT = {"CGO_ENABLED": "0", "GOPROXY": "off", "GOTOOLCHAIN": "local", "GOFLAGS": "-mod=mod", "GOWORK": "off"}
ADDRESS_SPACE_MB = 1536
"""Address space that a Go program reserves for its heap without using it."""
SCRIPT = """
set -e
"$1" -complete -p main -importcfg "$3" $4 -o object.a -pack *.go
[ "$5" = link ] || { mv object.a program; exit; }
"$2" -importcfg "$3" -s -w -o program object.a
"""
LIST = "{{if .Export}}packagefile {{.ImportPath}}={{.Export}}{{end}}"


class GoToolchain(Toolchain):
    """Compiles one package against the standard library alone, which is compiled once per machine."""

    allowed_flags: ClassVar[re.Pattern[str]] = re.compile(r"-N|-l|-lang=go1\.\d+|-race|-m")

    def command(self, wanted: Wanted, language: str) -> Command:
        """Return the compilation of the units, which are all of package main."""
        go = find("go", "golang-go")
        env = tuple(ENVIRONMENT.items())
        root, tools = output_of(go, "env", "GOROOT", "GOTOOLDIR", env=env).splitlines()
        config = _standard_library(go, output_of(go, "version", env=env))
        tool = [os.path.join(os.path.realpath(tools), name) for name in ("compile", "link")]
        steps = ("go", *tool, str(config), " ".join(wanted.flags), "link" if wanted.link else "compile")
        return Command(
            argv=("/bin/sh", "-c", SCRIPT, *steps),
            files=tuple(wanted.units.items()),
            env=(("GOROOT", root), ("GOMAXPROCS", "2")),
            mounts=mounts_for(root, os.path.realpath(root), str(config.parent)),
        )

    def run_limits(self, limits: Limits) -> Limits:
        """Return limits with room for what the runtime reserves."""
        return dataclasses.replace(limits, reserved_mb=ADDRESS_SPACE_MB)


@functools.cache
def _standard_library(go: str, version: str) -> Path:
    """Return the list of the compiled standard library, made at first use (some seconds)."""
    folder = prepared_folder(f"go-{stable_hash(go, version)}")
    config = folder / "importcfg"
    if config.is_file():
        return config
    log.info("Compiling the standard library of %s (once on this machine)...", go)
    folder.mkdir(parents=True, exist_ok=True)
    env = (*ENVIRONMENT.items(), ("GOCACHE", str(folder / "build")))
    packages = output_of(go, "list", "-export", "-f", LIST, "std", env=env)
    with tempfile.NamedTemporaryFile("w", dir=folder, delete=False) as file:
        file.write(packages + "\n")
    os.chmod(file.name, 0o644)
    os.replace(file.name, config)
    return config


GO = GoToolchain()
