"""How much one run of untrusted code may use."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from halo_raft.config.judging import SandboxConfig


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Limits for one run, its descendants included where a limit can be shared.

    Attributes:
        cpu_s: CPU seconds.
        wall_s: Wall-clock seconds.
        memory_mb: Memory of all processes, and address space of each, MiB.
        processes: Processes and threads alive at once.
        open_files: File descriptors of each process.
        output_kb: Standard output and standard error together, KiB.
        file_mb: Size of each file written, MiB.
        reserved_mb: Address space that each process gets besides: some run-times reserve it and do not use it.
    """

    cpu_s: float = 5.0
    wall_s: float = 15.0
    memory_mb: int = 512
    processes: int = 32
    open_files: int = 64
    output_kb: int = 1024
    file_mb: int = 64
    reserved_mb: int = 0

    def __post_init__(self) -> None:
        """Refuse limits that nothing could run under."""
        for field in dataclasses.fields(self):
            if not getattr(self, field.name) > 0 and field.name != "reserved_mb":
                raise ValueError(f"{field.name} must be above 0, not {getattr(self, field.name)}")

    @classmethod
    def from_config(cls, config: SandboxConfig) -> Self:
        """Return the limits that the `sandbox:` section asks for."""
        names = {field.name for field in dataclasses.fields(cls)}
        return cls(**{name: value for name, value in config.model_dump().items() if name in names})
