"""Our own tasks: every reference passes, no stub does, no two are alike, nothing is held out and trained on."""

import ast
import difflib
import re
from concurrent.futures import ThreadPoolExecutor

import pytest

from halo_raft import tasks, verifiers
from halo_raft.select import normalised_program

TRAIN, HELDOUT = tasks.load("starter").tasks, tasks.load("starter:heldout").tasks


@pytest.fixture(scope="module")
def judge():
    verifier = verifiers.create("mbpp", verifiers.VerifierOptions())

    def _judge(programs):
        with ThreadPoolExecutor(2) as pool:
            return list(pool.map(lambda p: verifier.judge("s", p[1], p[0]), programs))

    return _judge


def test_there_are_enough_and_the_source_says_how_many():
    assert len(TRAIN) >= 200
    assert len(HELDOUT) >= 80
    source = tasks.REGISTRY.load("starter")
    assert source.splits == {"train": len(TRAIN), "heldout": len(HELDOUT)}


def test_every_reference_passes(judge):
    verdicts = judge([(t, t.solution) for t in (*TRAIN, *HELDOUT)])
    assert [v.task_id for v in verdicts if not v.success] == []


def test_no_stub_passes(judge):
    programs = [
        (task, f"def {task.entry_point}(*args):\n    return {value}")
        for task in (*TRAIN, *HELDOUT)
        for value in ("None", "args[0] if args else 0")
    ]
    verdicts = judge(programs)
    assert [v.task_id for v in verdicts if v.success] == []


def test_each_has_an_entry_point_and_three_asserts():
    for task in (*TRAIN, *HELDOUT):
        assert task.entry_point, task.task_id
        assert len(task.test_list) >= 3, task.task_id
        assert any(
            isinstance(node, ast.FunctionDef) and node.name == task.entry_point
            for node in ast.parse(task.solution).body
        )


def test_no_two_are_alike():
    everything = (*TRAIN, *HELDOUT)
    assert len({t.entry_point for t in everything}) == len(everything)
    assert len({normalised_program(t.solution, t).replace(t.entry_point, "f") for t in everything}) == len(everything)
    texts = [re.sub(r"\W+", " ", t.prompt.lower()) for t in everything]
    alike = []
    for i, text in enumerate(texts):
        matcher = difflib.SequenceMatcher(b=text)
        for j in range(i):
            matcher.set_seq1(texts[j])
            if matcher.real_quick_ratio() > 0.88 and matcher.quick_ratio() > 0.88 and matcher.ratio() > 0.88:
                alike.append((everything[i].task_id, everything[j].task_id))
    assert alike == []
