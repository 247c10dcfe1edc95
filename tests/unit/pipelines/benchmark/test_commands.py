"""The benchmark commands as a user meets them: what is printed, one line for each mistake."""

import argparse
import json

import pytest

from halo_raft import cli, models
from halo_raft.errors import ConfigError
from halo_raft.pipelines.benchmark.commands import add_commands, say_result
from halo_raft.pipelines.benchmark.result import BenchmarkResult
from halo_raft.pipelines.benchmark.settings import benchmark_tasks, read_ks

from ....made_run import make_adapter


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A working directory; starting Ray or asking the hub here is a failure."""
    monkeypatch.chdir(tmp_path)

    def never(*args, **kwargs):
        raise AssertionError("something expensive was started")

    monkeypatch.setattr("halo_raft.sampling.session.ray_session", never)
    (tmp_path / "good.jsonl").write_text('{"prompt": "Add two.", "test_list": ["assert add(1, 2) == 3"]}\n')
    (tmp_path / "empty.jsonl").write_text("")
    (tmp_path / "blank.jsonl").write_text('{"prompt": "  "}\n')
    return tmp_path


def adapter(path, base):
    path.mkdir()
    (path / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": str(base), "r": 8}))


@pytest.mark.parametrize(
    ("command", "code", "said"),
    [
        ("run --prompts empty.jsonl", 3, "empty.jsonl: holds no tasks"),
        ("run --prompts blank.jsonl", 3, "blank.jsonl:1: has no prompt"),
        ("run --prompts good.jsonl --k 0", 2, "--k 0: give whole numbers"),
        ("run --prompts good.jsonl --k one", 2, "--k one: give whole numbers"),
        ("run --prompts good.jsonl --k 1,5 --samples 2", 2, "--k 1,5: pass@5 needs 5 samples a task, not 2; raise"),
        ("eval --benchmark humaneval --k 2", 2, "--k 2: pass@2 needs 2 samples a task, not 1; raise --samples"),
        ("full --k 9", 2, "--k 9: pass@9 needs 9 samples a task, not 8; raise --samples"),
        ("compare some/model b.json --prompts good.jsonl --k 9", 2, "--k 9: pass@9 needs 9 samples a task, not 8"),
        ("run --prompts good.jsonl --temperature 0 --samples 2", 2, "draws the same sample each time"),
        ("run --prompts good.jsonl --output .", 3, "is a folder; name a JSON file"),
        ("run --model gone --prompts good.jsonl", 3, "gone is no folder"),
        ("run --model homeless --prompts good.jsonl", 3, "homeless is an adapter on /no/such/base, which is not there"),
        ("run --model models:/nothing@champion --prompts good.jsonl", 3, "there is no MLflow database"),
        ("run --model models:/nothing --prompts good.jsonl", 3, "write models:/NAME@champion"),
        ("eval --benchmark humanevil", 3, "--benchmark humanevil: unknown; there are: "),
        ("eval --benchmark mbpp:tset", 3, "mbpp has no split 'tset'"),
        ("compare one.json", 2, "at least two"),
        ("compare one.json two.json", 3, "one.json: cannot be read"),
        ("compare some/model other/model", 2, "name tasks with --prompts"),
        ("full --samples 0", 2, "--samples 0: must be at least 1"),
        ("full --prompts good.jsonl", 3, "too few to hold some out"),
        ("export none.json --output x.jsonl", 3, "none.json: cannot be read"),
    ],
)
def test_a_mistake_is_one_line_before_anything_starts(folder, capsys, command, code, said):
    adapter(folder / "homeless", "/no/such/base")
    assert cli.main(["benchmark", *command.split()]) == code
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert line.startswith("error: ") and said in line


def settings_of(*command):
    parser = argparse.ArgumentParser()
    add_commands(parser.add_subparsers())
    arguments = parser.parse_args(command)
    return arguments.config_of(arguments)


RUN = """
sampling: {top_k: 20, top_p: 0.9, min_p: 0.1, temperature: 0.7, max_new_tokens: 99}
heldout: {temperature: 0.4}
tasks: {show_tests: false}
"""


def test_an_adapter_of_a_run_is_measured_as_the_run_measured_it(folder):
    (folder / "run").mkdir()
    adapter(folder / "run" / "cycle_1_final", "builtin:smollm2-135m")
    (folder / "run" / "config.yaml").write_text(RUN)
    run = settings_of("run", "--model", "run/cycle_1_final", "--prompts", "good.jsonl")
    sampling = run.sampling
    assert (sampling.temperature, sampling.top_k, sampling.top_p, sampling.min_p) == (0.4, 20, 0.9, 0.1)
    assert (sampling.max_new_tokens, run.tasks.show_tests) == (99, False)
    asked = settings_of("run", "--model", "run/cycle_1_final", "--temperature", "0.9", "sampling.top_k=5")
    assert (asked.sampling.temperature, asked.sampling.top_k) == (0.9, 5)
    greedy = settings_of("eval", "--model", "run/cycle_1_final", "--benchmark", "humaneval")
    assert (greedy.sampling.temperature, greedy.sampling.samples_per_prompt) == (0, 1)


def test_settings_fit_together_whichever_way_they_are_given(folder):
    (folder / "run").mkdir()
    adapter(folder / "run" / "cycle_1_final", "builtin:smollm2-135m")
    (folder / "run" / "config.yaml").write_text(RUN)
    short = settings_of("run", "--prompts", "good.jsonl", "--max-new-tokens", "32", "engine.max_model_len=512")
    assert (short.sampling.max_new_tokens, short.engine.max_model_len) == (32, 512)
    of_a_run = settings_of("run", "model.checkpoint=run/cycle_1_final", "engine.max_model_len=512")
    assert (of_a_run.sampling.max_new_tokens, of_a_run.engine.max_model_len) == (99, 512)


def test_a_run_folder_is_its_best_adapter(folder):
    (folder / "run").mkdir()
    adapter(folder / "run" / "cycle_1_final", "builtin:smollm2-135m")
    (folder / "run" / "config.yaml").write_text(RUN)
    (folder / "run" / "run.json").write_text("{}")
    command = ("run", "--model", "run", "--prompts", "good.jsonl")
    with pytest.raises(ConfigError, match="is the folder of a run that has no adapter yet"):
        settings_of(*command)
    make_adapter(folder / "run" / "cycle_1_final", "builtin:smollm2-135m")
    (folder / "run" / "best").symlink_to("cycle_1_final")
    config = settings_of(*command)
    assert config.model.checkpoint == folder / "run" / "cycle_1_final" and config.sampling.temperature == 0.4


def test_an_sft_adapter_is_measured_with_its_system_prompt(folder):
    (folder / "sft").mkdir()
    adapter(folder / "sft" / "final_model", "builtin:smollm2-135m")
    (folder / "sft" / "config.yaml").write_text("data: {train_file: rows.jsonl, system_prompt: Be brief.}\n")
    config = settings_of("run", "--model", "sft/final_model", "--prompts", "good.jsonl")
    assert config.tasks.system_prompt == "Be brief."
    assert (config.sampling.temperature, config.sampling.min_p) == (0.2, 0)


def test_of_a_config_that_is_no_runs_nothing_is_taken(folder, caplog):
    adapter(folder / "mine", "builtin:smollm2-135m")
    (folder / "config.yaml").write_text("somebody: else's\n")
    assert settings_of("run", "--model", "mine", "--prompts", "good.jsonl").sampling.temperature == 0.2
    assert "config.yaml: is no run's of ours" in caplog.text


def test_an_adapter_on_a_hub_model_that_is_not_to_be_had(folder, capsys, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    adapter(folder / "lost", "nobody/no-such-model-of-ours")
    assert cli.main(["benchmark", "run", "--model", "lost", "--prompts", "good.jsonl"]) == 3
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert "lost, nobody/no-such-model-of-ours, is not in the cache of the hub" in line


def test_local_models_are_not_asked_for(monkeypatch):
    monkeypatch.setattr("huggingface_hub.hf_hub_download", lambda *a, **k: pytest.fail("asked the hub"))
    models.check_reachable("builtin:smollm2-135m")


def test_dry_run_says_what_and_leaves_nothing(folder, capsys):
    assert cli.main(["benchmark", "run", "--prompts", "good.jsonl", "--dry-run", "--samples", "3"]) == 0
    printed = capsys.readouterr().out
    assert "samples_per_prompt: 3" in printed and "3 a task at temperature 0.2" in printed
    assert "# Plan" in printed and "cycles " not in printed.split("# Plan")[1]
    assert cli.main(["benchmark", "eval", "--benchmark", "humaneval", "--dry-run"]) == 0
    assert "1 a task at temperature 0" in capsys.readouterr().out
    assert cli.main(["benchmark", "full", "--dry-run"]) == 0
    assert not (folder / "results").exists()


def test_too_few_samples_is_a_clear_line(write_result, tmp_path, capsys):
    path = write_result(tmp_path / "r.json", {"a": ["passed", "infra"], "b": ["passed", "wrong"]}, ks=(1, 2, 10))
    say_result(BenchmarkResult.load(path))
    printed = capsys.readouterr().out
    assert "pass@2: 100.0%" in printed and "1 tasks with fewer than 2 judged samples are left out" in printed
    assert "pass@10: not measured; it needs 10 judged samples a task, raise --samples" in printed
    assert "tokens: " in printed and "verdicts: infra 1, passed 2, wrong 1" in printed


def test_compare_writes_json_and_page(write_result, folder, capsys):
    for name, kind in (("base", "wrong"), ("after", "passed")):
        write_result(folder / f"{name}.json", {f"t{n}": [kind] * 2 for n in range(12)})
    assert (
        cli.main(["benchmark", "compare", "base.json", "after.json", "--output", "out/c.json", "tracking.mlflow=false"])
        == 0
    )
    assert json.loads((folder / "out" / "c.json").read_text())["comparisons"][0]["real"]
    page = (folder / "out" / "c.html").read_text()
    assert "A real gain" in page and "passed 0" in page
    assert "difference +100.0 points" in capsys.readouterr().out


def test_a_benchmark_is_its_test_split():
    assert [benchmark_tasks(name) for name in ("humaneval", "mbpp", "starter", "mbpp:validation")] == [
        "humaneval:test",
        "mbpp:test",
        "starter:heldout",
        "mbpp:validation",
    ]


def test_ks():
    assert read_ks("1,5,5,10", 10) == (1, 5, 10)
    assert [read_ks(None, n) for n in (1, 8, 20)] == [(1,), (1, 5), (1, 5, 10)]
