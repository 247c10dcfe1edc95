"""How much of a trained adapter to keep: scaled down it holds on to more of what the model could do before.

With W the base's weights and D what an adapter adds, the weights between base and trained model are W + a D: of an
adapter it is B that is multiplied by a, so that whoever loads it needs to know nothing of it. Imports torch at its top,
for workers alone.

Source: Wortsman et al. 2022, "Robust fine-tuning of zero-shot models" (WiSE-FT).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch

from halo_raft.train.job import ScalePoint
from halo_raft.train.overfitting import HeldBackLoss, trained


def scale_adapter(
    model: torch.nn.Module, scales: Sequence[float], watch: HeldBackLoss | None, report: Callable[[str], None]
) -> tuple[ScalePoint, ...]:
    """Leave of a model's adapter what keeps the held-back loss lowest, of equals the most.

    Every data-parallel worker measures all of it, so all come to the same decision without talking.

    Args:
        model: With its adapter.
        scales: The parts to choose from; without `watch` the largest is taken.
        watch: Measures the loss, where anything is held back.
        report: Gets a line that says what was chosen.

    Returns:
        The scales that were measured, the chosen one first; losses are None without `watch`.
    """
    whole = {name: b.detach().clone() for name, b in trained(model) if "lora_B" in name}
    found = []
    for scale in sorted(set(scales), reverse=True):
        _set(model, whole, scale)
        found.append(ScalePoint(scale, watch.loss(model) if watch else None))
    found.sort(key=lambda point: point.loss or 0.0)
    _set(model, whole, found[0].scale)
    losses = ", ".join(f"{point.scale:g}: {point.loss:.4f}" for point in found if point.loss is not None)
    report(f"  {found[0].scale:g} of the adapter is kept" + (f" (held-back loss by scale {losses})" if losses else ""))
    return tuple(found)


def _set(model: torch.nn.Module, whole: dict[str, torch.Tensor], scale: float) -> None:
    with torch.no_grad():
        for name, parameter in trained(model):
            if name in whole:
                parameter.copy_(whole[name] * scale)
