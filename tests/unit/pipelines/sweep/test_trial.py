from __future__ import annotations

from halo_raft.pipelines.sweep.reuse import Reused
from halo_raft.pipelines.sweep.trial import _costs
from halo_raft.records import CycleStats


def test_a_trial_costs_as_much_as_if_it_had_shared_nothing():
    base = CycleStats(cycle=0, seconds={})
    first = CycleStats(cycle=1, seconds={"train": 20.0, "heldout": 5.0})
    taken = [
        Reused("cycle_0_heldout", 0, "heldout", "trial_0", 2, 2, 9, 4.0),
        Reused("cycle_1_train", 1, "sample", "trial_0", 8, 8, 99, 30.0),
    ]
    alone = [
        CycleStats(cycle=0, seconds={"heldout": 4.0}),
        CycleStats(cycle=1, seconds={**first.seconds, "sample": 30.0}),
    ]
    assert _costs([base, first], first, taken) == _costs(alone, alone[1], [])
    assert _costs([base, first], first, taken)["seconds"] == 59.0
    assert _costs([base, first], first, taken)["seconds/sample"] == 30.0
