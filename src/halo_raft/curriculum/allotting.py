"""How many samples each prompt gets: most where a draw is likeliest to be a rare success, none where hope is gone."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from halo_raft.curriculum.past import PastCycle

MOST_TIMES = 4
"""A prompt gets at most so many times what all would get alike, where that leaves the others enough to do."""

RESTS_AFTER = 4
"""A prompt that failed in so many cycles, and passed in none, gets no samples any more."""


def allotted(task_ids: Sequence[str], past: Sequence[PastCycle], per_prompt: int) -> dict[str, int]:
    """Return the samples of each prompt that gets any, `per_prompt` a prompt in all.

    A prompt's pass rate has a Beta posterior: its samples of all earlier cycles, and as prior one sample that passed as
    often as all of them did. Samples go by the `worth` of the next ones. Nothing of it is drawn at random.

    Args:
        task_ids: The prompts.
        past: Earlier cycles, at least one.
        per_prompt: What each would get if all got the same.
    """
    so_far = PastCycle.together(past)
    resting = {i for i in task_ids if not so_far.passed.get(i) and sum(i in c.samples for c in past) >= RESTS_AFTER}
    active = [i for i in task_ids if i not in resting] or list(task_ids)
    total = per_prompt * len(task_ids)
    worths = {i: worth(so_far.passed.get(i, 0), so_far.samples.get(i, 0), so_far.pass_rate) for i in active}
    if not any(worths.values()):  # nothing passed so far, or everything: nothing tells prompts apart
        worths = dict.fromkeys(active, 1.0)
    shares = _apportioned(worths, total, max(MOST_TIMES * per_prompt, math.ceil(total / len(active))))
    return {i: shares[i] for i in active if shares[i]}


def worth(passed: int, samples: int, prior: float) -> float:
    """Return the probability that of a prompt's next three samples the first passes and the others fail.

    It is the mean of p (1 - p)^2 over the Beta posterior of the pass rate p: highest where a third passes, near
    nothing where always or never one does.

    Args:
        passed: Samples that passed so far.
        samples: All of them.
        prior: Pass rate of all prompts, which counts for one sample.
    """
    a, b = prior + passed, 1 - prior + samples - passed
    n = a + b
    return a * b * (b + 1) / (n * (n + 1) * (n + 2))


def _apportioned(weights: Mapping[str, float], total: int, most: int) -> dict[str, int]:
    """Divide a number by weights, at most `most` each; what rounding leaves goes by largest remainders, then by names.

    `most` times the number of weights is at least `total`; not all weights are 0.
    """
    found: dict[str, int] = {}
    rest = dict(weights)
    while rest:
        left, heavy = total - sum(found.values()), sum(rest.values()) or 1.0
        full = [name for name, weight in rest.items() if weight * left / heavy >= most]
        if not full:
            break
        found |= dict.fromkeys(full, most)
        rest = {name: weight for name, weight in rest.items() if name not in found}
    if rest and not any(rest.values()):
        rest = dict.fromkeys(rest, 1.0)
    left, heavy = total - sum(found.values()), sum(rest.values()) or 1.0
    exact = {name: weight * left / heavy for name, weight in rest.items()}
    found |= {name: math.floor(share) for name, share in exact.items()}
    by_remainder = sorted(exact, key=lambda name: (math.floor(exact[name]) - exact[name], name))
    for name in by_remainder[: total - sum(found.values())]:
        found[name] += 1
    return found
