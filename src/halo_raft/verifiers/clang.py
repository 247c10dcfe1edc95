"""C and C++, compiled by clang."""

from collections.abc import Mapping
from typing import ClassVar

from halo_raft.verifiers.native import NativeVerifier
from halo_raft.verifiers.toolchain_cc import CLANG


class ClangVerifier(NativeVerifier):
    """Compiles, runs and compares; see `native`."""

    languages: ClassVar[tuple[str, ...]] = ("cpp", "c")
    tools: ClassVar[Mapping[str, str]] = {"clang++": "clang", "clang": "clang"}
    toolchain = CLANG
