"""The plan of a learning study, read from YAML: which arms begin where, and on what they are chosen and reported."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Self

import yaml
from pydantic import Field, ValidationError, model_validator

from halo_raft import tasks
from halo_raft.config.section import Positive, Section
from halo_raft.errors import ConfigError, DataError

HERE = Path(__file__).resolve().parent
BASE, RECIPE = "base", "recipe"
"""In `compare`: the model that nothing was done to, and the arm of `recipes` that the choice falls on."""
NAMES = re.compile(r"[a-z][a-z0-9_-]*")


class Arm(Section):
    """One way of training."""

    kind: Literal["raft", "sft"] = "raft"
    """`raft`, or `sft` on the references with the same LoRA and training settings."""
    after: str | None = None
    """The arm whose best adapter of the same seed this one begins from; the base model when not given."""
    settings: dict[str, Any] = Field(default_factory=dict)
    """Dotted settings of RAFT, or of SFT, that make it."""


class Plan(Section):
    """What is compared on what. Paths are relative to where the command runs, as on its command line."""

    config: Path = HERE / "learning.yaml"
    """Settings of RAFT that all arms share."""
    settings: dict[str, Any] = Field(default_factory=dict)
    """More of them, dotted."""
    train: str = "starter"
    """Tasks to train on."""
    references: str | None = None
    """Rows with the answers of these tasks, for arms of SFT."""
    choose: str = "starter:heldout"
    """Tasks that cycles and recipes are chosen on."""
    report: tuple[str, ...] = ()
    """Task sets that are reported: nothing is chosen on them."""
    seeds: tuple[int, ...] = (0, 1)
    samples: Positive = 8
    """Samples a task of each measurement."""
    measure: Literal["best", "all"] = "best"
    """Cycles that are measured on `report`: the chosen ones, or all."""
    arms: dict[str, Arm]
    recipes: tuple[str, ...] = ()
    """Arms of which the best on `choose`, over all seeds, is the recipe."""
    compare: tuple[tuple[str, str], ...] = ()
    """Pairs of arms, the candidate first; each arm is compared with the base in any case."""

    @model_validator(mode="after")
    def _names_what_there_is(self) -> Self:
        for name, arm in self.arms.items():
            if not NAMES.fullmatch(name) or name in (BASE, RECIPE):
                raise ValueError(f"arms.{name}: a name is of a-z, 0-9, - and _, and neither {BASE} nor {RECIPE}")
            if arm.after and arm.after not in self.arms:
                raise ValueError(f"arms.{name}.after: there is no arm {arm.after}; there are: {', '.join(self.arms)}")
            self.line_of(name)
        if any(arm.kind == "sft" for arm in self.arms.values()) and not self.references:
            raise ValueError("references: name the file with the answers that arms of kind sft are trained on")
        measured = [stem(name) for name in (self.choose, *self.report)]
        if len(set(measured)) < len(measured):
            raise ValueError(f"report: task sets need names that differ, and these are {', '.join(measured)}")
        known = {*self.arms, BASE, *([RECIPE] if self.recipes else [])}
        for key, names in (("recipes", self.recipes), ("compare", [name for pair in self.compare for name in pair])):
            if strange := [name for name in names if name not in known]:
                raise ValueError(f"{key}: there is no arm {strange[0]}; there are: {', '.join(sorted(known))}")
        return self

    def line_of(self, name: str) -> list[str]:
        """Return an arm and those that it begins from, the first one first.

        Raises:
            ValueError: It begins from itself.
        """
        line = [name]
        while after := self.arms[line[0]].after:
            if after in line:
                raise ValueError(f"arms.{name}.after: {' after '.join([*line, after])} is a circle")
            line.insert(0, after)
        return line

    @property
    def order(self) -> list[str]:
        """All arms, each after the one that it begins from."""
        return list(dict.fromkeys(name for arm in self.arms for name in self.line_of(arm)))


def read_plan(path: Path | None, given: Mapping[str, Any], simple: Mapping[str, Any]) -> Plan:
    """Return the plan of a file with what the command line gives in its place; `simple` where there is no file.

    Raises:
        ConfigError: It cannot be read, or is none; one line.
    """
    try:
        tree = dict(simple) if path is None else yaml.safe_load(path.read_text(encoding="utf-8"))
        if not isinstance(tree, dict):
            raise ConfigError(f"{path}: must hold keys, such as arms:")
        if path and isinstance(tree.get("config"), str):
            tree["config"] = path.parent / tree["config"]
        return Plan.model_validate(tree | given)
    except (OSError, yaml.YAMLError) as error:
        raise ConfigError(f"{path}: cannot be read ({str(error).splitlines()[0]})") from None
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        said = first["msg"].removeprefix("Value error, ")
        raise ConfigError(f"{path or 'the command line'}: {where}{': ' if where else ''}{said}") from None


def check_apart(plan: Plan) -> None:
    """Check that nothing is trained on that is chosen or reported on, and nothing chosen on that is reported.

    Raises:
        DataError: Two of them share a task; names the first.
    """
    trained = [plan.train, *([plan.references] if plan.references else [])]
    read = {name: tasks.load(name) for name in dict.fromkeys([*trained, plan.choose, *plan.report])}
    for name in trained:
        for measured in (plan.choose, *plan.report):
            tasks.refuse_overlap(read[name], read[measured])
    for name in plan.report:
        try:
            tasks.refuse_overlap(read[plan.choose], read[name])
        except DataError as error:
            raise DataError(f"{error} (choose: and report: must not share tasks either)") from None


def words(settings: Mapping[str, Any]) -> list[str]:
    """Return settings as a command line has them."""
    return [f"{key}={json.dumps(value)}" for key, value in settings.items()]


def stem(task_set: str) -> str:
    """Return the name of a task set in names of files."""
    return Path(task_set).stem.replace(":", "-")


@functools.cache
def content(task_set: str) -> str:
    """Return what identifies the tasks of a set, wherever its file lies."""
    return tasks.load(task_set).sha256
