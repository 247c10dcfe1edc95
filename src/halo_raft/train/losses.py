"""The loss of a batch: cross-entropy at completion positions alone, a piece of the vocabulary's rows at a time.

Two thirds of a batch are prompt, whose logits are never made. Those of the others are the largest tensors of a
step (4,096 tokens of a vocabulary of 152k need 9 GiB with their gradients), so no more than `MOST_LOGITS` are
there at once: each piece's gradient is taken while its logits are. Imports torch at its top, for workers alone.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch.utils.checkpoint import checkpoint

from halo_raft.train.examples import IGNORE_INDEX

MOST_LOGITS = 2**26
"""Logits of one piece: 256 MiB in float32."""

LOGITS_CHANGED_LATER = ("final_logit_softcapping", "logit_scale", "logits_scaling")
"""Settings of models that do something to the logits after their last layer: those are computed whole."""

Project = Callable[[torch.Tensor], torch.Tensor]


def predicts_completion(labels: torch.Tensor) -> torch.Tensor:
    """Return the mask of positions whose next token carries loss; `labels` are not shifted."""
    return torch.nn.functional.pad(labels[:, 1:], (0, 1), value=IGNORE_INDEX) != IGNORE_INDEX


def output_embeddings(model: Any) -> torch.nn.Module:
    """Return the last layer of a PEFT model's base."""
    return model.get_base_model().get_output_embeddings()


@contextlib.contextmanager
def loss_as_logits(
    model: Any, labels: torch.Tensor, tokens: torch.Tensor | float, weights: torch.Tensor | None = None
) -> Iterator[None]:
    """Within the block, the model's output has the loss of its batch where the logits would be.

    Inside of the forward pass, because there alone workers that share the model have the last layer's weights.

    Args:
        model: A PEFT model.
        labels: As collated, shape (batch, length), not shifted.
        tokens: What the summed cross-entropy is divided by: tokens with loss in all micro-batches of the step, on
            all workers, so that each weighs the same, however batches are cut or spread.
        weights: What each example's tokens count, shape (batch,); 1 when not given.
    """
    head, positions = output_embeddings(model), predicts_completion(labels)
    targets, counts = labels[:, 1:][labels[:, 1:] != IGNORE_INDEX], token_weights(labels, weights)
    inner = head.forward

    def forward(hidden: torch.Tensor, *args: Any, **kwargs: Any) -> torch.Tensor:
        def project(piece: torch.Tensor) -> torch.Tensor:
            return inner(piece, *args, **kwargs)

        return loss_in_pieces(hidden[positions], targets, head, project, tokens, counts)

    def forward_whole(hidden: torch.Tensor, *args: Any, **kwargs: Any) -> torch.Tensor:
        return inner(hidden[positions][None], *args, **kwargs)

    changed_later = any(getattr(model.config, name, None) for name in LOGITS_CHANGED_LATER)
    own = head.__dict__.get("forward")
    head.forward = forward_whole if changed_later else forward
    try:
        yield
    finally:
        del head.forward
        if own is not None:
            head.forward = own


def token_weights(labels: torch.Tensor, weights: torch.Tensor | None) -> torch.Tensor | None:
    """Return the weight of each token with loss, in the order of a batch's rows; None where all count 1."""
    return None if weights is None else weights[:, None].expand(labels.shape)[predicts_completion(labels)]


def completion_loss(
    outputs: Any,
    labels: torch.Tensor,
    num_items_in_batch: torch.Tensor | float,
    weights: torch.Tensor | None = None,
) -> torch.Tensor:
    """Return the loss out of a model's output under `loss_as_logits`."""
    if outputs.logits.ndim == 0:
        return outputs.logits
    targets = labels[:, 1:][labels[:, 1:] != IGNORE_INDEX]
    return _loss(outputs.logits[0], targets, token_weights(labels, weights)) / num_items_in_batch


def loss_in_pieces(
    rows: torch.Tensor,
    targets: torch.Tensor,
    head: torch.nn.Module,
    project: Project,
    tokens: torch.Tensor | float,
    weights: torch.Tensor | None = None,
) -> torch.Tensor:
    """Return the cross-entropy of rows of hidden states, with at most `MOST_LOGITS` logits at a time.

    Args:
        rows: Shape (n, features).
        targets: The n tokens that they predict.
        head: The layer that `project` calls.
        project: From features to logits.
        tokens: What the sum is divided by.
        weights: What each token counts, shape (n,); 1 when not given.
    """
    size = max(1, MOST_LOGITS // int(getattr(head, "out_features", None) or head.weight.shape[0]))
    if torch.is_grad_enabled() and not any(parameter.requires_grad for parameter in head.parameters()):
        total: torch.Tensor = _FrozenHead.apply(rows, targets, project, tokens, size, weights)
        return total

    def loss_of(piece: torch.Tensor, target: torch.Tensor, weight: torch.Tensor | None) -> torch.Tensor:
        return _loss(project(piece), target, weight) / tokens

    pieces = _pieces(rows, targets, weights, size)
    if torch.is_grad_enabled():
        return torch.stack([checkpoint(loss_of, *piece, use_reentrant=False) for piece in pieces]).sum()
    return torch.stack([loss_of(*piece) for piece in pieces]).sum()


class _FrozenHead(torch.autograd.Function):
    """Nothing is learned in the layer: all that backward needs is the gradient of its input, known at once."""

    @staticmethod
    def forward(
        ctx: Any,
        rows: torch.Tensor,
        targets: torch.Tensor,
        project: Project,
        tokens: torch.Tensor | float,
        size: int,
        weights: torch.Tensor | None,
    ) -> torch.Tensor:
        total, gradients = torch.zeros((), device=rows.device), torch.empty_like(rows)
        pieces = _pieces(rows.detach(), targets, weights, size)
        for start, (piece, target, weight) in zip(range(0, len(rows), size), pieces, strict=True):
            with torch.enable_grad():
                piece = piece.detach().requires_grad_()
                loss = _loss(project(piece), target, weight) / tokens
            gradients[start : start + size] = torch.autograd.grad(loss, piece)[0]
            total += loss.detach()
        ctx.save_for_backward(gradients)
        return total

    @staticmethod
    def backward(ctx: Any, *outputs: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        (gradients,) = ctx.saved_tensors
        return gradients * outputs[0], None, None, None, None, None


def _pieces(
    rows: torch.Tensor, targets: torch.Tensor, weights: torch.Tensor | None, size: int
) -> list[tuple[torch.Tensor, torch.Tensor, torch.Tensor | None]]:
    cut = targets.split(size)
    return list(zip(rows.split(size), cut, [None] * len(cut) if weights is None else weights.split(size), strict=True))


def _loss(logits: torch.Tensor, targets: torch.Tensor, weights: torch.Tensor | None) -> torch.Tensor:
    if weights is None:
        return torch.nn.functional.cross_entropy(logits.float(), targets, reduction="sum")
    return torch.nn.functional.cross_entropy(logits.float(), targets, reduction="none") @ weights
