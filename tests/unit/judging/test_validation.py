"""Task validation on real judges: sound tasks stay, each kind of broken one is named with its reason."""

from pathlib import Path

import pytest

from halo_raft import tasks
from halo_raft.errors import DataError
from halo_raft.judging import JudgingPolicy
from halo_raft.judging.validation import broken_tasks, checks_of, functions_under_test, without
from halo_raft.records import Task
from halo_raft.tasks import TaskSet
from halo_raft.verifiers import Verifier, VerifierOptions

SHARED = Path(__file__).resolve().parents[4] / "shared" / "data"
SOUND = Task(
    task_id="sound",
    prompt="Add.",
    entry_point="add",
    test_list=("assert add(1, 2) == 3", "assert add(0, 0) == 0"),
    solution="def add(a, b):\n    return a + b\n",
)


def broken(*found, verifier="mbpp"):
    policy = JudgingPolicy(verifier=verifier, options=VerifierOptions())
    return broken_tasks(policy, {t.task_id: t for t in found}, workers=lambda n: 0)


def variant(**changes):
    return Task.from_dict({**SOUND.to_dict(), "task_id": "other", **changes})


def test_a_sound_task_stays():
    assert broken(SOUND) == {}


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"solution": "def add(a, b):\n    return a - b\n"}, "broken upstream: its reference does not pass (wrong"),
        ({"test_list": ("assert add(root, 2) == 3",)}, "its tests need `root`, which neither they nor its reference"),
        ({"test_list": ("assert add(1, 2) is None",), "solution": None}, "a stub that returns None passes"),
        ({"test_list": ("assert (",)}, "it cannot be judged"),
    ],
)
def test_a_broken_task_is_named_with_its_reason(changes, reason):
    found = broken(SOUND, variant(**changes))
    assert list(found) == ["other"]
    assert reason in found["other"]


class Failing(Verifier):
    """Fails for reasons of its own, whatever it is given."""

    version = "1"

    def verify(self, code):
        raise OSError("the disk is full")


def test_a_task_that_we_failed_to_validate_is_not_broken(monkeypatch, caplog):
    monkeypatch.setattr("halo_raft.verifiers.REGISTRY.load", lambda name: Failing)
    assert broken(SOUND) == {}
    assert "task sound: reference could not be judged: OSError: the disk is full" in caplog.text


def test_nobody_knows_what_a_users_own_verifier_accepts():
    assert broken(variant(solution="nonsense"), verifier="my_module:Mine") == {}


def test_a_task_without_tests_is_not_looked_at():
    assert broken(Task(task_id="t", prompt="Add.", solution="nonsense")) == {}


def test_broken_tasks_leave_the_set_and_its_hash_stays():
    task_set = TaskSet.of("file", [SOUND, variant()], "mbpp")
    left = without(task_set, {"other": "why"})
    assert [t.task_id for t in left.tasks] == ["sound"]
    assert left.sha256 == task_set.sha256
    with pytest.raises(DataError, match=r"file: every task is broken \(the first, sound: why\)"):
        without(task_set, {"sound": "why", "other": "why"})


def test_what_the_candidate_has_to_define():
    assert functions_under_test(variant(entry_point=None, test_list=("assert set(f(g(x), len(y))) == {1}",))) == [
        "f",
        "g",
    ]
    pytest_style = "from solution import f\nimport solution\n\ndef test_a():\n    assert f(1) == solution.g(2)\n"
    assert functions_under_test(variant(entry_point=None, test_list=None, tests=pytest_style)) == ["f", "g"]


@pytest.mark.parametrize(
    ("language", "prompt", "ends"),
    [
        ("cpp", "int f(int x) {\n", ["return {};\n}", "std::exit(0);\n}"]),
        ("rust", "fn f(x: isize) -> isize {\n", ["Default::default()\n}", "std::process::exit(0)\n}"]),
        ("go", "package p\n\nfunc f(x int) int {\n", ['panic("stub")\n}']),
    ],
)
def test_compiled_languages_get_a_stub_and_an_exit(language, prompt, ends):
    task = Task(task_id="t", prompt=prompt, language=language, tests="}\n...")
    programs = [check.completion for check in checks_of(task)]
    assert len(programs) == len(ends)
    for program, end in zip(programs, ends, strict=True):
        assert program.startswith(f"~~~\n{prompt}")
        assert end in program


def test_a_program_that_prints_nothing_is_tried_where_output_is_judged():
    (check,) = checks_of(Task(task_id="t", prompt="p", expected_output="3\n"))
    assert check.role == "a program that prints nothing"


@pytest.mark.skipif(not SHARED.is_dir(), reason="needs the developers' shared/data folder beside the checkout")
def test_of_the_hubs_mbpp_the_task_that_lost_its_set_up_is_named():
    hub = {t.task_id: t for t in tasks.load(str(SHARED / "mbpp_hub_train.jsonl")).tasks}
    found = broken(*(hub[i] for i in ("601", "602", "603", "604", "927", "928")))
    assert list(found) == ["927"]
    assert "`root`" in found["927"]
