"""What a run folder is tied to: model, tasks, verifier, settings and seed, and which part depends on what.

The names in `to_dict` are those of `run.json`, and of every run folder there is: they stay.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from halo_raft.records import stable_hash

JUDGED_BY = ("verifier", "sandbox")
"""Sections of the settings that verdicts depend on, and samples do not."""

ASKED_AGAIN = ("repair", "hint")
"""Settings of rounds that show the model more than the task, by what they begin with."""

LATER_ROUNDS = ("second_round", "allot", *ASKED_AGAIN)
"""Settings of sampling that the first round of cycle 1 does not depend on, by what they begin with."""

ASKED_OTHERWISE = ("prompt_formats", "mix")
"""Settings of tasks that held-out samples do not depend on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fingerprint:
    """What a RAFT run must not change while it goes on.

    Attributes:
        model, checkpoint: What identifies the model, and the adapter that the run starts from.
        training_tasks, heldout_tasks: Hashes of the tasks.
        verifier: Name of the verifier of the first cycle.
        settings: Section of the config -> its values; `ablate` and `curriculum` count as sections.
        seed: Of everything random.
    """

    UNTIL_TRAINED: ClassVar[tuple[str, ...]] = ("selection settings", "lora settings", "training settings")
    """Keys that may change until an adapter is trained: nothing that was drawn depends on them."""

    model: str
    checkpoint: str | None
    training_tasks: str
    heldout_tasks: str | None
    verifier: str
    settings: Mapping[str, Any]
    seed: int

    def to_dict(self) -> dict[str, Any]:
        """Return it as `run.json` has it."""
        return {
            "model": self.model,
            "checkpoint": self.checkpoint,
            "training tasks": self.training_tasks,
            "held-out tasks": self.heldout_tasks,
            "verifier": self.verifier,
            **{f"{section} settings": values for section, values in self.settings.items()},
            "seed": self.seed,
        }

    @classmethod
    def from_dict(cls, row: Mapping[str, Any]) -> Fingerprint:
        """Read one that `to_dict` wrote; what is missing there is empty here."""
        sections = {key.removesuffix(" settings"): value for key, value in row.items() if key.endswith(" settings")}
        return cls(
            model=row.get("model", ""),
            checkpoint=row.get("checkpoint"),
            training_tasks=row.get("training tasks", ""),
            heldout_tasks=row.get("held-out tasks"),
            verifier=row.get("verifier", ""),
            settings=sections,
            seed=row.get("seed", 0),
        )

    @property
    def short(self) -> str:
        """16 hex digits of all of it."""
        return stable_hash(self.to_dict())

    @property
    def of_samples(self) -> str:
        """16 hex digits of what all samples of the run depend on; a part of their ids."""
        return stable_hash(self._without(*self.UNTIL_TRAINED))

    @property
    def of_heldout(self) -> str:
        """16 hex digits of what is measured on: tasks and how they are drawn; empty without held-out tasks."""
        parts = [self.heldout_tasks, self.settings.get("heldout")]
        return stable_hash(parts) if self.heldout_tasks else ""

    @property
    def of_verdicts(self) -> list[Any]:
        """What verdicts depend on beside program and task."""
        return [self.verifier, *(self.settings.get(section) for section in JUDGED_BY)]

    @property
    def of_first_training(self) -> dict[str, Any]:
        """What the first round of cycle 1 depends on, however it is judged; whatever is not named counts."""
        kept = self._without(*self._LATER, "held-out tasks", "heldout settings")
        sampling = kept.get("sampling settings", {})
        return kept | {"sampling settings": {k: v for k, v in sampling.items() if not k.startswith(LATER_ROUNDS)}}

    @property
    def of_later_rounds(self) -> str:
        """16 hex digits of what later rounds depend on beside the first and its verdicts; empty if any shows more."""
        later = {k: v for k, v in self.settings.get("sampling", {}).items() if k.startswith(LATER_ROUNDS)}
        return "" if any(v for k, v in later.items() if k.startswith(ASKED_AGAIN)) else stable_hash(later)

    @property
    def of_base_heldout(self) -> dict[str, Any]:
        """What the base model's held-out samples depend on, however they are judged."""
        row = self._without(*self._LATER, "training tasks", "sampling settings")
        tasks = row.get("tasks settings", {})
        return row | {"tasks settings": {k: v for k, v in tasks.items() if k not in ASKED_OTHERWISE}}

    _LATER: ClassVar[tuple[str, ...]] = (
        "verifier",
        *(f"{section} settings" for section in JUDGED_BY),
        *UNTIL_TRAINED,
        "ablate settings",
    )

    def _without(self, *keys: str) -> dict[str, Any]:
        return {key: value for key, value in self.to_dict().items() if key not in keys}
