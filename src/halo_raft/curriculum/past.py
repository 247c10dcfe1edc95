"""How the prompts of earlier cycles fared."""

from __future__ import annotations

import dataclasses
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from statistics import fmean

from halo_raft.records import Verdict, VerdictKind


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PastCycle:
    """How the prompts of an earlier cycle fared; infra verdicts are left out.

    Attributes:
        samples: Samples judged, by task.
        passed: Samples that passed, by task.
        credit: Their rewards together, partial credit as the verifier gave it, by task.
    """

    samples: Mapping[str, int]
    passed: Mapping[str, int]
    credit: Mapping[str, float]

    @classmethod
    def of(cls, verdicts: Iterable[Verdict]) -> PastCycle:
        """Count verdicts."""
        samples, passed, credit = Counter[str](), Counter[str](), defaultdict[str, float](float)
        for verdict in verdicts:
            if verdict.kind is not VerdictKind.INFRA:
                samples[verdict.task_id] += 1
                credit[verdict.task_id] += verdict.reward or 0.0
                if verdict.success:
                    passed[verdict.task_id] += 1
        return cls(samples=samples, passed=passed, credit=credit)

    @property
    def pass_rate(self) -> float:
        """Mean over the tasks of the share of samples that passed, however many each was allotted; 0 without any."""
        return fmean(self.passed.get(i, 0) / drawn for i, drawn in self.samples.items()) if self.samples else 0.0

    @classmethod
    def together(cls, cycles: Iterable[PastCycle]) -> PastCycle:
        """Return several cycles as one."""
        samples, passed, credit = Counter[str](), Counter[str](), defaultdict[str, float](float)
        for cycle in cycles:
            samples.update(cycle.samples)
            passed.update(cycle.passed)
            for task_id, reward in cycle.credit.items():
                credit[task_id] += reward
        return cls(samples=samples, passed=passed, credit=credit)
