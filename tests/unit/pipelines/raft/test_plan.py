"""Tasks are asked in a language that their verifier judges."""

from __future__ import annotations

import json
import logging
from pathlib import Path

from halo_raft import tasks
from halo_raft.config import RaftConfig, load
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
