"""`halo-raft sweep best`: the winning configuration, from nothing but the study's storage."""

from __future__ import annotations

import argparse
import json
from typing import Any

from halo_raft.config import RaftConfig, SweepConfig, to_yaml
from halo_raft.errors import DataError
from halo_raft.pipelines.sweep.space import Space, base_config
from halo_raft.terminal import console

BASE_CONFIG = "halo_raft.base_config"
"""User attribute of a study: the config that its trials vary, so that a storage alone yields the winner's."""


def best(arguments: argparse.Namespace) -> int:
    """Print or write the configuration of the best trial, ready for `raft train --config`."""
    from halo_raft.pipelines.sweep.storage import open_study, readable
    from halo_raft.pipelines.sweep.study import best_numbers, ended_trials

    study = open_study(arguments.storage, arguments.study)
    with readable(arguments.storage):
        base, numbers, ended = study.user_attrs.get(BASE_CONFIG), best_numbers(study), ended_trials(study)
    if base is None:
        raise DataError(f"{arguments.storage}: no sweep of ours made the study {study.study_name!r}; name another")
    if arguments.trial is None and not numbers:
        raise DataError(f"{arguments.storage}: no trial of {study.study_name!r} is complete yet; let the sweep go on")
    number = numbers[0] if arguments.trial is None else arguments.trial
    trial = next((t for t in ended if t.number == number), None)
    if trial is None:
        raise DataError(f"{arguments.storage}: trial {number} of {study.study_name!r} has not ended; name another")
    config = Space(RaftConfig.model_validate(base), ()).config(trial.settings)
    found = ", ".join(f"{value:.4f}" for value in trial.values) or trial.state
    header = [f"# Trial {number} of the study {study.study_name}: {found}"]
    header += [f"#   {key}: {value}" for key, value in trial.settings.items()]
    if arguments.trial is None and len(numbers) > 1:
        header.append(f"# As good, each in its way: trials {', '.join(map(str, numbers[1:]))} (--trial N)")
    text = "\n".join(header) + "\n" + to_yaml(config)
    if arguments.output is None:
        print(text, end="")
        return 0
    try:
        arguments.output.parent.mkdir(parents=True, exist_ok=True)
        arguments.output.write_text(text, encoding="utf-8")
    except OSError as error:
        raise DataError(f"--output: {arguments.output} cannot be written ({error.strerror})") from None
    console.say(f"{arguments.output} has trial {number}. Next:")
    console.say(f"  halo-raft raft train --config {arguments.output}")
    return 0


def winner_base(config: SweepConfig) -> dict[str, Any]:
    """Return what `best` builds the winner's config from: a folder of its own, tracked as any run is."""
    output = config.output_dir.with_name(f"{config.output_dir.name}-best")
    base = base_config(config).model_copy(update={"output_dir": output})
    tree: dict[str, Any] = json.loads(base.model_dump_json())
    return tree
