"""Where untrusted code runs: limits, isolation tier, and one call that starts, feeds and ends it.

Covers running a command (`run`) and running a Python harness (`run_python`). Does not know tests,
tasks or rewards: `verifiers` decide what an outcome means.
"""

from halo_raft.sandbox.box import RESULT_FD, SandboxError, run, run_python
from halo_raft.sandbox.limits import Limits
from halo_raft.sandbox.outcome import KilledBy, Outcome
from halo_raft.sandbox.tier import Tier, probe

__all__ = ["RESULT_FD", "KilledBy", "Limits", "Outcome", "SandboxError", "Tier", "probe", "run", "run_python"]
