"""Every file that a run leaves, damaged in every way, under every command that reads the folder.

None ends in a traceback: a command goes on, or says in one line which file it is and what to do. Sampling, judging and
training are played by stand-ins here; all that reads and writes the folder is the product's own.
"""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from halo_raft import cli, tracking
from halo_raft.config import RaftConfig, SftConfig, load, to_yaml
from halo_raft.curriculum import settings_of
from halo_raft.pipelines.raft import cycle as raft_cycle
from halo_raft.pipelines.raft.plan import prepare
from halo_raft.pipelines.sft import command as sft_command
from halo_raft.pipelines.sft.rows import load_data
from halo_raft.records import CycleStats
from halo_raft.sampling.session import Session, StageTime
from halo_raft.store import RunFolder, remove
from halo_raft.train import TRAINING_FILE

from ..made_run import TRAINING, answer, make_adapter, write_run

Damage = Callable[[Path], None]


def emptied(path: Path) -> None:
    path.write_bytes(b"")


def cut(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])


def noise(path: Path) -> None:
    path.write_bytes(bytes(range(256)) * 4 + b"\n")


def another_type(path: Path) -> None:
    path.write_text('["something", 7]\n')


def another_version(path: Path) -> None:
    """Every value of each object is of a type that the file has nowhere."""
    try:
        rows = [json.loads(line) for line in path.read_text().splitlines()]
    except ValueError:
        rows = [json.loads(path.read_text())]
    path.write_text("".join(json.dumps({key: [{"v": 9}] for key in row}) + "\n" for row in rows))


def a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def missing(path: Path) -> None:
    path.unlink()


JSON_DAMAGES: tuple[Damage, ...] = (emptied, cut, noise, another_type, another_version, a_folder, missing)
OTHER_DAMAGES: tuple[Damage, ...] = (emptied, cut, noise, a_folder, missing)

MENDS = (
    "remove ", "bring back", "choose another", "give ", "move it away", "set it back", "by hand", "let it finish",
    "name another", "run again", "must hold keys", "must be ", "check the YAML", "save it as", "fix the YAML",
)  # fmt: skip


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run in its second cycle, a fine-tuning, and a sweep of one trial."""
    place = tmp_path_factory.mktemp("whole")
    (place / "model").mkdir()
    (place / "model" / "config.json").write_text("{}")
    _raft(place / "raft")
    _sft(place / "sft")
    trial = place / "sweep" / "trial_0"
    trial.parent.mkdir()
    shutil.copytree(place / "raft", trial, symlinks=True)
    (place / "sweep" / "sweep.yaml").write_text("sweep: {trials: 2}\n")
    for name, row in (("sweep_keys.json", {"samples": "a", "verdicts": "b"}), ("sweep_reused.json", REUSED)):
        (trial / name).write_text(json.dumps({"cycle_1_train": row}))
    return place


REUSED = {
    "name": "cycle_1_train", "cycle": 1, "stage": "sample", "source": "trial_9", "samples": 1, "verdicts": 1,
    "tokens": 2, "seconds": 1.0,
}  # fmt: skip


def _raft(path: Path) -> None:
    folder = write_run(path)
    settings = [
        f"tasks.train={path.parent / 'tasks.jsonl'}", f"model.name={path.parent / 'model'}", f"output_dir={path}",
        "cycles=2", "tracking.mlflow=false", "verifier.name=mbpp",
    ]  # fmt: skip
    config = load(RaftConfig, None, settings)
    plan = prepare(config)
    run = {"fingerprint": plan.fingerprint.to_dict(), "broken_tasks": {"train": {}, "heldout": {}}}
    run |= {"tracking_run_id": "x", "task_counts": {"training": 12}, "ended": {"how": "KILLED", "why": "SIGTERM"}}
    folder.write_json("run.json", run | {"versions": {"ray": "2"}, "sandbox_tier": "A"})
    folder.write_text("config.yaml", to_yaml(config))
    shutil.copy(path / "config.yaml", path.parent / "raft.yaml")
    for number in (1, 2):
        begins = settings_of(config, number, plan.policies[number - 1].verifier)
        folder.write_json(f"cycle_{number}_plan.json", begins.to_dict())
        selected = CycleStats(cycle=number, samples=36, kept=9)
        folder.write_json(f"cycle_{number}_selected.json", selected.to_dict())
        shutil.copy(folder.verdicts_path(number), folder.verdicts_path(number, "recheck"))
        (folder.adapter_path(number) / "README.md").write_text("A card.\n")
    (path / "cycle_2_stats.json").unlink()
    tracker = tracking.create(config.tracking, path)
    tracker.start("raft", {"a": 1}, {"b": 2}, "x")
    tracker.log_metrics({"c": 3.0}, 1)
    (path / "tracking" / "unsent.jsonl").write_text('{"cycle": 0, "method": "set_tags", "arguments": [{}]}\n')
    (path / "logs").mkdir()
    (path / "logs" / "raft.log").write_text("words\n")


def _sft(path: Path) -> None:
    rows = path.parent / "rows.jsonl"
    rows.write_text("".join(json.dumps({"prompt": f"Q{n}", "completion": f"A{n}"}) + "\n" for n in range(4)))
    folder = RunFolder(path)
    path.mkdir()
    settings = [f"data.train_file={rows}", f"model.name={path.parent / 'model'}", f"training.output_dir={path}"]
    config = load(SftConfig, None, [*settings, "tracking.mlflow=false"])
    fingerprint = sft_command._fingerprint(config, load_data(config.data))
    folder.write_json("run.json", {"fingerprint": fingerprint, "tracking_run_id": "x", "ended": None})
    folder.write_text("config.yaml", to_yaml(config))
    shutil.copy(path / "config.yaml", path.parent / "sft.yaml")
    make_adapter(path / "final_model")
    (path / "final_model" / TRAINING_FILE).write_text(json.dumps(TRAINING))
    (path / "train_examples.jsonl").write_text('{"prompt_token_ids": [1], "token_ids": [2]}\n')
    folder.write_json("sft_statistics.json", TRAINING | {"rows": 4, "loss_first": 0.9, "loss_last": 0.5, "data": "d"})


@pytest.fixture
def stand_ins(monkeypatch: pytest.MonkeyPatch) -> None:
    """What computes is played; what reads and writes folders is not."""

    def train(job: Any, report: Any = None) -> SimpleNamespace:
        make_adapter(job.output_dir)
        (job.output_dir / TRAINING_FILE).write_text(json.dumps(TRAINING))
        return SimpleNamespace(seconds=1.0)

    def judge(self: Any, policy: Any, tasks: Any, answers: Any, **_: Any) -> Iterator[list[Any]]:
        verdict = answer(1, "", "t1", 0, "passed")[1]
        yield [replace(verdict, sample_id=a.sample_id, task_id=a.task_id) for a in answers]

    placement = SimpleNamespace(trainer_gpus=0)
    monkeypatch.setattr(Session, "run", lambda self, stage, begin=None: StageTime())
    monkeypatch.setattr(Session, "judge", judge)
    monkeypatch.setattr(Session, "pool", SimpleNamespace(placement=placement, aside=lambda: _Nothing()))
    monkeypatch.setattr(raft_cycle, "finetune", train)
    monkeypatch.setattr(raft_cycle, "finetune_job", lambda plan, folder, cycle, gpus: SimpleNamespace(
        output_dir=folder.adapter_path(cycle)))  # fmt: skip
    monkeypatch.setattr("halo_raft.report.figures.FIGURES", {})
    monkeypatch.setattr("halo_raft.pipelines.raft.tracked.FIGURES", {})
    monkeypatch.setattr("halo_raft.evaluate.compare_best", lambda base, measured, best: None)
    monkeypatch.setattr(
        sft_command,
        "_train",
        lambda config, data, folder, known: train(SimpleNamespace(output_dir=folder.path / "anew")),
    )


class _Nothing:
    def __enter__(self) -> None: ...
    def __exit__(self, *_: object) -> None: ...


QUICK = ("status", "clean", "sync")
"""Commands that are so quick that each is tried on every damage; others on three, of which one is not noise."""

LOOKING = (*QUICK, "report")
"""Commands that change nothing that they read."""

Commands = tuple[tuple[str, ...], ...]
ON_RAFT = ("raft", "train", "--config", "raft.yaml", "--output")
ON_SFT = ("sft", "train", "--config", "sft.yaml", "--output")
OF_RAFT: Commands = (("status",), ("clean", "--keep-best"), ("sync",), ("report",), ON_RAFT)
OF_SFT: Commands = (("status",), ("report",), ON_SFT)
OF_SWEEP: Commands = (("status",),)


def files_of(kind: str) -> list[str]:
    """Return the files that are damaged; `test_the_table_has_every_file` holds the list to what there is."""
    of_cycle = ("plan.json", "selected.json", "samples.jsonl", "verified.jsonl", "recheck_verified.jsonl",
                "kept.jsonl", "heldout_samples.jsonl", "heldout_verified.jsonl")  # fmt: skip
    adapter = ("adapter_config.json", "adapter_model.safetensors", TRAINING_FILE)
    if kind == "sft":
        return ["run.json", "config.yaml", "sft_statistics.json", "train_examples.jsonl",
                *(f"final_model/{name}" for name in adapter)]  # fmt: skip
    if kind == "sweep":
        return ["sweep.yaml", "trial_0/run.json", "trial_0/sweep_keys.json", "trial_0/sweep_reused.json"]
    return [
        "run.json", "config.yaml", "raft_statistics.json", "best", "logs/raft.log", "cycle_0_stats.json",
        "cycle_1_stats.json", "cycle_0_heldout_samples.jsonl", "cycle_0_heldout_verified.jsonl",
        *(f"cycle_1_{name}" for name in of_cycle), *(f"cycle_1_final/{name}" for name in (*adapter, "README.md")),
        "cycle_2_selected.json", "cycle_2_kept.jsonl", *(f"cycle_2_final/{name}" for name in adapter),
        "tracking/run.json", "tracking/params.json", "tracking/metrics.jsonl", "tracking/unsent.jsonl",
    ]  # fmt: skip


@pytest.mark.parametrize("kind", ["raft", "sft"])
def test_the_table_has_every_file(whole: Path, kind: str) -> None:
    there = {str(p.relative_to(whole / kind)) for p in (whole / kind).rglob("*") if p.is_file() or p.is_symlink()}
    others = {name.replace("cycle_2", "cycle_1") for name in there if not name.startswith((".lock", "report/"))}
    assert others == {name.replace("cycle_2", "cycle_1") for name in files_of(kind)}


def _case(kind: str, commands: Commands) -> Iterator[Any]:
    for name in files_of(kind):
        yield pytest.param(kind, name, commands, id=f"{kind}-{name}")


@pytest.mark.usefixtures("stand_ins")
@pytest.mark.parametrize(
    ("kind", "name", "commands"), [*_case("raft", OF_RAFT), *_case("sft", OF_SFT), *_case("sweep", OF_SWEEP)]
)
def test_a_damaged_file_is_one_line_or_no_matter(
    whole: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    kind: str,
    name: str,
    commands: Commands,
) -> None:
    monkeypatch.chdir(whole)
    failed: list[str] = []
    said: dict[str, set[str]] = {}
    damages = JSON_DAMAGES if name.endswith((".json", ".jsonl")) else OTHER_DAMAGES
    for command in commands:
        for damage in damages if command[0] in QUICK else (noise, damages[-3], a_folder):
            problem = _run(whole / kind, name, damage, command, capsys)
            if isinstance(problem, str):
                failed.append(f"{damage.__name__}, {' '.join(command)}: {problem}")
            else:
                said.setdefault(command[0], set()).add(f"{damage.__name__} {problem}")
    assert not failed, "\n".join(failed)
    for command in READS.get(f"{kind}/{name}", ()):
        assert "noise 3" in said[command], f"{command} does not see that {name} is damaged: {said[command]}"


READS = {
    "raft/run.json": ("status", "clean", "sync", "report", "raft"),
    "raft/config.yaml": ("status", "sync", "report"),
    "raft/cycle_1_stats.json": ("status", "report", "raft"),
    "raft/cycle_1_plan.json": ("raft",),
    "raft/cycle_2_selected.json": ("raft",),
    "raft/cycle_1_samples.jsonl": ("report",),
    "raft/cycle_1_verified.jsonl": ("report",),
    "raft/cycle_1_kept.jsonl": ("report",),
    "raft/cycle_1_heldout_samples.jsonl": ("report",),
    "raft/cycle_1_final/training.json": ("report",),
    "raft/cycle_2_final/training.json": ("raft",),
    "sft/run.json": ("status", "report", "sft"),
    "sft/config.yaml": ("report",),
    "sft/sft_statistics.json": ("status", "report", "sft"),
    "sweep/sweep.yaml": ("status",),
    "sweep/trial_0/run.json": ("status",),
}
"""Which commands have to refuse a file of noise: those for whom nothing else stands there."""


def _run(
    folder: Path, name: str, damage: Damage, command: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> str | int:
    """Damage a file and run a command; return its exit code, or what is wrong with how it ended."""
    if (folder / name).is_symlink() and damage not in (a_folder, missing):
        return 0
    with _put_back(folder, name, all_of_it=command[0] not in LOOKING):
        damage(folder / name)
        capsys.readouterr()
        try:
            code = cli.main([*command, str(folder)])
        except Exception as error:
            return f"traceback: {type(error).__name__}: {error}"
    error = capsys.readouterr().err.strip().splitlines()
    if code == 0 or code == WITHOUT_DAMAGE.get(command[0]):
        return code
    if code not in (1, 3) or len(error) != 1 or not error[0].startswith("error: "):
        return f"exit {code}: {error}"
    named = [Path(name).name, Path(name).parent.name or Path(name).name]
    if not any(word in error[0] for word in named) or not any(mend in error[0] for mend in MENDS):
        return f"names no file or no mend: {error[0]}"
    return code


WITHOUT_DAMAGE = {"clean": 2, "sync": 1, "raft": 5}
"""How commands may end here, too: nobody can be asked, MLflow is off, and what is trained again learns little."""


@contextlib.contextmanager
def _put_back(folder: Path, name: str, *, all_of_it: bool) -> Iterator[None]:
    """Put back what the block damages: a file alone, or the whole folder."""
    kept, inside = folder.with_name("kept"), "" if all_of_it else name
    (shutil.copytree if all_of_it else shutil.copy2)(folder / inside, kept, **_LINKS[all_of_it])  # type: ignore[operator]
    try:
        yield
    finally:
        if (folder / inside).exists() or (folder / inside).is_symlink():
            remove(folder / inside)
        kept.rename(folder / inside)


_LINKS = {True: {"symlinks": True}, False: {"follow_symlinks": False}}
