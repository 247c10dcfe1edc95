"""C and C++, compiled by clang."""

from collections.abc import Mapping
from typing import ClassVar

from halo_raft.verifiers.native.toolchain_cc import CLANG
from halo_raft.verifiers.native.verifier import NativeVerifier


class ClangVerifier(NativeVerifier):
    """Compiles, runs and compares; see `native`."""

    languages: ClassVar[tuple[str, ...]] = ("cpp", "c")
    tools: ClassVar[Mapping[str, str]] = {"clang++": "clang", "clang": "clang"}
    toolchain = CLANG
