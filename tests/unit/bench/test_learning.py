"""A study's machine, with a stand-in for every command: what is run, what is not run again, what is carried."""

from __future__ import annotations

import json
import shutil
import signal
import sys
from pathlib import Path

import pytest

from halo_raft import models, tasks
from halo_raft.errors import HaloRaftError

from . import stand_in

STAND_IN = Path(__file__).with_name("stand_in.py")
PLAN = """
choose: dev.jsonl
report: [test.jsonl]
seeds: [0, 1]
samples: 4
settings: {cycles: 2, tasks.limit: 4, sampling.samples_per_prompt: 2}
references: starter
arms:
  sft-raft: {after: sft}
  sft: {kind: sft, settings: {lora.r: 4}}
  raft: {}
  control: {settings: {ablate: verifier}}
  short: {settings: {cycles: 1}}
recipes: [raft, sft-raft]
compare: [[recipe, raft], [recipe, sft], [raft, short]]
"""


@pytest.fixture
def in_processes(study, monkeypatch: pytest.MonkeyPatch):
    """Run each command in a process of its own, as a study does."""
    monkeypatch.setattr("learning_slice.Slice.call", study.call)


@pytest.fixture
def study(learning, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Run the study's command line, and return the commands that it ran."""
    plan, log = tmp_path / "plan.yaml", tmp_path / "log"
    monkeypatch.chdir(tmp_path)
    rows = [task.to_json() + "\n" for task in tasks.load("starter:heldout", limit=8).tasks]
    for name, part in (("dev", rows[:4]), ("test", rows[4:])):
        Path(f"{name}.jsonl").write_text("".join(part))
    plan.write_text(PLAN)
    monkeypatch.setenv("STAND_IN_LOG", str(log))
    monkeypatch.setattr("learning_slice.PROGRAM", (sys.executable, str(STAND_IN)))
    call = learning.Slice.call
    monkeypatch.setattr("learning_slice.Slice.call", lambda self, command: stand_in.main(list(command)))
    handler = signal.getsignal(signal.SIGTERM)

    def run(*words: str, code: int = 0) -> list[str]:
        log.write_text("")
        where = ["--plan", str(plan), "--work", str(tmp_path / "work"), "--output", str(tmp_path / "out.md")]
        assert learning.main([*where, *words]) == code
        return log.read_text().splitlines()

    run.call = call
    yield run
    signal.signal(signal.SIGTERM, handler)


def kinds(commands: list[str]) -> list[str]:
    return [" ".join(command.split()[:2]) for command in commands]


def test_a_study_is_run_once_arm_after_arm_and_carried_without_its_runs(study, tmp_path: Path) -> None:
    commands = study("--only", "sft-raft", "0")
    assert kinds(commands)[0] == "sft train" and "raft train" in kinds(commands), (
        "it begins from SFT, which is run first"
    )
    assert 'data.train_file="starter" data.validation_split=0' in commands[0]
    assert "lora.r=4" in commands[0] and "training.num_train_epochs=3.0" in commands[0], "its own, and RAFT's"
    trained = next(command for command in commands if command.startswith("raft"))
    assert f"model.checkpoint={tmp_path}/work/sft-seed0/final_model" in trained
    bases = [command for command in commands if "--model builtin" in command]
    assert len(bases) == 2, "the base is measured once on each task set"

    study("--only", "raft", "0")
    text = (tmp_path / "out.md").read_text()
    assert "| recipe less sft, best cycles |" in text and "| recipe less raft, best cycles |" in text
    assert "Not there yet: sft-raft (seed 1), sft (seed 1), raft (seed 1), control (seed 0)" in text

    more = study()
    assert kinds(more).count("raft train") == 2 * 4 - 2
    assert not any("sft-raft-seed0" in command for command in more if " train " in command), "it is there"
    assert study() == []
    text = (tmp_path / "out.md").read_text()
    assert "Not there yet" not in text
    assert "The recipe is `sft-raft`: of raft, sft-raft the best there, over seeds 0, 1." in text
    assert "| sft-raft | sft | raft | 120, 120 | 250, 250 |" in text, "with the 50 tokens that SFT trained on"
    assert "| recipe less sft, best cycles | +25.0%" in text
    assert "## test.jsonl\n" in text and "## dev.jsonl, which is chosen on" in text

    shutil.move(tmp_path / "work" / "records", tmp_path / "carried")
    shutil.rmtree(tmp_path / "work")
    assert study("--records", str(tmp_path / "carried")) == [], "figures are enough, the runs are gone"
    assert (tmp_path / "out.md").read_text() == text
    Path("elsewhere").mkdir()
    moved = Path("dev.jsonl").rename("elsewhere/dev.jsonl")
    assert study("--records", str(tmp_path / "carried"), "--heldout", str(moved)) == [], "the same tasks, elsewhere"

    moved.rename("dev.jsonl")
    (tmp_path / "carried" / "sft-raft-seed0.json").unlink()
    again = study("--records", str(tmp_path / "carried"), "--only", "sft-raft", "0")
    assert kinds(again)[:2] == ["sft train", "raft train"], "what it begins from has figures, and is gone"
    assert not any("sft-seed0/final_model" in command for command in again[2:]), "so it is not measured again"


def test_the_base_is_measured_once_a_seed_also_by_another_machine(study, tmp_path: Path) -> None:
    carried = ["--records", str(tmp_path / "carried")]
    study(*carried, "--only", "sft", "0")
    shutil.rmtree(tmp_path / "work")
    commands = study(*carried, "--only", "raft", "0")
    assert not any("--model builtin" in command for command in commands), "SFT's figures have the base's"
    shutil.rmtree(tmp_path / "work")
    (tmp_path / "carried" / "sft-seed0.json").unlink()
    bases = [command for command in study(*carried, "--only", "sft", "0") if "--model builtin" in command]
    assert [("dev" in c, "test" in c) for c in bases] == [(False, True)], "a run of RAFT measures what it chooses on"
    report = (tmp_path / "out.md").read_text()
    assert report.count("| base | 0 |") == 2 and "sft less base" in report.replace(", best cycle,", "")
    of_another_seed = study(*carried, "--only", "raft", "1")
    assert len([command for command in of_another_seed if "--model builtin" in command]) == 1


def test_what_is_changed_in_a_plan_is_run_again_with_what_begins_from_it(study, tmp_path: Path, capsys) -> None:
    study("--only", "sft-raft", "0", "--only", "raft", "0")
    plan = tmp_path / "plan.yaml"
    plan.write_text(PLAN.replace("lora.r: 4", "lora.r: 8"))
    assert kinds(study("--only", "sft-raft", "0", code=3))[0] == "sft train"
    assert "sft-raft-seed0 was begun with other settings: checkpoint" in capsys.readouterr().err
    shutil.rmtree(tmp_path / "work" / "sft-raft-seed0")
    (tmp_path / "work" / "records" / "sft-seed0.json").unlink()
    again = study("--only", "sft-raft", "0", "--only", "raft", "0")
    assert [kind for kind in kinds(again) if "train" in kind] == ["sft train", "raft train"]
    assert not any("/raft-seed0" in command for command in again)


def test_the_best_cycle_within_the_tokens_of_the_other_arm_is_measured_once_both_are_there(
    study, tmp_path: Path
) -> None:
    def first_cycles(commands: list[str]) -> list[str]:
        return [c for c in commands if "raft-seed0/cycle_1_final" in c and "test.jsonl" in c]

    assert not first_cycles(study("--only", "raft", "0"))
    assert len(first_cycles(study("--only", "short", "0"))) == 1, "the short arm drew one cycle's tokens"
    assert study("--only", "short", "0", "--only", "raft", "0") == []
    text = (tmp_path / "out.md").read_text()
    assert "| raft less short, best cycles | +25.0%" in text and "| 120 beside 60 |" in text
    assert "| raft less short, best cycle within the other's tokens | +0.0%" in text and "| 60 beside 60 |" in text
    assert "less sft, best cycle within" not in text, "SFT draws nothing"


def test_a_result_that_is_there_is_the_commands_to_look_at(study, tmp_path: Path) -> None:
    study("--only", "raft", "0")
    rows = Path("test.jsonl").read_text().splitlines(keepends=True)
    Path("test.jsonl").write_text("".join(rows[:-1]))
    sys.modules["learning_plan"].content.cache_clear()  # as in the next process
    again = study("--only", "raft", "0")
    assert [c for c in again if "cycle_2_final" in c and "--prompts test.jsonl" in c], "other tasks, another result"


def test_a_recipe_is_not_compared_with_itself(study, tmp_path: Path) -> None:
    study("--only", "raft", "0", "--only", "sft", "0")
    text = (tmp_path / "out.md").read_text()
    assert (
        "The recipe is `raft`: of raft the best there, over seed 0, so far." in text
        and "| recipe less sft, best cycles |" in text
    )
    assert "| recipe less raft" not in text


def test_arms_of_a_seed_share_what_the_base_drew(study, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    study("--only", "raft", "0", "--only", "control", "0")
    assert "Taken over from raft-seed0" in capsys.readouterr().out
    assert (tmp_path / "work" / "control-seed0" / "sweep_reused.json").is_file()


def test_when_time_is_up_a_command_is_told_to_stop_and_the_next_slice_goes_on(
    study, learning, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], in_processes
) -> None:
    monkeypatch.setenv("STAND_IN_WAITS", "1")
    stopped = study("--only", "raft", "0", "--minutes", "0.1")
    assert kinds(stopped) in ([], ["raft train"])
    assert "Time is up; the same command goes on from here" in capsys.readouterr().out
    assert study("--only", "raft", "0", "--minutes", "0") == []
    monkeypatch.delenv("STAND_IN_WAITS")
    assert kinds(study("--only", "raft", "0"))[0] == "raft train"


def test_a_command_that_fails_ends_the_study_with_its_code(study, monkeypatch, in_processes) -> None:
    monkeypatch.setattr("learning_slice.PROGRAM", (sys.executable, "-c", "raise SystemExit(5)"))
    with pytest.raises(SystemExit) as ended:
        study("--only", "raft", "0")
    assert ended.value.code == 5


def test_an_estimate_counts_what_is_drawn_and_runs_nothing(study, capsys: pytest.CaptureFixture[str]) -> None:
    models.resolve("builtin:smollm2-135m")  # its sizes are known once it is there
    rates = ["--completion-tokens", "10", "--generated-per-s", "1", "--start-s", "0", "--gpu-memory", "24"]
    assert study("--estimate", "--seeds", "0", *rates) == []
    lines = capsys.readouterr().out.splitlines()
    rows = {
        row[0]: row[2:5] for line in lines if len(row := [cell.strip() for cell in line.strip("|").split("|")]) == 6
    }
    assert rows["raft"][0] == "160", "2 cycles of 4 prompts, 2 samples and 10 tokens"
    assert rows["control"][0] == "80", "what the base drew is RAFT's"
    assert rows["sft"][0] == "0" and rows["sft"][2] != "0"
    assert rows["sft-raft"][0] == "160", "its first samples are not the base model's"
    assert any(line.startswith("memory: engine: 21.6 of 24 GiB") for line in lines)
    assert "It fits." in lines[-1] or "training:" in lines[-1]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("{after: sft}", "{after: stf}", "arms.sft-raft.after: there is no arm stf"),
        ("raft: {}", "raft: {after: raft}", "raft after raft is a circle"),
        ("references: starter", "", "references: name the file with the answers"),
        ("recipes: [raft", "recipes: [draft", "recipes: there is no arm draft"),
        ("[recipe, sft]", "[recipe, sfd]", "compare: there is no arm sfd"),
        ("  raft: {}", "  base: {}", "arms.base: a name is of a-z"),
        ("raft: {}", "raft: {settings: {sampling.repeat: 2}}", "arms.raft: sampling.repeat=2: unknown key"),
        ("{lora.r: 4}", "{lora.r: 0}", "arms.sft: lora.r=0"),
        ("samples: 4", "sample: 4", "sample: Extra inputs are not permitted"),
        ("seeds: [0, 1]", "seeds: [", "cannot be read"),
        ("references: starter", "references: starter:heldout", "held-out tasks must not be trained on"),
        ("choose: dev.jsonl", "choose: starter:heldout", "choose: and report: must not share tasks"),
        ("report: [test.jsonl]", "report: [dev.jsonl]", "yaml: report: task sets need names that differ"),
    ],
)
def test_a_plan_with_a_mistake_is_one_line(
    study, tmp_path: Path, capsys: pytest.CaptureFixture[str], old: str, new: str, message: str
) -> None:
    assert old in PLAN
    (tmp_path / "plan.yaml").write_text(PLAN.replace(old, new, 1))
    assert study(code=3) == []
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1


def test_an_arm_that_cannot_run_is_refused_before_another_does(study, tmp_path: Path, capsys) -> None:
    rows = [json.loads(task.to_json()) | {"solution": None} for task in tasks.load("starter", limit=4).tasks]
    Path("bare.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "plan.yaml").write_text(
        PLAN.replace("raft: {}", "raft: {}\n  hint: {settings: {sampling.hint: reference}}")
    )
    assert study("--train", "bare.jsonl", code=3) == []
    assert "arms.hint: sampling.hint: no task of bare.jsonl has a reference solution" in capsys.readouterr().err
    assert kinds(study("--train", "bare.jsonl", "--only", "raft", "0"))[0] == "raft train", "which does without"
    assert study("--train", "bare.jsonl", "--report-only") == [], "what is there can be reported"


def test_what_the_plan_has_not_cannot_be_run_alone(study, learning, capsys: pytest.CaptureFixture[str]) -> None:
    assert study("--only", "raft", "7", code=2) == []
    assert "there is no raft with that seed" in capsys.readouterr().err


def test_every_plan_of_ours_can_be_read(learning) -> None:
    plans = sorted((learning.HERE / "plans").glob("*.yaml"))
    assert plans
    for path in plans:
        plan = learning.read_plan(path, {"references": "starter"}, {})
        assert plan.config.is_file() and set(plan.recipes) <= set(plan.arms)


def test_errors_of_a_plan_have_their_own_exit_code(learning) -> None:
    with pytest.raises(HaloRaftError):
        learning.read_plan(Path("nowhere.yaml"), {}, {})


def test_tasks_that_are_worded_like_one_that_is_trained_on_are_reported_apart(study, tmp_path: Path) -> None:
    words = tasks.load("starter", limit=1).tasks[0].prompt.split()
    changed = " ".join("xylophone" if number % 6 == 5 else word for number, word in enumerate(words))
    prompts = (changed, "Sing loudly", "Dance slowly", "Whistle twice")
    rows = [json.loads(line) for line in Path("test.jsonl").read_text().splitlines()]
    Path("test.jsonl").write_text(
        "".join(json.dumps(r | {"prompt": p}) + "\n" for r, p in zip(rows, prompts, strict=True))
    )
    study("--only", "raft", "0")
    report = (tmp_path / "out.md").read_text()
    assert "| pass@1 where worded | like one that is trained on: 1 tasks | otherwise: 3 tasks |" in report
    assert report.count("| pass@1 where worded |") == 1, "of what is chosen on nothing is told apart"
    apart = report.partition("| pass@1 where worded |")[2]
    assert "| base | 25.0% [" in apart and "| raft | 50.0% [" in apart
