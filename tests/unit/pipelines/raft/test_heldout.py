"""Which cycle is better than the base model, by what was measured."""

import pytest

from halo_raft.pipelines.raft.heldout import below_base, by_cycle
from halo_raft.records import CycleStats


def history(*rates, name="pass_at_1"):
    return [CycleStats(cycle=n, heldout={} if r is None else {name: {"mean": r}}) for n, r in enumerate(rates)]


def test_sampled_rates_go_before_greedy_ones_and_unmeasured_cycles_have_none():
    both = CycleStats(cycle=0, heldout={"greedy": {"mean": 0.9}, "pass_at_1": {"mean": 0.1}})
    assert by_cycle([both, *history(None, 0.2, name="greedy")[1:], CycleStats(cycle=2)]) == {0: 0.1, 1: 0.2}


@pytest.mark.parametrize(
    ("rates", "worse"),
    [((0.2, 0.1), True), ((0.2, 0.2), False), ((0.2, 0.3), False), ((None, 0.1), False), ((0.2, None), False)],
)
def test_only_a_measured_cycle_below_a_measured_base_is_worse(rates, worse):
    assert below_base(history(*rates), 1) == worse
