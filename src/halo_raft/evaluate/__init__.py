"""How good a model is: pass@k, its uncertainty, comparisons, and when more cycles no longer help.

Everything here is pure: verdicts and numbers in, numbers and reasons out. Nothing generates,
judges or writes files.
"""

from halo_raft.evaluate.changes import Changes, TaskChange, changes
from halo_raft.evaluate.intervals import Difference, Interval, bootstrap_interval, paired_difference
from halo_raft.evaluate.outcomes import Outcomes, TaskOutcome, compare, pass_at_k_rate, pass_rates, tally
from halo_raft.evaluate.passk import pass_at_k, pass_at_k_per_task
from halo_raft.evaluate.stopping import best_cycle, should_stop

__all__ = [
    "Changes",
    "Difference",
    "Interval",
    "Outcomes",
    "TaskChange",
    "TaskOutcome",
    "best_cycle",
    "bootstrap_interval",
    "changes",
    "compare",
    "paired_difference",
    "pass_at_k",
    "pass_at_k_per_task",
    "pass_at_k_rate",
    "pass_rates",
    "should_stop",
    "tally",
]
