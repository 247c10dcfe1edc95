"""Rust, compiled by bare rustc."""

from collections.abc import Mapping
from typing import ClassVar

from halo_raft.verifiers.native.toolchain_rust import RUST
from halo_raft.verifiers.native.verifier import NativeVerifier


class RustVerifier(NativeVerifier):
    """Compiles, runs and compares; see `native`."""

    languages: ClassVar[tuple[str, ...]] = ("rust",)
    tools: ClassVar[Mapping[str, str]] = {"rustc": "rustc", "cc": "gcc"}
    toolchain = RUST
