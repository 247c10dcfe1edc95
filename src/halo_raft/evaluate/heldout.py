"""From the held-out samples of a cycle and their verdicts to its rates: sampled ones, and greedy ones."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from halo_raft.evaluate.outcomes import Outcomes, pass_at_k_rate, tally
from halo_raft.records import PassRate, Verdict
from halo_raft.store import Drawn

GREEDY_INDEX = -1
"""Index of the held-out sample of a task that was decoded greedily."""


class Heldout(NamedTuple):
    """How a cycle did on the held-out tasks, by how its completions were drawn."""

    sampled: Outcomes
    greedy: Outcomes

    @property
    def compared(self) -> Outcomes | None:
        """What cycles and runs are compared by: sampled completions where there are any, else greedy ones."""
        return next((outcomes for outcomes in self if outcomes.tasks), None)

    def rates(self, ks: Iterable[int] | None = None) -> dict[str, PassRate]:
        """Return pass@k of the sampled completions (`pass_at_4`) and pass@1 of the greedy ones (`greedy`).

        Args:
            ks: Each k once; when not given 1, 2, 4, ... up to the number of samples, and that number.
        """
        most = max((task.samples for task in self.sampled.tasks), default=0)
        wanted = [*(1 << n for n in range(most.bit_length())), most] if ks is None else ks
        rates = {f"pass_at_{k}": pass_at_k_rate(self.sampled, k) for k in dict.fromkeys(wanted)} if most else {}
        return rates | ({"greedy": pass_at_k_rate(self.greedy, 1)} if self.greedy.tasks else {})


def heldout_outcomes(samples: Iterable[Drawn], verdicts: Iterable[Verdict]) -> Heldout:
    """Count a cycle's held-out verdicts, those of greedy samples by themselves."""
    ids = {sample.sample_id for sample in samples if sample.index == GREEDY_INDEX}
    greedy: list[Verdict] = []

    def sampled() -> Iterator[Verdict]:
        for verdict in verdicts:
            if verdict.sample_id in ids:
                greedy.append(verdict)
            else:
                yield verdict

    return Heldout(tally(sampled()), tally(greedy))
