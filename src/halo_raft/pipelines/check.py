"""Is this configuration right, is this installation whole: `config`, `info` and `test`."""

from __future__ import annotations

import argparse
import platform
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from halo_raft import __version__, devices, engines, models, sandbox, tasks, verifiers
from halo_raft.cluster.jobs import found, lasting, lasting_root
from halo_raft.config import RaftConfig, SweepConfig, load, load_file, to_yaml
from halo_raft.config.reference import page
from halo_raft.errors import HaloRaftError
from halo_raft.pipelines.checkpoint import on_checkpoint_base
from halo_raft.terminal import console
from halo_raft.tracking.versions import PACKAGES, versions

if TYPE_CHECKING:
    from halo_raft.pipelines.raft.cycle import RaftRun

WIDTH = 60
HELD_OUT = 4
NEXT = {
    "smoke": "halo-raft test --level standard",
    "standard": "halo-raft raft train --config configs/quickstart.yaml",
    "full": "halo-raft raft train --config configs/quickstart.yaml",
}
"""Level that was passed -> what to do then."""


_MADE = ("output_dir", "training.output_dir", "tracking.dir")
_READ = ("tasks.train", "tasks.heldout", "tasks.tests", "data.train_file")
"""Settings whose paths a run makes, and those that name a file where they name nothing else."""


def add_commands(commands: Any, config_group: Any) -> None:
    """Add `test` and `info` to the commands, and `validate`, `show` and `reference` to those of `config`."""
    for name, run, text in (
        ("validate", validate_config, "say whether a configuration is right"),
        ("show", show_config, "print a configuration with all defaults"),
    ):
        command = config_group.add_parser(name, help=text)
        command.add_argument("file", type=Path, metavar="FILE", help="YAML file of raft, sft, a benchmark or a sweep")
        command.add_argument("overrides", nargs="*", metavar="key=value", help="settings in place of the file's")
        command.set_defaults(run=run)
    reference_command = config_group.add_parser("reference", help="print every setting: default, bounds, meaning, flag")
    reference_command.set_defaults(run=reference)
    test_command = commands.add_parser("test", help="check this installation")
    levels = "smoke (default): seconds, no model; standard: the model generates; full: and is trained"
    test_command.add_argument("--level", choices=tuple(NEXT), default="smoke", help=levels)
    test_command.add_argument("--model", default="builtin:smollm2-135m", help="embedded, local or hub model")
    test_command.set_defaults(run=test)
    info_command = commands.add_parser("info", help="print versions, devices, sandbox tier and plugins")
    info_command.add_argument(
        "--check", action="store_true", help="also try every promise of the sandbox (some seconds)"
    )
    info_command.set_defaults(run=info)


def validate_config(arguments: argparse.Namespace) -> int:
    """Load a configuration and say where its paths lead; for RAFT and sweeps also look whether a run could start."""
    config = load_file(arguments.file, arguments.overrides)
    console.say(f"Relative paths are taken from {lasting_root()}, where the command runs, wherever its file lies")
    if missing := list(_missing_paths(config)):
        console.say("Not there:")
        console.pairs(missing)
    kind = "RAFT" if isinstance(config, RaftConfig) else "SFT"
    if isinstance(config, RaftConfig):
        from halo_raft.pipelines.raft.describe import describe
        from halo_raft.pipelines.sweep.objective import check_objective
        from halo_raft.pipelines.sweep.space import read_space

        if isinstance(config, SweepConfig):
            aims = ", ".join(check_objective(config))
            kind = f"sweep ({config.sweep.trials} trials of a RAFT run, for {aims})"
            config = read_space(config).base
        list(describe(on_checkpoint_base(config)))
    else:
        on_checkpoint_base(config)
    console.say(f"{arguments.file}: a valid {kind} configuration")
    return 0


def _missing_paths(section: BaseModel, above: str = "") -> Iterator[tuple[str, str]]:
    """Yield each setting whose path is not there, and the whole path."""
    for name, value in section:
        key = f"{above}{name}"
        if isinstance(value, BaseModel):
            yield from _missing_paths(value, f"{key}.")
        elif key in _MADE:
            if not lasting(value).exists():
                yield key, f"{lasting(value).absolute()} (made by the run)"
        elif value and (isinstance(value, Path) or key in _READ) and not (_is_name(value) or found(value).exists()):
            yield key, f"{found(value).absolute()}"


def _is_name(value: Path | str) -> bool:
    """Tell a task source, and a model that MLflow has, from a path."""
    return str(value).partition(":")[0] in (*tasks.sources(), "models")


def show_config(arguments: argparse.Namespace) -> int:
    """Print a configuration with every default filled in."""
    console.say(to_yaml(load_file(arguments.file, arguments.overrides)))
    return 0


def reference(arguments: argparse.Namespace) -> int:
    """Print every setting that there is, as `docs/configuration.md` has it."""
    console.say(page().rstrip())
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
            ("task sources", ", ".join(tasks.sources())),
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
    """Check the installation by the guide's list: imports and sandbox; then the model; at `full` a training step."""
    console.say("=" * WIDTH)
    console.say(f"halo-raft {arguments.level.capitalize()} Test\nModel: {arguments.model}")
    console.say("=" * WIDTH + "\n")
    results = []
    with ExitStack() as stack:
        for name, step in _steps(arguments.level, _Trial(arguments.model, stack)):
            started = time.monotonic()
            try:
                with console.in_place_of_lines(name):
                    remark = step()
            except (HaloRaftError, AssertionError, ImportError, OSError, RuntimeError) as error:
                results.append(False)
                console.say(f"  [FAIL] {name}: {error}")
            else:
                results.append(True)
                console.say(f"  [OK] {name} ({time.monotonic() - started:.1f}s)" + (f": {remark}" if remark else ""))
    console.say("\n" + "=" * WIDTH)
    console.say(f"Test Results: {sum(results)}/{len(results)} passed")
    console.say("=" * WIDTH)
    console.say(f"Next: {NEXT[arguments.level] if all(results) else 'halo-raft info'}")
    return 0 if all(results) else 1


def _steps(level: str, trial: _Trial) -> Iterator[tuple[str, Callable[[], str | None]]]:
    """Yield the name of each check and what it does, which returns a remark."""
    yield "Import modules", _imports
    yield "Compiler available", _compiler
    if level != "smoke":
        yield "GPU available", _gpu
        yield "Model loading", trial.load
        yield "Code generation", trial.generate
    yield "Code verification", _verification
    if level == "full":
        yield "Training step", trial.train


class _Trial:
    """A run of very few samples in a folder that goes with `stack`, step by step.

    Args:
        model: Its model.
        stack: Ends it.
    """

    def __init__(self, model: str, stack: ExitStack) -> None:
        self._model, self._stack = model, stack
        self._run: RaftRun | None = None

    def load(self) -> None:
        """Start Ray and an engine with the model."""
        from halo_raft.pipelines.raft.cycle import RaftRun
        from halo_raft.pipelines.raft.plan import prepare

        models.check_reachable(self._model)
        folder = self._stack.enter_context(tempfile.TemporaryDirectory(prefix="halo-raft-test-"))
        run = self._stack.enter_context(RaftRun(prepare(_smallest_config(self._model, Path(folder)))))
        run.session.pool.use(None)
        self._run = run

    def generate(self) -> None:
        """Measure a few held-out tasks, which generates and judges but does not train."""
        assert self._run, "the model is not loaded"
        stats = self._run.measure_base()
        assert stats.heldout["greedy"]["tasks"] == HELD_OUT, "not every sample was judged"

    def train(self) -> None:
        """Run one cycle on a few tasks: generate, verify, select, train."""
        assert self._run, "the model is not loaded"
        self._run.run_cycle(1)


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


def _gpu() -> str | None:
    """Look for a GPU; everything runs without one, too."""
    gpus = devices.local_gpus()
    if missing := "; ".join(devices.missing(gpus)):
        raise OSError(missing)
    return ", ".join(map(str, gpus)) or "none here, everything is computed on the CPU"


def _smallest_config(model: str, folder: Path) -> RaftConfig:
    smallest = [
        f"model.name={model}",
        *("tasks.limit=8", "tasks.heldout=starter:heldout", f"tasks.heldout_limit={HELD_OUT}", "heldout.samples=0"),
        *("cycles=1", "sampling.samples_per_prompt=2", "sampling.max_new_tokens=96"),
        *("selection.reward_threshold=0", "training.num_train_epochs=1", "tracking.mlflow=false"),
        f"output_dir={folder}",
    ]
    return load(RaftConfig, None, smallest)
