"""C and C++, compiled by gcc."""

from collections.abc import Mapping
from typing import ClassVar

from halo_raft.verifiers.native.toolchain_cc import GCC
from halo_raft.verifiers.native.verifier import NativeVerifier


class GccVerifier(NativeVerifier):
    """Compiles, runs and compares; see `native`."""

    languages: ClassVar[tuple[str, ...]] = ("cpp", "c")
    tools: ClassVar[Mapping[str, str]] = {"g++": "g++", "gcc": "gcc"}
    toolchain = GCC
