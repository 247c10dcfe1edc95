"""What a cycle does differently from the one before: prompts, samples, verifier, threshold, temperature, rewards, rate.

Pure functions: the config, the tasks and what earlier cycles measured go in, a `CyclePlan` comes out.
The pipeline keeps that plan in the run folder, so a resumed cycle goes on as it began. Settings are
by cycle number, never by the number of cycles: a run that is made longer keeps the cycles it has.

- `past`: how the prompts of an earlier cycle fared
- `choosing`: which prompts a cycle draws, and which of them it draws again
- `allotting`: how many samples each of them gets
- `planning`: all of it together
"""

from halo_raft.curriculum.allotting import allotted
from halo_raft.curriculum.choosing import choose_tasks, complexity, second_round
from halo_raft.curriculum.past import PastCycle
from halo_raft.curriculum.planning import CyclePlan, partial_credit, plan_cycle, settings_of, shaped

__all__ = [
    "CyclePlan",
    "PastCycle",
    "allotted",
    "choose_tasks",
    "complexity",
    "partial_credit",
    "plan_cycle",
    "second_round",
    "settings_of",
    "shaped",
]
