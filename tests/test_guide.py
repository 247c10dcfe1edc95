"""Every command and snippet of the training guide, with its program's name changed, in the guide's order.

Fast ones run, or are looked over by `--dry-run`; `docs/guide.md` has a row for each.
"""

from __future__ import annotations

import json
import shlex
import shutil
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest
import yaml

from halo_raft import cli, verifiers
from halo_raft.config import RaftConfig

from . import guide_yaml
from .made_run import make_adapter

DOCS = Path(__file__).parents[1] / "docs" / "guide.md"

ROW = {"task_id": 601, "text": "Write a function that adds one.", "code": "def add(x):\n    return x + 1",
       "test_list": ["assert add(1) == 2", "assert add(4) == 5"], "test_setup_code": ""}  # fmt: skip

RUN = (
    "test --level smoke",
    "data prepare --list",
    "data generate --list",
    "data prepare --dataset humaneval --quick",
    "data prompts data/train.jsonl data/prompts.jsonl",
    "data prepare --dataset mbpp --source data/copy.jsonl --output data/mbpp.jsonl",
)
MISSING = (
    ("data prepare --dataset codeforces_cpp --output data/codeforces.jsonl", "go online, or give a copy"),
    ("data prepare --dataset mbpp --output data/mbpp.jsonl", "go online, or give a copy"),
    ("data generate --topic python_algorithms --backend deepseek --output data/generated.jsonl", "DEEPSEEK_API_KEY"),
    ("data generate --topic rust_basics --backend ollama --model codellama:13b --output data/rust.jsonl",
     "no server answers at"),
)  # fmt: skip
ON_VALIDATION = "--prompts data/rlvr/mbpp_validation.jsonl"
BY_TRAINING_PROMPTS = "--prompts data/rlvr/mbpp_train_prompts.jsonl --verifier mbpp"
LOOKED_OVER = (
    f"raft train --model Qwen/Qwen2.5-Coder-0.5B {BY_TRAINING_PROMPTS} --cycles 2 --output models/quick_test",
    "sft train --data data/train.jsonl --output models/sft --epochs 3",
    "sft train --config configs/sft.yaml",
    f"raft train --model Qwen/Qwen2.5-Coder-7B {BY_TRAINING_PROMPTS} --cycles 5 --output models/raft",
    "raft train --checkpoint models/sft/final_model --prompts data/prompts.jsonl --verifier gcc --cycles 5 "
    "--output models/raft",
    f"benchmark run --model models/raft/cycle_5_final {ON_VALIDATION} --verifier mbpp --samples 10 --k 1,5,10 "
    "--output results/benchmark.json",
    f"benchmark run --model Qwen/Qwen2.5-Coder-7B {ON_VALIDATION} --output results/baseline.json",
    f"benchmark run --model models/raft/cycle_5_final {ON_VALIDATION} --output results/raft.json",
    f"benchmark full --model Qwen/Qwen2.5-Coder-7B {BY_TRAINING_PROMPTS} --cycles 5 --output results/full_benchmark",
    "raft train --keep-percent 0.5 --reward-threshold 0.5",
    "raft train --keep-percent 0.2 --reward-threshold 0.5",
    "raft train --keep-percent 1.0 --reward-threshold 0.3",
    "raft train --config configs/curriculum.yaml",
    "raft train --config configs/memory.yaml",
    "raft train --cycles 5 --output models/raft",
)

YAML = {"sft": guide_yaml.SFT, "curriculum": guide_yaml.CURRICULUM, "memory": guide_yaml.MEMORY}

PROMPTS = r"""
cat data/train.jsonl | python3 -c "
import json, sys
for line in sys.stdin:
    d = json.loads(line)
    prompt = d.get('prompt', d.get('text', ''))[:500]
    if prompt:
        print(json.dumps({'prompt': prompt}))
" > data/prompts.jsonl
"""
COMPARED = r"""
python3 -c "
import json
for name in ['baseline', 'raft']:
    with open(f'results/{name}.json') as f:
        data = json.load(f)
        print(f'{name}: pass@1={data[\"pass_at_k\"][\"1\"]:.1%}')
"
"""
VERIFIER = """
from halo_raft.verifiers import Verifier, VerifyResult

class MyVerifier(Verifier):
    def verify(self, code: str) -> VerifyResult:
        # Your verification logic
        success = your_check(code)
        return VerifyResult(
            success=success,
            reward=1.0 if success else 0.0,
            details="Custom verification"
        )
"""
DEFAULTS = {
    "sampling.samples_per_prompt": 8,
    "sampling.temperature": 0.7,
    "selection.reward_threshold": 0.5,
    "selection.keep_top_percent": 0.5,
    "training.learning_rate": 5e-5,
}


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """What the guide has before it says the command: its data, its configurations, an SFT model, a finished cycle."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DEEPSEEK_API_KEY", raising=False)
    monkeypatch.setenv("OLLAMA_BASE_URL", "http://127.0.0.1:9/v1")
    for name in ("data/rlvr", "configs", "models/raft", "models/sft"):
        Path(name).mkdir(parents=True)
    Path("data/copy.jsonl").write_text(json.dumps(ROW) + "\n")
    rows = [{"prompt": f"Add {n} to x.", "completion": f"x + {n}"} for n in range(20)]
    Path("data/train.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    Path("data/prompts.jsonl").write_text(json.dumps({"prompt": ROW["text"]}) + "\n")
    Path("data/rlvr/mbpp_train_prompts.jsonl").write_text(json.dumps({"task_id": 601, "prompt": ROW["text"]}) + "\n")
    Path("data/rlvr/mbpp_train_full.jsonl").write_text(
        "".join(json.dumps(ROW | {"task_id": n, "text": f"Add one, {n} times."}) + "\n" for n in range(601, 607))
    )
    shutil.copy("data/copy.jsonl", "data/rlvr/mbpp_validation.jsonl")
    for name, text in YAML.items():
        Path(f"configs/{name}.yaml").write_text(text)
    Path("models/raft/run.json").write_text('{"fingerprint": {}}')
    Path("models/sft/run.json").write_text('{"fingerprint": {"data": "x"}}')
    for adapter in (Path("models/sft/final_model"), Path("models/raft/cycle_5_final")):
        make_adapter(adapter)
        base = {"base_model_name_or_path": "Qwen/Qwen2.5-Coder-7B", "r": 16}
        (adapter / "adapter_config.json").write_text(json.dumps(base))
    return tmp_path


@pytest.mark.parametrize("command", RUN)
def test_it_runs_as_it_stands(command):
    assert cli.main(shlex.split(command)) == 0


@pytest.mark.parametrize(("command", "missing"), MISSING)
def test_it_says_in_one_line_what_is_missing(command, missing, capsys):
    assert cli.main(shlex.split(command)) == 3
    (line,) = capsys.readouterr().err.splitlines()
    assert missing in line


@pytest.mark.parametrize("command", LOOKED_OVER)
def test_it_would_run_as_it_stands(command, capsys):
    if ("gcc" in command or "curriculum" in command) and shutil.which("g++") is None:
        pytest.skip("g++ is not installed")
    words = shlex.split(command)
    more = ["--prompts", "data/copy.jsonl"] if words[0] == "raft" and "--prompts" not in words else []
    assert cli.main([*words, *more, "--fresh", "--dry-run"]) == 0
    plan = " ".join(capsys.readouterr().out.split("# Plan")[1].split())
    given = dict(pairwise(words))
    for flag in ("--output", "--verifier", "--cycles", "--samples"):
        if flag in given and not given[flag].endswith(".json"):
            assert f" {given[flag]}" in plan or f"/{given[flag]}" in plan


def test_the_curriculum_is_the_guides(capsys):
    command = "config show configs/curriculum.yaml"
    assert cli.main(shlex.split(command)) == 0
    shown = yaml.safe_load(capsys.readouterr().out)
    assert shown["curriculum"]["strategy"] == "progressive"
    assert [cycle["reward_threshold"] for cycle in shown["cycles"]] == [0.3, 0.5, 0.7]
    assert [cycle["run_after_compile"] for cycle in shown["cycles"]] == [None, None, True]


def test_the_guides_built_in_files_are_made_under_its_names():
    shutil.rmtree("data/rlvr")
    assert cli.main(shlex.split("data prepare --dataset humaneval --quick")) == 0
    assert cli.main(shlex.split("data prepare --dataset mbpp --source data/copy.jsonl --quick")) == 0
    rlvr = Path("data/rlvr")
    assert len((rlvr / "humaneval_full.jsonl").read_text().splitlines()) == 164
    assert (rlvr / "mbpp_train_full.jsonl").is_file()
    assert json.loads((rlvr / "mbpp_train_prompts.jsonl").read_text()) == {"task_id": "601", "prompt": ROW["text"]}


def test_prompts_are_made_by_the_guides_lines_and_read(capsys):
    Path("data/prompts.jsonl").unlink()
    subprocess.run(["bash", "-c", _here(PROMPTS)], check=True)
    assert cli.main(shlex.split("data validate data/prompts.jsonl --quick")) == 0
    assert cli.main(shlex.split("raft train --prompts data/prompts.jsonl --verifier mbpp tasks.tests=data/copy.jsonl "
                                "--dry-run")) == 3, "a prompt without its task's id has no tests by it"  # fmt: skip


def test_its_own_verifier_judges(monkeypatch):
    Path("mine.py").write_text(f"def your_check(code):\n    return 'x + 1' in code\n{VERIFIER}")
    answers = [{"task_id": "601", "completion": f"```python\ndef add(x):\n    return x {op} 1\n```"} for op in "+-"]
    Path("answers.jsonl").write_text("".join(json.dumps(answer) + "\n" for answer in answers))
    command = "verify --tasks data/copy.jsonl --samples answers.jsonl --verifier mine:MyVerifier --output out.jsonl"
    assert cli.main(shlex.split(f"{command} --workers 0 --no-ledger")) == 0
    rewards = [json.loads(line)["reward"] for line in Path("out.jsonl").read_text().splitlines()]
    assert rewards == [1.0, 0.0]


@pytest.mark.parametrize("old", ["halo_forge.rlvr.verifiers", "halo_raft.rlvr.verifiers"])
def test_the_guides_import_is_named_with_the_right_one(old, capsys):
    name = old.partition(".")[0]
    Path(f"by_{name}.py").write_text(VERIFIER.replace("halo_raft.verifiers", old))
    assert cli.main(shlex.split(f"raft train --prompts data/copy.jsonl --verifier by_{name}:MyVerifier --dry-run")) == 3
    (line,) = capsys.readouterr().err.splitlines()
    assert name in line and line.endswith("import from halo_raft.verifiers there")


def test_its_table_of_defaults_is_ours():
    config = RaftConfig()
    for key, value in DEFAULTS.items():
        section, _, name = key.partition(".")
        assert getattr(getattr(config, section), name) == value
    assert {"gcc", "mingw", "rust", "go", "humaneval", "mbpp"} <= set(verifiers.REGISTRY.names())


def test_the_table_in_the_docs_has_every_command():
    text = DOCS.read_text(encoding="utf-8")
    for command in (*RUN, *(command for command, _ in MISSING), *LOOKED_OVER):
        if command not in ("data prepare --dataset humaneval --quick", RUN[5]):
            assert f"`{command}" in text, f"docs/guide.md has no row for: {command}"


@pytest.mark.slow
def test_the_quick_start_then_again_then_measured_and_compared():
    """The guide's first day as a new user has it: in a pipe, small, by the embedded model."""
    small = ("sampling.samples_per_prompt=4 sampling.max_new_tokens=96 engine.kv_cache_gb=1 engine.max_model_len=512 "
             "training.num_train_epochs=1 selection.reward_threshold=0 tracking.mlflow=false")  # fmt: skip
    tasks = "--prompts data/rlvr/mbpp_train_full.jsonl --verifier mbpp"
    train = f"raft train {tasks} --cycles 2 --output models/quick {small}"
    said = _program(train, allowed=(0, 5))
    for line in ("RAFT CYCLE 1/2\n==============\n", "Generating samples... 6 prompts × 4 samples\n",
                 "  Starting engine, loading ", "Verifying 24 samples...\n", "  24/24 verified, ", "  Passed: ",
                 "  Failed: ", "Filtering samples...\n", "  Kept: ", "Training on filtered samples...\n",
                 "  Starting trainer...\n", "  Loss: ", "Saving checkpoint to models/quick/cycle_1_final/\n",
                 "Cycle 1: ", "Cycle 2: ", "% pass rate ("):  # fmt: skip
        assert line in said, line
    assert said.index("Starting engine") < said.index("Validating tasks"), "it loads meanwhile"
    assert "it/s]" not in said and "%|" not in said, "no other bars reach a pipe"
    again = _program(train, allowed=(0, 5))
    assert "Cycle 1 already complete, skipping...\n" in again and "Cycle 2 already complete, skipping...\n" in again
    assert "Generating" not in again and "Starting engine" not in again
    few = "--samples 2 --k 1,2 sampling.max_new_tokens=96 engine.kv_cache_gb=1 engine.max_model_len=512"
    _program(f"benchmark run --model models/quick/cycle_2_final {ON_VALIDATION} {few} --output results/raft.json")
    shutil.copy("results/raft.json", "results/baseline.json")
    printed = subprocess.run(["bash", "-c", _here(COMPARED)], check=True, capture_output=True, text=True).stdout
    assert [line.partition("=")[0] for line in printed.splitlines()] == ["baseline: pass@1", "raft: pass@1"]


def _here(script: str) -> str:
    return script.replace("python3", shlex.quote(sys.executable))


def _program(command: str, allowed: tuple[int, ...] = (0,)) -> str:
    words = [sys.executable, "-m", "halo_raft.cli", *shlex.split(command)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode in allowed, done.stdout + done.stderr
    return done.stdout + done.stderr
