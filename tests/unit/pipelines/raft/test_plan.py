"""Tasks are asked in a language that their verifier judges."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest

from halo_raft import tasks
from halo_raft.config import RaftConfig, load
from halo_raft.errors import ConfigError, DataError
from halo_raft.pipelines.raft.plan import prepare
from halo_raft.verifiers import Verifier, VerifyResult


class Braces(Verifier):
    """Judges C++ by its look."""

    languages = ("cpp", "c")

    def verify(self, code: str) -> VerifyResult:
        return VerifyResult(success="{" in code, reward=float("{" in code))


def prepared(tmp_path: Path, *rows: dict[str, object]):
    path = tmp_path / "prompts.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    settings = [f"tasks.train={path}", f"verifier={__name__}:Braces", f"output_dir={tmp_path / 'out'}"]
    return prepare(load(RaftConfig, None, settings)).training.tasks.tasks


def test_bare_prompts_are_asked_in_the_verifiers_language(tmp_path):
    bare, tested, c = prepared(
        tmp_path,
        {"task_id": "a", "prompt": "Reverse a string."},
        {"task_id": "b", "prompt": "Add one.", "test_list": ["assert f(1) == 2"]},
        {"task_id": "c", "prompt": "Add two.", "language": "c"},
    )
    assert (bare.language, tested.language, c.language) == ("cpp", "cpp", "c")
    assert not tested.has_tests, "Python's asserts say nothing about C++"


def test_a_row_that_names_no_verifier_of_ours_is_named_with_its_place(tmp_path):
    path = tmp_path / "tasks.jsonl"
    row = {"prompt": "Add one.", "test_list": ["assert f(1) == 2"]}
    path.write_text("".join(json.dumps(row | {"task_id": i, "verifier": i}) + "\n" for i in ("python", "pythn")))
    settings = [f"tasks.train={path}", f"output_dir={tmp_path / 'out'}"]
    with pytest.raises(DataError, match=r"tasks.jsonl:2: task pythn names the verifier 'pythn', which does not exist"):
        prepare(load(RaftConfig, None, settings))
    asked = prepare(load(RaftConfig, None, [*settings, "verifier=mbpp"])).training.tasks.tasks
    assert len(asked) == 2, "what judges was named, and rows are not asked"


def test_a_share_of_the_tasks_is_held_out_by_default_and_said(tmp_path, caplog):
    def plan(*settings: str):
        return prepare(load(RaftConfig, None, [f"output_dir={tmp_path}", *settings]))

    caplog.set_level("INFO", logger="halo_raft")
    logging.getLogger("halo_raft").addHandler(caplog.handler)  # the console's set-up ends propagation
    whole = len(tasks.load("starter").tasks)
    held = plan()
    parts = {task.task_id for task in held.training.tasks.tasks}, {task.task_id for task in held.heldout.tasks.tasks}
    assert len(parts[0]) + len(parts[1]) == whole and not parts[0] & parts[1]
    assert 0.1 < len(parts[1]) / whole < 0.3
    assert "are held out to measure on (tasks.heldout_share" in caplog.text
    assert plan("tasks.limit=20").heldout is None and "too few to hold some out" in caplog.text
    assert plan("tasks.heldout_share=0").heldout is None
    assert len(plan("tasks.heldout=starter:heldout").training.tasks.tasks) == whole


def test_hints_need_a_reference(tmp_path):
    row = {"task_id": "a", "prompt": "Add one.", "test_list": ["assert f(1) == 2"]}
    (tmp_path / "tasks.jsonl").write_text(json.dumps(row) + "\n")
    words = [f"tasks.train={tmp_path / 'tasks.jsonl'}", f"output_dir={tmp_path / 'out'}", "sampling.hint=reference"]
    with pytest.raises(ConfigError, match=r"sampling\.hint: no task of .*tasks\.jsonl has a reference solution"):
        prepare(load(RaftConfig, None, words))


def test_a_share_of_other_tasks_is_mixed_in(tmp_path, caplog):
    def plan(*settings: str):
        return prepare(load(RaftConfig, None, [f"output_dir={tmp_path / 'out'}", *settings]))

    rows = [{"task_id": f"m{n}", "prompt": f"Write g{n}.", "test_list": [f"assert g{n}() == {n}"]} for n in range(30)]
    (tmp_path / "mine.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    words = (f"tasks.train={tmp_path / 'mine.jsonl'}", "tasks.mix={starter: 0.25}")
    mixed, alone = plan(*words), plan(words[0])
    names = [task.task_id for task in mixed.training.tasks.tasks]
    assert names[:30] == [row["task_id"] for row in rows] and len(names) == 40, "ten of forty"
    assert set(mixed.mixed) == set(names[30:]) and set(mixed.mixed.values()) == {"starter"}
    assert plan(*words).training.tasks == mixed.training.tasks
    assert mixed.fingerprint.training_tasks != alone.fingerprint.training_tasks
    assert mixed.training.policy.verifier == "mbpp"
    assert mixed.heldout is None, "thirty are too few to hold some out"

    program = {"task_id": "p", "prompt": "Print 1.", "expected_output": "1"}
    (tmp_path / "programs.jsonl").write_text(json.dumps(program) + "\n")
    both = plan(words[0], f"tasks.mix={{{tmp_path / 'programs.jsonl'}: 0.5}}")
    assert both.training.policy.verifier == "auto"
    assert [task.judged_by for task in both.training.tasks.tasks][-1] == "execution"

    with pytest.raises(DataError, match=r"tasks\.mix: 0\.01 of starter beside 30 tasks of .* is not one task"):
        plan(words[0], "tasks.mix={starter: 0.01}")
    caplog.set_level("INFO", logger="halo_raft")
    logging.getLogger("halo_raft").addHandler(caplog.handler)  # the console's set-up ends propagation
    plan(*words)
    assert "Of 40 training tasks, 10 are from starter (25%)" in caplog.text
    few = tmp_path / "few.jsonl"
    few.write_text(json.dumps({"task_id": "f", "prompt": "Write h.", "test_list": ["assert h() == 1"]}) + "\n")
    plan(words[0], f"tasks.mix={{{few}: 0.5}}")
    assert f"Of 31 training tasks, 1 are from {few} (3%, not 50%: it has no more)" in caplog.text

    with pytest.raises(DataError, match="are also in"):
        plan(*words, "tasks.heldout=starter")
    with pytest.raises(ConfigError, match="leave nothing"):
        plan(words[0], "tasks.mix={starter: 0.5, other: 0.5}")
    with pytest.raises(ConfigError, match="no file and no task source"):
        plan(words[0], "tasks.mix={other: 0.5}")


def test_a_function_form_that_no_task_has_is_refused_and_those_without_are_counted(tmp_path, caplog):
    def plan(*rows: dict[str, object]):
        (tmp_path / "tasks.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        words = [f"tasks.train={tmp_path / 'tasks.jsonl'}", f"output_dir={tmp_path / 'out'}"]
        return prepare(load(RaftConfig, None, [*words, "tasks.prompt_formats=[text, function]"]))

    in_words = {"task_id": "a", "prompt": "Add one.", "test_list": ["assert f(1) == 2"]}
    program = {"task_id": "b", "prompt": "Print 1.", "expected_output": "1"}
    with pytest.raises(
        ConfigError, match=r"tasks\.prompt_formats: no task of .*tasks\.jsonl can be asked as a function"
    ):
        plan(program)
    caplog.set_level("INFO", logger="halo_raft")
    logging.getLogger("halo_raft").addHandler(caplog.handler)  # the console's set-up ends propagation
    plan(in_words)
    assert "no form as a function" not in caplog.text
    plan(in_words, program)
    assert "1 of 2 tasks have no form as a function, and are asked in words" in caplog.text
