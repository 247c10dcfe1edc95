"""C and C++ for Windows, cross-compiled by mingw; nothing is run."""

from collections.abc import Mapping
from typing import ClassVar

from halo_raft.verifiers.native.toolchain_cc import MINGW
from halo_raft.verifiers.native.verifier import NativeVerifier


class MingwVerifier(NativeVerifier):
    """Compiles; see `native`."""

    languages: ClassVar[tuple[str, ...]] = ("cpp", "c")
    tools: ClassVar[Mapping[str, str]] = {"x86_64-w64-mingw32-g++": "g++-mingw-w64-x86-64"}
    toolchain = MINGW
    can_run = False
