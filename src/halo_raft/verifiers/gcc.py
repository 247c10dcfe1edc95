"""C and C++, compiled by gcc."""

from collections.abc import Mapping
from typing import ClassVar

from halo_raft.verifiers.native import NativeVerifier
from halo_raft.verifiers.toolchain_cc import GCC


class GccVerifier(NativeVerifier):
    """Compiles, runs and compares; see `native`."""

    languages: ClassVar[tuple[str, ...]] = ("cpp", "c")
    tools: ClassVar[Mapping[str, str]] = {"g++": "g++", "gcc": "gcc"}
    toolchain = GCC
