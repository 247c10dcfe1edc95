"""Rewards for other trainers, called as these call them."""

import inspect
import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from halo_raft import HaloRaftError
from halo_raft.rewards import CodeReward, compute_score

ADD = {"task_id": "add", "prompt": "Add.", "test_list": ["assert add(1, 2) == 3", "assert add(0, 0) == 0"]}
NEG = {"task_id": "neg", "prompt": "Negate.", "test_list": ["assert neg(1) == -1"]}
RIGHT, WRONG = "def add(a, b): return a + b", "def add(a, b): return 0"


def chat(text):
    return [{"role": "assistant", "content": text}]


def test_trl_gets_a_reward_a_completion_from_texts_and_chats_by_id_or_by_columns():
    by_id = CodeReward([ADD, NEG])
    assert by_id(prompts=["Add."] * 2, completions=[RIGHT, WRONG], task_id=["add"] * 2, completion_ids=[[1], [2]],
                 trainer_state=object(), log_metric=print)[0] == 1.0  # fmt: skip
    columns = {"test_list": [ADD["test_list"], ADD["test_list"], NEG["test_list"]], "test_setup": [None] * 3}
    rewards = CodeReward()(
        prompts=[[{"role": "user", "content": "Add."}]] * 2 + [[{"role": "user", "content": "Negate."}]],
        completions=[chat(f"```python\n{RIGHT}\n```"), chat(WRONG), chat("def neg(a): return -a")],
        **columns,
    )
    assert rewards[0] == rewards[2] == 1.0 and 0 < rewards[1] < 0.5, "one of two tests passed"


def test_a_row_that_names_no_task_or_is_none_is_an_error():
    with pytest.raises(HaloRaftError, match="has task_id 'sub', which is none of the tasks"):
        CodeReward([ADD])(prompts=["?"], completions=[RIGHT], task_id=["sub"])
    with pytest.raises(HaloRaftError, match="it has no tests"):
        CodeReward(verifier="mbpp")(prompts=["Add."], completions=[RIGHT])


def test_a_failure_of_ours_has_no_reward(tmp_path, monkeypatch):
    (tmp_path / "no_judge_today.py").write_text(
        "from halo_raft import Verifier\n\n\nclass Broken(Verifier):\n"
        "    def verify(self, code):\n        raise OSError('no judge today')\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    broken = CodeReward([ADD], verifier="no_judge_today:Broken")
    assert broken(prompts=["Add."], completions=[RIGHT], task_id=["add"]) == [None]
    with pytest.raises(HaloRaftError, match="could not be judged: OSError: no judge today"):
        compute_score("mine", RIGHT, ADD, verifier="no_judge_today:Broken")


def test_verl_gets_a_score_and_its_signature_is_the_published_one():
    assert compute_score(data_source="mine", solution_str=RIGHT, ground_truth=json.dumps(ADD), extra_info={}) == {
        "score": 1.0,
        "acc": 1.0,
    }
    bare = {"test_list": ADD["test_list"]}
    half = compute_score("mine", WRONG, bare, extra_info=None, reward_router_address=None)
    assert 0 < half["score"] < 0.5 and half["acc"] == 0
    names = list(inspect.signature(compute_score).parameters)
    assert names[:4] == ["data_source", "solution_str", "ground_truth", "extra_info"]
    with pytest.raises(HaloRaftError, match="ground_truth: is no row of a task file"):
        compute_score("mine", RIGHT, "42 is the answer")
    with pytest.raises(HaloRaftError, match="ground_truth: is no row of a task file"):
        compute_score("mine", RIGHT, "42")


def test_verl_asks_from_several_threads_at_once():
    answers = [f"def add(a, b): return a + b + {n % 2}" for n in range(8)]
    with ThreadPoolExecutor(4) as pool:
        scores = list(pool.map(lambda answer: compute_score("mine", answer, ADD)["acc"], answers))
    assert scores == [1.0, 0.0] * 4
