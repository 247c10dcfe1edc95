"""The command line as a user meets it: what it prints, one line for each mistake, the exit codes."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from halo_raft import cli
from halo_raft.pipelines import check, raft, sft, sweep
from halo_raft.terminal import console

REPO = Path(__file__).resolve().parents[2]


@pytest.fixture
def folder(tmp_path, monkeypatch, default_model):
    """A working directory with a good tasks file and bad ones; starting Ray here is a failure.

    The default model is converted already, which it says on standard error.
    """
    monkeypatch.chdir(tmp_path)
    (tmp_path / "good.jsonl").write_text('{"prompt": "Add two.", "test_list": ["assert add(1, 2) == 3"]}\n')
    (tmp_path / "same.jsonl").write_text('{"prompt": "add  TWO.", "test_list": ["assert add(0, 2) == 2"]}\n')
    (tmp_path / "empty.jsonl").write_text("")
    (tmp_path / "broken.jsonl").write_text('{"prompt": "a"}\n{"prompt": \n')
    (tmp_path / "promptless.jsonl").write_text('{"task_id": 1}\n')
    (tmp_path / "testless.jsonl").write_text('\n{"task_id": "t2", "prompt": "Add two."}\n')
    (tmp_path / "long.jsonl").write_text(
        '{"prompt": "Add.", "test_list": ["assert add(1, 2) == 3"]}\n'
        '{"task_id": "epic", "prompt": "' + "word " * 2100 + '", "test_list": ["assert add(1, 2) == 3"]}\n'
    )
    (tmp_path / "unknown.yaml").write_text("seed: 1\nlerning_rate: 1\n")
    (tmp_path / "modelless").mkdir()
    (tmp_path / "hollow").mkdir()
    (tmp_path / "hollow" / "config.json").write_text('{"model_type": "llama"}')

    def never(*args, **kwargs):
        raise AssertionError("something expensive was started")

    monkeypatch.setattr("halo_raft.cluster.connection.ray_session", never)
    monkeypatch.setattr("halo_raft.sampling.session.ray_session", never)
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "code", "expected"),
    [
        (["--config", "none.yaml"], 3, "none.yaml: cannot be read"),
        (["--config", "unknown.yaml"], 3, "unknown.yaml:2: unknown key lerning_rate; did you mean learning_rate?"),
        (["--prompts", "none.jsonl"], 3, "none.jsonl is no file and no task source"),
        (["--prompts", "empty.jsonl"], 3, "empty.jsonl: holds no tasks"),
        (["--prompts", "broken.jsonl"], 3, "broken.jsonl:2: is not JSON"),
        (["--prompts", "promptless.jsonl"], 3, "promptless.jsonl:1: has no prompt"),
        (["--prompts", "testless.jsonl"], 3, "testless.jsonl:2: task t2 has no tests, which the verifier python"),
        (["--prompts", "testless.jsonl", "tasks.tests=good.jsonl"], 3, "testless.jsonl:2: task t2 has no tests, and"),
        (["--prompts", "long.jsonl"], 3, "long.jsonl: the prompt of task epic has 21"),
        (["--prompts", "good.jsonl", "--heldout", "long.jsonl"], 3, "do not fit in engine.max_model_len 2048; raise"),
        (["--verifier", "gccc"], 3, "unknown verifier 'gccc'; there are: "),
        (["--verifier", "no_such_module:V"], 3, "cannot be imported"),
        (["--keep-percent", "1.5"], 2, "--keep-percent: selection.keep_top_percent: must be at most 1"),
        (["--cycles", "-1"], 2, "--cycles: cycles: must be at least 1"),
        (["--model", "./nowhere"], 3, "./nowhere is no folder"),
        (["--model", "modelless"], 3, "modelless has no config.json"),
        (["--prompts", "good.jsonl", "--model", "hollow"], 3, "the tokenizer of hollow cannot be loaded ("),
        (["--prompts", "good.jsonl", "--model", "no/such"], 3, "model.name: no/such is not in the cache of the hub"),
        (["--model", "builtin:gpt-9"], 3, "no embedded model 'builtin:gpt-9'"),
        (["--checkpoint", "modelless"], 3, "holds no adapter_config.json"),
        (["--checkpoint", "models/gone"], 3, "models/gone is not there, no folder /"),
        (["--engine", "vlm"], 3, "unknown engine 'vlm'; there are: transformers, vllm"),
        (["--output", "good.jsonl/run"], 3, "output_dir: good.jsonl/run cannot be written"),
        (["--prompts", "good.jsonl", "--heldout", "same.jsonl"], 3, "held-out tasks are also in good.jsonl"),
        (["resources.require_gpu=true"], 4, "no GPU that may be used"),
        (["nonsense"], 2, "write key=value"),
    ],
)
def test_a_mistake_is_one_line_and_an_exit_code_before_anything_starts(folder, capsys, arguments, code, expected):
    if code == 4 and _has_gpu():
        pytest.skip("this machine has a GPU")
    assert raft.main([*arguments, "tracking.mlflow=false"]) == code
    output = capsys.readouterr()
    (line,) = output.err.strip().splitlines()
    assert line.startswith("error: ")
    assert expected in line


def test_an_unknown_flag_is_a_usage_error(folder, capsys):
    with pytest.raises(SystemExit) as caught:
        raft.main(["--no-such-flag"])
    assert caught.value.code == 2


def test_settings_may_stand_anywhere_among_the_flags(folder, capsys):
    command = [
        "temperature=0.1",
        "--prompts",
        "good.jsonl",
        "sampling.top_k=3",
        "tasks.heldout_share=0",
        "--dry-run",
        "seed=7",
    ]
    assert raft.main(command) == cli.main(["raft", "train", *command]) == 0
    first, second = capsys.readouterr().out.split("# Resolved configuration")[1:]
    assert first == second
    assert "top_k: 3" in first
    assert "seed: 7" in first


def _has_gpu() -> bool:
    from halo_raft.devices import local_gpus

    return bool(local_gpus())


def test_dry_run_prints_config_and_plan_and_leaves_nothing(folder, capsys):
    arguments = ["--prompts", "good.jsonl", "--cycles", "3", "--dry-run", "temperature=0.25", "--output", "out"]
    assert raft.main(arguments) == 0
    printed = capsys.readouterr().out
    assert "temperature: 0.25" in printed
    assert "1 prompts × 8 samples = 8 samples" in printed
    assert "sandbox" in printed
    assert not (folder / "out").exists()
    assert not (folder / "mlruns").exists()


@pytest.mark.parametrize("name", [p.name for p in sorted((REPO / "configs").glob("*.yaml"))])
def test_every_shipped_config_has_a_dry_run_with_nothing_downloaded(name, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(REPO)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    rows = tmp_path / "train.jsonl"  # the users' own; sft.yaml names where they would put it
    rows.write_text("".join(f'{{"prompt": "question {n}", "completion": "answer {n}"}}\n' for n in range(40)))
    own = [f"data.train_file={rows}"] if "sft" in name else []
    pipeline = sft if "sft" in name else sweep if "sweep" in name else raft
    assert pipeline.main(["--config", f"configs/{name}", "--dry-run", *own]) == 0
    assert "# Plan" in capsys.readouterr().out


def test_dry_run_plans_the_memory_of_a_card(monkeypatch, capsys):
    monkeypatch.chdir(REPO)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    command = ["--config", "configs/raft.yaml", "--dry-run"]
    assert raft.main([*command, "--gpu-memory", "24"]) == 0
    printed = capsys.readouterr().out
    assert "21.6 of 24 GiB: weights 14.2" in printed
    assert "14.2 GiB pinned" in printed
    assert raft.main([*command, "--gpu-memory", "16"]) == 3
    assert "no KV cache" in capsys.readouterr().err


@pytest.mark.parametrize("words", [["--dry-run", "--gpu-memory", "-3"], ["--gpu-memory", "nan", "--dry-run"]])
def test_a_card_has_some_memory(words, capsys):
    assert raft.main(["--config", str(REPO / "configs" / "raft.yaml"), *words]) == 2
    assert (
        f"--gpu-memory {words[words.index('--gpu-memory') + 1]}: the memory of a card in GiB" in capsys.readouterr().err
    )


def test_a_run_takes_the_card_that_is_here(capsys):
    assert raft.main(["--config", str(REPO / "configs" / "raft.yaml"), "--gpu-memory", "24"]) == 2
    assert "only with --dry-run" in capsys.readouterr().err


def test_help_loads_nothing_heavy():
    program = (
        "import sys\nfrom halo_raft.cli import build_parser\nbuild_parser().format_help()\n"
        "heavy = {'torch', 'ray', 'vllm', 'mlflow', 'transformers', 'peft', 'datasets', 'optuna'} & set(sys.modules)\n"
        "sys.exit(f'imported: {heavy}' if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_config_show_prints_what_config_validate_accepts(folder, capsys):
    (folder / "mine.yaml").write_text("prompts: good.jsonl\ncycles: 2\n")
    assert cli.main(["config", "show", "mine.yaml"]) == 0
    (folder / "shown.yaml").write_text(capsys.readouterr().out)
    assert cli.main(["config", "validate", "shown.yaml"]) == 0
    assert "a valid RAFT configuration" in capsys.readouterr().out


@pytest.mark.parametrize("command", [["raft", "train"], ["benchmark", "run"]])
def test_a_prompt_that_is_too_long_is_found_by_dry_run_too(folder, monkeypatch, capsys, command):
    assert cli.main([*command, "--prompts", "long.jsonl", "--dry-run"]) == 3
    assert "the prompt of task epic has 21" in capsys.readouterr().err
    monkeypatch.setattr("huggingface_hub.hf_hub_download", lambda *a, **k: pytest.fail("asked the hub"))
    assert cli.main([*command, "--prompts", "long.jsonl", "--model", "nobody/no-such", "--dry-run"]) == 0
    assert "whether it fits in 2048 tokens is known when nobody/no-such is here" in capsys.readouterr().out


def test_config_validate_says_of_which_command_a_file_is(folder, capsys):
    space = "sweep:\n  trials: 3\n  space: {training.learning_rate: {low: 1e-5, high: 1e-3, log: true}}\n"
    (folder / "study.yaml").write_text(f"tasks: {{train: good.jsonl, heldout: starter:heldout}}\n{space}")
    (folder / "rows.yaml").write_text("data: {train_file: rows.jsonl}\n")
    assert cli.main(["config", "validate", "study.yaml"]) == cli.main(["config", "validate", "rows.yaml"]) == 0
    printed = capsys.readouterr().out
    study, rows = (line for line in printed.splitlines() if "a valid" in line)
    assert f"  data.train_file      {folder}/rows.jsonl\n" in printed
    assert "a valid sweep (3 trials of a RAFT run, for " in study and "a valid SFT configuration" in rows
    (folder / "study.yaml").write_text(f"prompts: none.jsonl\n{space}")
    assert cli.main(["config", "validate", "study.yaml"]) == 3, "no trial could start"


def test_config_validate_says_where_each_path_leads_that_is_not_there(folder, capsys):
    (folder / "sub").mkdir()
    (folder / "sub" / "mine.yaml").write_text("prompts: good.jsonl\noutput_dir: made\ntracking: {dir: sub}\n")
    assert cli.main(["config", "validate", "sub/mine.yaml"]) == 0
    where, not_there, output, *_, valid = capsys.readouterr().out.splitlines()
    assert f"Relative paths are taken from {folder}, where the command runs" in where
    assert (not_there, output.split()) == ("Not there:", ["output_dir", f"{folder}/made", "(made", "by", "the", "run)"])
    assert valid == "sub/mine.yaml: a valid RAFT configuration"

    (folder / "sub" / "mine.yaml").write_text("tasks: {train: sub/none.jsonl, heldout: starter:heldout}\n")
    assert cli.main(["config", "validate", "sub/mine.yaml"]) == 3
    said = capsys.readouterr()
    assert f"  tasks.train   {folder}/sub/none.jsonl\n" in said.out and "tasks.heldout" not in said.out
    assert f"sub/none.jsonl is no file and no task source (looked for {folder}/sub/none.jsonl)" in said.err

    (folder / "sub" / "mine.yaml").write_text("prompts: good.jsonl\nmodel: {checkpoint: models/gone}\n")
    assert cli.main(["config", "validate", "sub/mine.yaml"]) == 3, "a run could not start"
    assert f"  model.checkpoint  {folder}/models/gone\n" in capsys.readouterr().out


def test_data_commands(folder, capsys):
    assert cli.main(["data", "prepare", "--list"]) == 0
    assert "humaneval" in capsys.readouterr().out
    assert cli.main(["data", "prepare", "--dataset", "humaneval", "--limit", "4", "--output", "sub/h.jsonl"]) == 0
    assert cli.main(["data", "validate", "sub/h.jsonl", "--preview"]) == 0
    printed = capsys.readouterr().out
    assert "4 tasks, 4 with tests" in printed
    assert "Complete this Python function" in printed
    assert cli.main(["data", "prepare"]) == 2
    assert cli.main(["data", "validate", "broken.jsonl"]) == 3


def test_info_names_tier_devices_and_plugins(capsys):
    assert cli.main(["info"]) == 0
    printed = capsys.readouterr().out
    for topic in ("sandbox", "tier", "verifiers", "mbpp", "vllm", "devices", "livecodebench"):
        assert topic in printed


def test_the_smoke_test_passes_here(capsys):
    assert cli.main(["test", "--level", "smoke"]) == 0
    assert "3/3 passed" in capsys.readouterr().out


GUIDE_CHECKS = [
    *("Import modules", "Compiler available", "GPU available"),
    *("Model loading", "Code generation", "Code verification"),
]


@pytest.mark.parametrize(("level", "checks"), [("standard", GUIDE_CHECKS), ("full", [*GUIDE_CHECKS, "Training step"])])
def test_the_levels_print_the_guides_checks_and_a_next_step_that_exists(level, checks, folder, monkeypatch, capsys):
    for step in ("load", "generate", "train"):
        monkeypatch.setattr(check._Trial, step, lambda self: console.say("what the trial says is not shown"))
    assert cli.main(["test", "--level", level]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [re.match(r"  \[OK\] (.*?) \(", line)[1] for line in lines if "[" in line] == checks
    assert f"Test Results: {len(checks)}/{len(checks)} passed" in lines
    assert not any("what the trial says" in line for line in lines)
    program, *command = lines[-1].removeprefix("Next: ").split()
    assert (program, cli.main([*command, "--dry-run"])) == ("halo-raft", 0)


def test_a_model_that_does_not_load_fails_what_needs_it(folder, capsys):
    assert cli.main(["test", "--level", "standard", "--model", "modelless"]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert any(line.startswith("  [FAIL] Model loading: model.name: modelless has no config.json") for line in lines)
    assert "  [FAIL] Code generation: the model is not loaded" in lines
    assert lines[-1] == "Next: halo-raft info"
