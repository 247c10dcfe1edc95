"""What other programs import, used as the documentation says."""

import subprocess
import sys

import pytest

import halo_raft
from halo_raft import HaloRaftError, Judge, Task, VerdictKind, load_tasks, verify
from halo_raft.api import train

ROWS = [
    {"task_id": "add", "prompt": "Add two numbers.", "test_list": ["assert add(1, 2) == 3", "assert add(0, 0) == 0"]},
    {"task_id": "neg", "prompt": "Negate a number.", "test_list": ["assert neg(1) == -1"]},
]
ADD, NEG = "```python\ndef add(a, b):\n    return a + b\n```", "def neg(a):\n    return -a\n"


def test_every_public_name_is_there_and_documented_and_none_other():
    for name in halo_raft.__all__:
        assert getattr(halo_raft, name).__doc__, name
    from halo_raft import api

    assert {*api.__all__} - {*halo_raft.__all__} == {"train"}
    with pytest.raises(AttributeError, match="no attribute 'verifi'"):
        _ = halo_raft.verifi


def test_importing_it_loads_nothing_heavy():
    program = (
        "import sys, halo_raft, halo_raft.rewards; halo_raft.verify; "
        "sys.exit(str({'torch', 'ray', 'vllm', 'mlflow', 'transformers'} & sys.modules.keys() or ''))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.stderr.strip() == "", done.stderr


def test_tasks_are_loaded_from_sources_files_rows_and_records(tmp_path):
    file = tmp_path / "mine.jsonl"
    loaded = load_tasks(ROWS)
    file.write_text("".join(task.to_json() + "\n" for task in loaded.tasks))
    assert load_tasks(str(file)).tasks == load_tasks(file).tasks == load_tasks(loaded).tasks == loaded.tasks
    assert load_tasks(loaded.tasks, limit=1).tasks == (loaded.by_id["add"],) and isinstance(loaded.tasks[0], Task)
    assert len(load_tasks("starter", limit=3).tasks) == 3
    with pytest.raises(HaloRaftError, match="row 1: has no prompt"):
        load_tasks([{}])
    for wrong, name in ((5, "int"), ({"prompt": "x"}, "dict"), (None, "NoneType")):
        with pytest.raises(HaloRaftError, match=f"^tasks: {name} is no tasks; give a file, a source, or a list"):
            load_tasks(wrong)


def test_completions_are_judged_in_their_order():
    rows = [{"task_id": "neg", "completion": NEG}, {"task_id": "add", "completion": "def add(a, b): return 0"},
            {"task_id": "neg", "completion": NEG, "sample_id": "mine"}]  # fmt: skip
    verdicts = verify(ROWS, rows, workers=0)
    assert [(v.sample_id, v.task_id, v.kind) for v in verdicts] == [
        ("neg#0", "neg", VerdictKind.PASSED), ("add#0", "add", VerdictKind.WRONG), ("mine", "neg", VerdictKind.PASSED),
    ]  # fmt: skip
    assert (verdicts[1].tests_passed, verdicts[1].tests_total, verdicts[1].success) == (1, 2, False)
    assert [v.success for v in verify(ROWS, [ADD, NEG])] == [True, True], "texts are one a task"


def test_settings_are_several():
    with pytest.raises(HaloRaftError, match=r"^settings: 'sandbox.cpu_s=2' is one text; give a list of them"):
        verify(ROWS, [ADD, NEG], settings="sandbox.cpu_s=2")


def test_the_same_id_may_be_another_task_the_next_time():
    judge = halo_raft.Judge()
    first, second = load_tasks(ROWS[:1]).tasks[0], load_tasks([ROWS[1] | {"task_id": "add"}]).tasks[0]
    verdicts = judge.verdicts([first, second, second], [ADD, ADD, NEG])
    assert [v.success for v in verdicts] == [True, False, True] and {v.task_id for v in verdicts} == {"add"}


def test_a_verifier_of_ones_own(tmp_path, monkeypatch):
    (tmp_path / "polite.py").write_text("from halo_raft import Verifier, VerifyResult\n\n\nclass Polite(Verifier):\n"
        "    def verify(self, code):\n        return VerifyResult(success='please' in code, reward=0.5)\n")  # fmt: skip
    monkeypatch.syspath_prepend(tmp_path)
    verdicts = verify(ROWS[:1], ["x = 'please'"], verifier="polite:Polite")
    assert (verdicts[0].success, verdicts[0].reward, verdicts[0].integrity) == (True, 0.5, "user")


@pytest.mark.parametrize(
    ("completions", "said"),
    [
        (["one"], "1 texts for 2 tasks"),
        ([{"task_id": "sub", "completion": "x"}], "completion 1: needs the task_id of one of the tasks"),
        ([{"task_id": "add"}], "completion 1: needs the task_id of one of the tasks, and a completion"),
        ([None], "completion 1: needs the task_id of one of the tasks, and a completion"),
        ("ab", "completions: is one text; give a list"),
    ],
)
def test_a_mistake_is_an_error_of_ours(completions, said):
    with pytest.raises(HaloRaftError, match=said):
        verify(ROWS, completions)
    with pytest.raises(HaloRaftError, match="unknown verifier 'gccc'"):
        verify(ROWS, [ADD, NEG], verifier="gccc")
    with pytest.raises(HaloRaftError, match="task bare: it has no tests"):
        verify([{"task_id": "bare", "prompt": "Do."}], ["x"], verifier="mbpp")


def test_a_judge_is_given_tasks_and_as_many_completions():
    judge = Judge()
    with pytest.raises(HaloRaftError, match="completions: 1 for 2 tasks"):
        judge.verdicts(load_tasks(ROWS).tasks, [ADD])
    with pytest.raises(HaloRaftError, match=r"give those of load_tasks\(rows\)\.tasks"):
        judge.verdicts(ROWS, [ADD, NEG])


def test_train_is_the_command(monkeypatch, tmp_path):
    asked = []
    monkeypatch.setattr("halo_raft.pipelines.raft.train", lambda config, fresh: asked.append((config, fresh)) or [])
    assert train(None, "cycles=2", f"output_dir={tmp_path}", fresh=True) == []
    ((config, fresh),) = asked
    assert (config.cycles, config.output_dir, fresh) == (2, tmp_path, True)
    with pytest.raises(HaloRaftError, match="unknown key"):
        train(None, "cycels=2")
