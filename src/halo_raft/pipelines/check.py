"""Is this configuration right, is this installation whole: `config`, `info` and `test`."""

from __future__ import annotations

import argparse
import platform
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from halo_raft import __version__, devices, engines, models, sandbox, tasks, verifiers
from halo_raft.config import RaftConfig, SweepConfig, load, load_file, to_yaml
from halo_raft.errors import HaloRaftError
from halo_raft.terminal import console
from halo_raft.tracking.versions import PACKAGES, versions


def add_commands(commands: Any, config_group: Any) -> None:
    """Add `test` and `info` to the commands, and `validate` and `show` to those of `config`."""
    for name, run, text in (
        ("validate", validate_config, "say whether a configuration is right"),
        ("show", show_config, "print a configuration with all defaults"),
    ):
        command = config_group.add_parser(name, help=text)
        command.add_argument("file", type=Path)
        command.add_argument("overrides", nargs="*", metavar="key=value")
        command.set_defaults(run=run)
    test_command = commands.add_parser("test", help="check this installation")
    test_command.add_argument("--level", choices=("smoke", "standard", "full"), default="smoke")
    test_command.add_argument("--model", default="builtin:smollm2-135m")
    test_command.set_defaults(run=test)
    info_command = commands.add_parser("info", help="print versions, devices, sandbox tier and plugins")
    info_command.add_argument(
        "--check", action="store_true", help="also try every promise of the sandbox (some seconds)"
    )
    info_command.set_defaults(run=info)


def validate_config(arguments: argparse.Namespace) -> int:
    """Load a configuration; for RAFT and sweeps also look whether a run of it could start."""
    config = load_file(arguments.file, arguments.overrides)
    kind = "SFT"
    if isinstance(config, RaftConfig):
        from halo_raft.pipelines.raft.describe import describe
        from halo_raft.pipelines.sweep.objective import check_objective
        from halo_raft.pipelines.sweep.space import read_space

        kind = "RAFT"
        if isinstance(config, SweepConfig):
            aims = ", ".join(check_objective(config))
            kind = f"sweep ({config.sweep.trials} trials of a RAFT run, for {aims})"
            config = read_space(config).base
        list(describe(config))
    console.say(f"{arguments.file}: a valid {kind} configuration")
    return 0


def show_config(arguments: argparse.Namespace) -> int:
    """Print a configuration with every default filled in."""
    console.say(to_yaml(load_file(arguments.file, arguments.overrides)))
    return 0


def info(arguments: argparse.Namespace) -> int:
    """Print what is installed and what this machine offers."""
    tier = sandbox.probe()
    packages, gpus = versions(), devices.local_gpus()
    console.pairs(
        [
            ("halo-raft", __version__),
            ("python", f"{platform.python_version()} on {platform.platform()}"),
            ("packages", ", ".join(f"{name} {packages[name]}" for name in PACKAGES if name in packages)),
            ("devices", ", ".join(map(str, gpus)) or "no GPU"),
            *(("missing", line) for line in devices.missing(gpus)),
            ("sandbox", f"tier {tier.name}: {tier.reason}"),
            ("engines", ", ".join(engines.REGISTRY.names())),
            ("task sources", ", ".join(tasks.REGISTRY.names())),
            ("verifiers", ", ".join(verifiers.REGISTRY.names())),
            ("model cache", str(models.cache_dir())),
        ]
    )
    return _sandbox_holds(tier.name) if arguments.check else 0


def _sandbox_holds(tier: str) -> int:
    """Try every promise of the sandbox's tier and print what came of it; 1 where one was not kept."""
    console.heading(f"Sandbox, tier {tier}")
    results = []
    for result in sandbox.self_check.long(tier):
        results.append(result.held)
        console.say(f"  [{'OK' if result.held else 'FAIL'}] {result.name}: {result.said}")
    console.say(f"\nSandbox: {sum(results)}/{len(results)} held")
    return 0 if all(results) else 1


def test(arguments: argparse.Namespace) -> int:
    """Check the installation: imports and sandbox; from `standard` on the model; at `full` one training step."""
    console.heading(f"halo-raft {arguments.level.capitalize()} Test\nModel: {arguments.model}")
    results = []
    for name, step in _steps(arguments.level, arguments.model):
        started = time.monotonic()
        try:
            step()
        except (HaloRaftError, AssertionError, ImportError, OSError, RuntimeError) as error:
            results.append(False)
            console.say(f"  [FAIL] {name}: {error}")
        else:
            results.append(True)
            console.say(f"  [OK] {name} ({time.monotonic() - started:.1f}s)")
    console.say(f"\nTest Results: {sum(results)}/{len(results)} passed")
    return 0 if all(results) else 1


def _steps(level: str, model: str) -> Iterator[tuple[str, Callable[[], None]]]:
    """Yield the name of each check and what it does."""
    yield "Import modules", _imports
    yield "Compiler available", _compiler
    yield "Code verification", _verification
    if level == "smoke":
        return
    yield "Model available", lambda: _model(model)
    with tempfile.TemporaryDirectory(prefix="halo-raft-test-") as folder:
        if level == "standard":
            yield "Code generation and verification", lambda: _generation(model, Path(folder))
        else:
            yield "One cycle: generate, verify, select, train", lambda: _one_cycle(model, Path(folder))


def _imports() -> None:
    import ray  # noqa: F401
    import torch  # noqa: F401
    import transformers  # noqa: F401


def _compiler() -> None:
    assert shutil.which("gcc"), "gcc is not installed (only the compile verifiers need it)"


def _verification() -> None:
    task = tasks.load("starter").tasks[0]
    verifier = verifiers.create("mbpp", verifiers.VerifierOptions())
    assert verifier.judge("right", task.solution or "", task).success, "a right answer was not passed"
    assert not verifier.judge("wrong", f"def {task.entry_point}(*args): return None", task).success, "a stub was passed"


def _model(model: str) -> None:
    models.resolve(model)


def _generation(model: str, folder: Path) -> None:
    """Measure a few held-out tasks, which generates and judges but does not train."""
    from halo_raft.pipelines.raft.cycle import RaftRun
    from halo_raft.pipelines.raft.plan import prepare

    few = ["tasks.heldout=starter:heldout", "tasks.heldout_limit=4", "heldout.samples=0"]
    with RaftRun(prepare(_smallest_config(model, folder, few))) as run:
        stats = run.measure_base()
    assert stats.heldout["greedy"]["tasks"] == 4, "not every sample was judged"


def _one_cycle(model: str, folder: Path) -> None:
    """Run one cycle on a few tasks."""
    from halo_raft.pipelines.raft import train

    train(_smallest_config(model, folder, ["selection.reward_threshold=0", "training.num_train_epochs=1"]))


def _smallest_config(model: str, folder: Path, overrides: list[str]) -> RaftConfig:
    smallest = [
        f"model.name={model}",
        "tasks.limit=8",
        "cycles=1",
        "sampling.samples_per_prompt=2",
        "sampling.max_new_tokens=96",
        "tracking.mlflow=false",
        f"output_dir={folder}",
    ]
    return load(RaftConfig, None, [*smallest, *overrides])
