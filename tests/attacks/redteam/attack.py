"""What one row of the table is."""

from __future__ import annotations

import dataclasses

from halo_raft.records import VerdictKind
from halo_raft.sandbox import Limits

QUICK = Limits(cpu_s=1, wall_s=3, memory_mb=512, output_kb=256, processes=32)
"""Enough for every honest solution of the table, and cheap where an attack waits for its end."""


@dataclasses.dataclass(frozen=True, slots=True)
class Attack:
    """A hostile program. Whatever it tries, its verdict is not `passed`, and nobody else is harmed.

    A program that is after something (a secret, a file, a socket) answers rightly exactly when it got
    it: there, a pass is the proof of the harm.

    Attributes:
        name: Unique, lower-case words with hyphens.
        code: The program; `@NAME@` stands for a fact of the run (see `fill`).
        task: Key in `tasks.TASKS`; it gives the language and the verifier.
        kinds: The honest verdicts; any but `passed` and `infra` when empty.
        fools: The naive harness (see `naive.HARNESSES`) that this program gets a pass from; empty for
            attacks that are too harmful to run without a sandbox.
        limits: Limits of the run.
    """

    name: str
    code: str
    task: str = "square"
    kinds: tuple[VerdictKind, ...] = ()
    fools: str = ""
    limits: Limits = QUICK


@dataclasses.dataclass(frozen=True, slots=True)
class Facts:
    """What an attacker might know about the run that it attacks.

    Attributes:
        canary: Folder of a sibling: writable by all, with a file `secret.txt`.
        home: The worker's home folder, with a token file.
        worker: Process id of the worker.
        bystander: Process id of a process of the same user.
        port: TCP port on 127.0.0.1 that greets whoever connects.
        abstract: Name of an abstract unix socket that does the same.
    """

    canary: str
    home: str
    worker: int
    bystander: int
    port: int
    abstract: str

    def fill(self, code: str) -> str:
        """Return `code` with each `@NAME@` replaced by that fact."""
        for field in dataclasses.fields(self):
            code = code.replace(f"@{field.name.upper()}@", str(getattr(self, field.name)))
        return code.strip("\n")
