"""Where untrusted code runs: isolation, limits, and the calls that start, feed and end it.

Covers running a command (`run`), a Python harness (`run_python`), and a run that somebody else talks
to (`POOL`, `Run`). Does not know tests, tasks or rewards: `verifiers` decide what an outcome means.

Does not cover faults of the kernel, side channels (time, caches, load), a program that merely waits until its wall
time is up, or anything at all but limits in tier C. `docs/sandbox.md` says what each tier holds, and how it was tried.
"""

from halo_raft.sandbox import self_check, usage
from halo_raft.sandbox.box import RESULT_FD, run, run_python
from halo_raft.sandbox.job import Job
from halo_raft.sandbox.limits import Limits
from halo_raft.sandbox.outcome import KilledBy, Outcome
from halo_raft.sandbox.pool import POOL
from halo_raft.sandbox.run import Run, ZygoteLostError
from halo_raft.sandbox.tier import Tier, probe
from halo_raft.sandbox.zygote import SandboxError, View, Zygote, memory_file

__all__ = [
    "POOL",
    "RESULT_FD",
    "Job",
    "KilledBy",
    "Limits",
    "Outcome",
    "Run",
    "SandboxError",
    "Tier",
    "View",
    "Zygote",
    "ZygoteLostError",
    "memory_file",
    "probe",
    "run",
    "run_python",
    "self_check",
    "usage",
]
