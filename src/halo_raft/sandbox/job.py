"""What one run is: a command or a harness, with its files, its environment and its limits."""

from __future__ import annotations

import dataclasses
import marshal
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from halo_raft.sandbox.limits import Limits
from halo_raft.sandbox.zygote import ENVIRONMENT

PAGE = 4096
NOTHING: Mapping[str, Any] = MappingProxyType({})


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What to run, and with what.

    Attributes:
        limits: What it may use.
        argv: Program, by absolute path, and arguments; None for a harness.
        harness: Dotted name of a harness that the zygote's view has.
        payload: Argument of the harness' `main`, of types that `marshal` takes.
        stdin: Standard input; /dev/null when empty.
        files: Relative path -> content, written into the fresh work folder.
        env: Variables added to the allow-list.
        collect: Relative paths to read back afterwards.
        tool: Whether the program is ours and works on untrusted input, such as a compiler: it may start
            processes in every tier.
    """

    limits: Limits
    argv: Sequence[str] | None = None
    harness: str | None = None
    payload: Any = None
    stdin: bytes = b""
    files: Mapping[str, str | bytes] = dataclasses.field(default_factory=dict)
    env: Mapping[str, str] = dataclasses.field(default_factory=dict)
    collect: Sequence[str] = ()
    tool: bool = False

    @property
    def folder_bytes(self) -> int:
        """What the work folder may hold: the limit, and the files that the run finds there, in whole pages."""
        brought = sum(-(-len(_bytes(content)) // PAGE) * PAGE for content in self.files.values())
        return (self.limits.file_mb << 20) + brought

    def to_bytes(self) -> bytes:
        """Return the job as the fork that does it reads it; the zygote does not.

        Raises:
            ValueError: A path leaves the work folder.
        """
        for name in (*self.files, *self.collect):
            if not name or name.startswith("/") or ".." in name.split("/"):
                raise ValueError(f"not a path inside the work folder: {name!r}")
        spec = {
            "limits": {name: getattr(self.limits, name) for name in Limits.__slots__},
            "argv": list(self.argv) if self.argv else None,
            "harness": self.harness,
            "payload": self.payload,
            "files": {name: _bytes(content) for name, content in self.files.items()},
            "env": {**ENVIRONMENT, **self.env},
            "collect": list(self.collect),
            "tool": self.tool,
        }
        return marshal.dumps(spec)


def _bytes(content: str | bytes) -> bytes:
    return content.encode("utf-8", "replace") if isinstance(content, str) else content
