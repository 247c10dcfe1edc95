"""How good a model is: pass@k, its uncertainty, comparisons, and when more cycles no longer help.

Everything here is pure: verdicts and numbers in, numbers and reasons out. Nothing generates,
judges or writes files.
"""

from halo_raft.evaluate.changes import Changes, TaskChange, changes
from halo_raft.evaluate.heldout import GREEDY_INDEX, Heldout, heldout_outcomes
from halo_raft.evaluate.intervals import Difference, Interval, bootstrap_interval, paired_difference
from halo_raft.evaluate.outcomes import Outcomes, TaskOutcome, compare, compare_best, pass_at_k_rate, pass_rates, tally
from halo_raft.evaluate.passk import pass_at_k, pass_at_k_per_task
from halo_raft.evaluate.stopping import best_cycle, should_stop
from halo_raft.evaluate.texts import chance_text, difference_text, odds_text, p_text, rate_text

__all__ = [
    "GREEDY_INDEX",
    "Changes",
    "Difference",
    "Heldout",
    "Interval",
    "Outcomes",
    "TaskChange",
    "TaskOutcome",
    "best_cycle",
    "bootstrap_interval",
    "chance_text",
    "changes",
    "compare",
    "compare_best",
    "difference_text",
    "heldout_outcomes",
    "odds_text",
    "p_text",
    "paired_difference",
    "pass_at_k",
    "pass_at_k_per_task",
    "pass_at_k_rate",
    "pass_rates",
    "rate_text",
    "should_stop",
    "tally",
]
