"""halo-raft: reward-ranked fine-tuning (RAFT) of code models on your own machines.

What other programs import is in `api`, loaded when it is asked for, and in `rewards`. `api.train` has its name there
alone: here `train` is a room.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from halo_raft.api import (
        CycleStats,
        HaloRaftError,
        Judge,
        Task,
        TaskSet,
        Verdict,
        VerdictKind,
        Verifier,
        VerifyResult,
        load_tasks,
        verify,
    )

__version__ = "0.1.0"

__all__ = [
    "CycleStats",
    "HaloRaftError",
    "Judge",
    "Task",
    "TaskSet",
    "Verdict",
    "VerdictKind",
    "Verifier",
    "VerifyResult",
    "load_tasks",
    "verify",
]


def __getattr__(name: str) -> Any:
    if name in __all__:
        return getattr(import_module("halo_raft.api"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
