"""Go, compiled by its own compiler and linker, without the go command."""

from collections.abc import Mapping
from typing import ClassVar

from halo_raft.verifiers.native.toolchain_go import GO
from halo_raft.verifiers.native.verifier import NativeVerifier


class GoVerifier(NativeVerifier):
    """Compiles, runs and compares; see `native`."""

    languages: ClassVar[tuple[str, ...]] = ("go",)
    tools: ClassVar[Mapping[str, str]] = {"go": "golang-go"}
    toolchain = GO
