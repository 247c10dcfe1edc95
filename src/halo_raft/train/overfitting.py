"""Watching the loss on held-back examples, and ending a training that no longer lowers it.

Imports torch and transformers at its top, so it is imported in a worker alone.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from typing import Any

import torch
import transformers

from halo_raft.train.batches import pad_right
from halo_raft.train.examples import TrainExample
from halo_raft.train.job import LossPoint


class HeldBackLoss(transformers.TrainerCallback):
    """Measures the loss on held-back examples before training and after each epoch; keeps the best epoch's weights.

    What training started from is never kept: an adapter that changes nothing is of no use to a next cycle.
    Every data-parallel worker measures all of it, so all come to the same decision without talking.

    Args:
        examples: What is held back; not empty.
        batch_size: Examples of one forward pass.
        pad_token_id: Any valid id.
        patience: End after so many measurements in a row that were not below the best; 0 never ends.
        loss_of: Summed loss of a batch of tensors, as training computes it.
        report: Gets a line for each measurement.
    """

    def __init__(
        self,
        examples: Sequence[TrainExample],
        *,
        batch_size: int,
        pad_token_id: int,
        patience: int,
        loss_of: Callable[[torch.nn.Module, dict[str, torch.Tensor]], torch.Tensor],
        report: Callable[[str], None],
    ) -> None:
        ordered = sorted(examples, key=len)
        self.batches = [
            {name: torch.tensor(rows) for name, rows in pad_right(ordered[i : i + batch_size], pad_token_id).items()}
            for i in range(0, len(ordered), batch_size)
        ]
        self.tokens = sum(len(example.completion_token_ids) for example in examples)
        self.patience, self.loss_of, self.report = patience, loss_of, report
        self.curve: list[LossPoint] = []
        self._best: dict[str, torch.Tensor] = {}
        self._worse = 0

    @property
    def best(self) -> LossPoint:
        """The epoch's end with the lowest loss, of equals the first."""
        return min(self.curve[1:], key=lambda point: point.loss)

    def on_train_begin(self, args: Any, state: Any, control: Any, model: Any = None, **_: Any) -> None:
        """Measure what training starts from; one that goes on has done so."""
        if not self.curve:
            self._measure(model, state, 0.0)

    def on_epoch_end(self, args: Any, state: Any, control: Any, model: Any = None, **_: Any) -> None:
        """Measure, and ask for the end when patience has run out."""
        rate = state.log_history[-1].get("learning_rate", 0.0) if state.log_history else 0.0
        before = min(point.loss for point in self.curve)
        now = self._measure(model, state, rate)
        if self.best is now:
            self._best = {name: parameter.detach().clone() for name, parameter in trained(model)}
        self._worse = 0 if now.loss < before else self._worse + 1
        if self.patience and self._worse >= self.patience:
            control.should_training_stop = True
            self.report(
                f"step {state.global_step}: the held-back loss rose, training ends; "
                f"the weights of step {self.best.step} are kept"
            )

    def facts(self) -> dict[str, Any]:
        """Return what a training that goes on has to know; see `know`."""
        return {"curve": [tuple(point) for point in self.curve], "best": self._best, "worse": self._worse}

    def know(self, facts: dict[str, Any]) -> None:
        """Go on from what was known at a checkpoint."""
        self.curve = [LossPoint(*point) for point in facts["curve"]]
        self._best, self._worse = facts["best"], facts["worse"]

    def restore_best(self, model: torch.nn.Module) -> None:
        """Give the adapter the weights of the best measurement."""
        with torch.no_grad():
            for name, parameter in trained(model):
                parameter.copy_(self._best[name].to(parameter.device))

    def _measure(self, model: torch.nn.Module, state: Any, learning_rate: float) -> LossPoint:
        point = LossPoint(state.global_step, self.loss(model), learning_rate)
        self.curve.append(point)
        self.report(f"step {state.global_step}/{state.max_steps}  held-back loss {point.loss:.4f}")
        return point

    def loss(self, model: torch.nn.Module) -> float:
        """Return the mean loss per completion token on what is held back."""
        device = next(model.parameters()).device
        total = 0.0
        with _evaluating(model), torch.no_grad():
            for batch in self.batches:
                total += float(self.loss_of(model, {name: rows.to(device) for name, rows in batch.items()}))
        return total / self.tokens


def trained(model: torch.nn.Module) -> list[tuple[str, torch.nn.Parameter]]:
    """Return name and weights of what a model learns."""
    return [(name, parameter) for name, parameter in model.named_parameters() if parameter.requires_grad]


@contextlib.contextmanager
def _evaluating(model: torch.nn.Module) -> Any:
    """Switch dropout off meanwhile."""
    was_training = model.training
    model.eval()
    try:
        yield
    finally:
        model.train(was_training)
