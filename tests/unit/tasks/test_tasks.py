"""Task rows of every form, joins with tests, and one clear line for what is wrong."""

import json
from pathlib import Path

import pytest

from halo_raft import tasks
from halo_raft.errors import ConfigError, DataError
from halo_raft.prompts import messages
from halo_raft.tasks.base import TaskSet, parse_row
from halo_raft.tasks.rows.entry_point import called_function

SHARED = Path(__file__).resolve().parents[4] / "shared" / "data"


@pytest.fixture
def write(tmp_path):
    def _write(*rows, name="tasks.jsonl"):
        path = tmp_path / name
        path.write_text("".join((r if isinstance(r, str) else json.dumps(r)) + "\n" for r in rows))
        return str(path)

    return _write


def test_a_prompt_alone_is_a_task_whose_id_is_a_hash(write):
    (task,) = tasks.load(write({"text": "Write a function."})).tasks
    (same,) = tasks.load(write({"prompt": "Write a function."}, name="b.jsonl")).tasks
    assert task.prompt == "Write a function."
    assert task.task_id == same.task_id
    assert not task.has_tests


def test_line_separators_inside_a_prompt_and_a_byte_order_mark_are_read(tmp_path):
    (tmp_path / "a.jsonl").write_text('\ufeff{"prompt": "a\u2028b\u0085c"}\r\n{"prompt": "d"}', encoding="utf-8")
    assert [t.prompt for t in tasks.load(str(tmp_path / "a.jsonl")).tasks] == ["a\u2028b\u0085c", "d"]


def test_the_forms_of_the_data_sets():
    hub = parse_row(
        {"task_id": 1, "text": "q", "code": "c", "test_list": ["assert f(1) == 2"], "test_setup_code": ""}, "x"
    )
    assert (hub.task_id, hub.prompt, hub.solution, hub.entry_point, hub.test_setup) == ("1", "q", "c", "f", None)
    peer = parse_row(
        {"task_id": 2, "prompt": "q", "tests": "def test_solution():\n    assert g(1) == 2", "entry_point": "h"}, "x"
    )
    assert peer.entry_point == "g", "the asserts say what is called, the peer's rows name a helper here and there"
    human = parse_row(
        {
            "task_id": "H/0",
            "prompt": "def f(x):\n",
            "test": "def check(candidate):\n    assert candidate(1)",
            "entry_point": "f",
            "canonical_solution": "    return x",
        },
        "x",
    )
    assert (human.entry_point, human.solution) == ("f", "    return x")
    multi = parse_row({"name": "n", "language": "rs", "prompt": "fn f() {", "tests": "}\nfn main() {}"}, "x")
    assert (multi.task_id, multi.language) == ("n", "rust")


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        (['{"prompt": "a"}', "{broken"], "tasks.jsonl:2: is not JSON"),
        (['{"prompt": "a"}', "", "[1]"], "tasks.jsonl:3: is not a JSON object"),
        (['{"task_id": 1}'], "tasks.jsonl:1: has no prompt"),
        (['{"prompt": "  "}'], "tasks.jsonl:1: has no prompt"),
        (['{"prompt": "a", "test_cases": ["x"]}'], "tasks.jsonl:1: test_cases must be a list of objects"),
        (['{"prompt": 5}'], "tasks.jsonl:1: prompt must be text, not int"),
        (['{"prompt": "a", "test_list": "assert f()"}'], "tasks.jsonl:1: test_list must be a list of strings"),
        (
            ['{"prompt": "a", "task_id": 1}', '{"prompt": "b", "task_id": 1}'],
            "tasks.jsonl:2: task_id '1' is that of line 1 too; ids are unique",
        ),
        ([], "holds no tasks"),
    ],
)
def test_a_bad_row_is_one_line_with_its_place(write, rows, expected):
    with pytest.raises(DataError) as caught:
        tasks.load(write(*rows))
    assert expected in str(caught.value)
    assert "\n" not in str(caught.value)


def test_unknown_sources_and_splits_list_what_there_is(tmp_path):
    with pytest.raises(
        ConfigError,
        match=r"no file and no task source \(looked for .*startr\); sources: .*humaneval, .*mbpp, .*starter",
    ):
        tasks.load("startr")
    with pytest.raises(ConfigError, match=r"starter has no split 'test'; there are: train, heldout"):
        tasks.load("starter:test")
    with pytest.raises(ConfigError, match=r"is a folder; name the file of tasks in it$"):
        tasks.load(str(tmp_path))


def test_humaneval_comes_with_the_package():
    loaded = tasks.load("humaneval")
    assert len(loaded.tasks) == 164
    assert loaded.verifier == "humaneval"
    assert all(t.entry_point and t.tests and t.solution for t in loaded.tasks)


def test_a_hub_source_is_described_without_a_download():
    assert tasks.describe("mbpp:test") == tasks.Description(500, "mbpp", downloads=True)


def test_prompts_find_their_tests_by_id(write):
    prompts = tasks.load(write({"task_id": 7, "prompt": "my words"}))
    tests = tasks.load(write({"task_id": 7, "prompt": "theirs", "test_list": ["assert f()"]}, name="tests.jsonl"))
    (joined,) = tasks.join_tests(prompts, tests).tasks
    assert (joined.prompt, joined.test_list) == ("my words", ("assert f()",))
    with pytest.raises(DataError, match="task 8 has no tests"):
        tasks.join_tests(tasks.load(write({"task_id": 8, "prompt": "p"})), tests)


def test_overlap_of_training_and_heldout_is_refused_whatever_the_layout(write):
    train = tasks.load(write({"task_id": "a", "prompt": "Add two numbers."}))
    heldout = tasks.load(write({"task_id": "b", "prompt": "  add TWO\nnumbers"}, name="held.jsonl"))
    with pytest.raises(DataError, match=r"1 of 1 held-out tasks are also in .* \(first: b is a\)"):
        tasks.refuse_overlap(train, heldout)
    tasks.refuse_overlap(train, tasks.load("starter:heldout"))


def test_the_hash_follows_the_content_not_the_file(write):
    row = {"task_id": "a", "prompt": "p"}
    assert tasks.load(write(row)).sha256 == tasks.load(write(row, name="other.jsonl")).sha256
    assert tasks.load(write(row)).sha256 != tasks.load(write(row | {"prompt": "q"}, name="third.jsonl")).sha256


@pytest.mark.parametrize(
    ("asserts", "name"),
    [
        (["assert f(1) == 2", "assert f(2) == 3"], "f"),
        (["assert not f(1)", "assert (f(2) == 3)"], "f"),
        (["assert set(f(1)) == {1}", "assert f(2)"], "f"),
        (["assert f(1) == 2", "assert g(1) == 2"], None),
        ([], None),
    ],
)
def test_the_called_function_is_named_only_when_all_asserts_agree(asserts, name):
    assert called_function(tuple(asserts)) == name


def test_prompts_show_the_asserts_and_name_the_language():
    (task,) = TaskSet.of(
        "x", [parse_row({"prompt": "Add.", "test_list": ["assert add(1, 2) == 3"]}, "x")], "mbpp"
    ).tasks
    system, user = messages(task)
    assert system["content"] == "You are an expert Python programmer."
    assert "assert add(1, 2) == 3" in user["content"]
    assert "assert" not in messages(task, show_tests=False)[1]["content"]
    assert [m["role"] for m in messages(task, system="")] == ["user"]


def test_code_prompts_are_asked_to_be_completed_and_keep_their_tests_hidden():
    task = tasks.load("humaneval").tasks[0]
    question = messages(task)[1]["content"]
    assert question.startswith("Complete this Python function:\n\n```python\nfrom typing import List")
    assert "candidate" not in question


@pytest.mark.skipif(not SHARED.is_dir(), reason="needs the developers' shared/data folder beside the checkout")
@pytest.mark.parametrize(
    ("name", "rows", "verifier"),
    [
        ("mbpp_train_full", 374, "mbpp"),
        ("mbpp_hub_train", 374, "mbpp"),
        ("mbpp_dev", 100, "mbpp"),
        ("multipl_e_cpp", 80, "gcc"),
    ],
)
def test_real_files_are_read_as_they_are(name, rows, verifier):
    loaded = tasks.load(str(SHARED / f"{name}.jsonl"))
    assert len(loaded.tasks) == rows
    assert loaded.verifier == verifier
    assert all(t.has_tests for t in loaded.tasks)


def test_a_builtin_around_the_call_is_not_the_function_under_test():
    assert called_function("assert abs(f(1) - 2) < 1e-6") == "f"
    for task in tasks.load("humaneval").tasks:
        assert f"def {task.entry_point}(" in task.prompt
