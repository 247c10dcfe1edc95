"""Further rounds ask prompts without a winner, and go by what was on disk when they began."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from halo_raft import prompts
from halo_raft.config import RaftConfig, load
from halo_raft.pipelines.raft.further import Context, hint_round, repair_round
from halo_raft.pipelines.raft.plan import prepare
from halo_raft.pipelines.raft.stages import further_drafts
from halo_raft.records import Task
from halo_raft.sampling import Wording
from halo_raft.store import RunFolder

from ....made_run import answer, write

TASKS = {
    f"t{n}": Task(
        task_id=f"t{n}", prompt=f"Write f{n}.", entry_point=f"f{n}", test_list=(f"assert f{n}(1) == 1",),
        solution=f"def f{n}(x):\n    return 1",
    )
    for n in range(4)
}  # fmt: skip
WORDING = Wording(None, True)


class Holds:
    """A context of so many messages."""

    def __init__(self, most: int) -> None:
        self.most = most

    def holds(self, chat: object) -> bool:
        return len(chat) <= self.most  # type: ignore[arg-type]


@pytest.fixture
def put(tmp_path: Path):
    folder = RunFolder(tmp_path)

    def write_one(task: str, index: int, kind: str, *, cycle: int = 1, reward: float | None = None, **fields: object):
        sample, verdict = answer(cycle, "", task, index, kind)
        sample = replace(sample, **({"completion": f"try {index}"} | fields))  # type: ignore[arg-type]
        verdict = verdict if reward is None else replace(verdict, reward=reward)
        write(folder, cycle, "", [(sample, verdict)])

    write_one.context = lambda cycles=(1,), most=9: Context(folder, cycles, TASKS, WORDING, Holds(most))  # type: ignore
    return write_one


def shown(asked) -> str:
    return asked.chat[2]["content"]


def test_repairs_show_the_best_failures_in_turn_each_once(put) -> None:
    put("t0", 0, "passed")
    put("t1", 0, "wrong", reward=0.1)
    put("t1", 1, "wrong", reward=0.4)
    put("t1", 2, "wrong", reward=0.4, completion="try 1 ")
    put("t1", 3, "wrong", finish_reason="length", reward=0.49)
    put("t2", 0, "violation")
    put("t2", 1, "infra")
    put("t3", 0, "passed", finish_reason="length")
    put("t3", 1, "wrong")
    found = repair_round(put.context(), 5)
    assert {task: [shown(a) for a in asked] for task, asked in found.asked.items()} == {
        "t1": ["try 1", "try 0"], "t3": ["try 1"]
    }  # fmt: skip
    assert [a.of for a in found.asked["t1"]] == [1, 0]
    assert dict(found.left_out) == {"no_failure": 1}
    assert [shown(a) for a in repair_round(put.context(), 1).asked["t1"]] == ["try 1"]
    assert dict(repair_round(put.context(most=3), 5).left_out) == {"no_failure": 1, "too_long": 2}


def test_a_round_asks_the_same_when_some_of_it_is_there(put) -> None:
    for task in TASKS:
        put(task, 0, "wrong")
    before = repair_round(put.context(), 2)
    put("t0", 1, "passed", round="repair", of=0)
    put("t1", 1, "wrong", round="repair", of=0)
    assert repair_round(put.context(), 2) == before
    hints = hint_round(put.context())
    assert set(hints.asked) == {"t1", "t2", "t3"}, "what was repaired needs no hint"
    put("t1", 3, "passed", round="hint", of=0)
    assert hint_round(put.context()) == hints


def test_winners_of_earlier_cycles_count_where_they_are_replayed(put) -> None:
    put("t0", 0, "passed")
    put("t1", 0, "wrong")
    put("t1", 1, "passed", round="hint", of=0)
    for task in TASKS:
        put(task, 0, "wrong", cycle=2)
    assert set(repair_round(put.context((1, 2)), 1).asked) == {"t1", "t2", "t3"}, "a hint is no solution of its own"
    assert set(hint_round(put.context((1, 2))).asked) == {"t2", "t3"}
    assert set(hint_round(put.context((2,))).asked) == set(TASKS)


def test_hints_show_the_reference_in_each_form_that_was_asked(put) -> None:
    put("t1", 0, "wrong")
    put("t1", 1, "wrong", form="function")
    put("t1", 2, "wrong")
    tasks = TASKS | {"t2": replace(TASKS["t2"], solution=None)}
    found = hint_round(replace(put.context(), tasks={i: tasks[i] for i in ("t1", "t2")}))
    assert [(a.form, a.of) for a in found.asked["t1"]] == [(None, 0), ("function", 1)]
    assert dict(found.left_out) == {"without_reference": 1}
    text, function = (a.chat[-1]["content"] for a in found.asked["t1"])
    assert text.startswith("Write f1.") and function.startswith("Complete this Python function")
    assert all("return 1\n```" in content for content in (text, function))


def test_drafts_of_a_round_take_turns_and_say_what_they_saw(put, tmp_path: Path) -> None:
    put("t1", 0, "wrong")
    put("t1", 1, "wrong")
    plan = prepare(load(RaftConfig, None, [f"output_dir={tmp_path / 'run'}", "tasks.limit=2", "sampling.repair=3"]))
    from halo_raft.curriculum import plan_cycle

    cycle = plan_cycle(plan.config, 1, "mbpp", plan.training.tasks.tasks, [])
    asked = repair_round(replace(put.context(), tasks={"t1": TASKS["t1"]}), 3)
    drafts = further_drafts(plan, cycle, asked, range(8, 11))
    assert [(d.index, d.round, d.of) for d in drafts] == [(8, "repair", 0), (9, "repair", 1), (10, "repair", 0)]
    assert len({d.request.sample_id for d in drafts}) == 3
    assert drafts[0].request.messages[:2] == prompts.messages(TASKS["t1"])


def test_settings_that_are_off_leave_the_fingerprint_as_it_was(tmp_path: Path) -> None:
    def tied(*words: str):
        return prepare(load(RaftConfig, None, [f"output_dir={tmp_path}", "tasks.limit=2", *words])).fingerprint

    usual = tied().to_dict()
    assert not {"repair", "hint", "hint_samples"} & usual["sampling settings"].keys()
    assert "prompt_formats" not in usual["tasks settings"]
    assert "max_hinted_share" not in usual["selection settings"]
    assert tied("sampling.repair=2").of_samples != tied().of_samples
    assert tied("selection.repaired_as=both").of_samples == tied().of_samples
