import json
import random

import pytest

from halo_raft.errors import DataError
from halo_raft.pipelines.benchmark import compare
from halo_raft.pipelines.benchmark.page import comparison_view

SAMPLES = 8


def drawn(seed, shift=0.0, tasks=80):
    """Outcomes of a model whose chance of passing is its own in each task, the same one for every seed."""
    chances = random.Random("tasks")
    draws = random.Random(seed)
    outcomes = {}
    for number in range(tasks):
        chance = min(1.0, chances.betavariate(0.4, 1.2) + shift)
        outcomes[f"t{number}"] = ["passed" if draws.random() < chance else "wrong" for _ in range(SAMPLES)]
    return outcomes


def test_two_equal_models_differ_in_at_most_one_of_twenty_seeds(write_result, tmp_path):
    found = 0
    for seed in range(20):
        base = write_result(tmp_path / f"{seed}" / "base.json", drawn(f"base {seed}"))
        same = write_result(tmp_path / f"{seed}" / "same.json", drawn(f"same {seed}"))
        _, (comparison,) = compare.compare([base, same], 1)
        found += comparison.difference.is_real
    assert found <= 1


def test_a_better_model_is_found_to_be_better(write_result, tmp_path):
    base = write_result(tmp_path / "base.json", drawn("base"))
    better = write_result(tmp_path / "better.json", drawn("better", shift=0.15))
    _, (comparison,) = compare.compare([base, better], 1)
    assert comparison.difference.is_real
    assert comparison.difference.low > 0
    assert compare.verdict_text(comparison.difference).startswith("A real gain")
    _, (backwards,) = compare.compare([better, base], 1)
    assert compare.verdict_text(backwards.difference).startswith("A real loss")


def test_gained_and_lost_tasks_by_name(write_result, tmp_path, capsys):
    base = {"a": ["wrong"] * 2, "b": ["passed"] * 2, "c": ["passed", "wrong"], "d": ["wrong"] * 2}
    after = {"d": ["wrong"] * 2, "c": ["passed"] * 2, "a": ["passed", "wrong"], "b": ["runtime"] * 2}
    paths = [write_result(tmp_path / "base.json", base), write_result(tmp_path / "after.json", after)]
    results, comparisons = compare.compare(paths, 1)
    compare.say(results, comparisons, 1)
    printed = capsys.readouterr().out
    assert "gained (1): a 0/2 → 1/2" in printed
    assert "lost (1): b 2/2 → 0/2" in printed
    assert "2 tasks better, 1 worse, 1 the same" in printed
    row = json.loads(json.dumps(compare.as_json(paths, comparisons, 1), allow_nan=False))
    assert [change["task_id"] for change in row["comparisons"][0]["better"]] == ["a", "c"]


def test_completions_stand_side_by_side(write_result, tmp_path):
    paths = [
        write_result(tmp_path / "base.json", {"a": ["wrong", "wrong"], "b": ["wrong"] * 2}),
        write_result(tmp_path / "after.json", {"a": ["wrong", "passed"], "b": ["wrong"] * 2}),
    ]
    view = comparison_view(paths, *compare.compare(paths, 1), 1)
    changed, same = view.side_by_side
    assert (changed.task_id, same.task_id) == ("a", "b"), "the most changed first"
    shown = {found.name: [answer.completion for answer in found.shown] for found in changed.answers}
    assert shown == {"base": ["wrong 0"], "after": ["passed 1", "wrong 0"]}
    assert [dict(found.kinds) for found in changed.answers] == [{"wrong": 2}, {"wrong": 1, "passed": 1}]


def test_three_results_are_each_compared_with_the_first(write_result, tmp_path):
    names = ("base", "one", "two")
    paths = [write_result(tmp_path / f"{n}.json", {"a": ["passed"], "b": ["wrong"]}) for n in names]
    results, comparisons = compare.compare(paths, 1)
    assert [c.candidate.model for c in comparisons] == ["one", "two"]
    assert {c.difference.mean for c in comparisons} == {0.0}
    assert len(results) == 3


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"prompts_sha256": "other"}, "measure different tasks"),
        ({"verifier": "python"}, "judged by different verifiers"),
        ({"samples_per_prompt": 1}, "gives no pass@2"),
    ],
)
def test_what_cannot_be_compared_is_one_line(write_result, tmp_path, changes, said):
    base = write_result(tmp_path / "base.json", {"a": ["passed"] * 2})
    other = write_result(tmp_path / "other.json", {"a": ["passed"] * 2}, **changes)
    with pytest.raises(DataError, match=said) as caught:
        compare.compare([base, other], 2)
    assert "\n" not in str(caught.value) and "other.json" in str(caught.value)


def test_different_sampling_is_said(write_result, tmp_path, capsys):
    base = write_result(tmp_path / "base.json", {"a": ["passed"], "b": ["wrong"]})
    warm = write_result(tmp_path / "warm.json", {"a": ["passed"], "b": ["wrong"]}, sampling={"temperature": 0.8})
    results, comparisons = compare.compare([base, warm], 1)
    compare.say(results, comparisons, 1)
    assert "sampled differently (temperature 0.2 / 0.8)" in capsys.readouterr().out


def test_one_task_is_too_few(write_result, tmp_path):
    paths = [write_result(tmp_path / f"{name}.json", {"a": ["passed"]}) for name in "xy"]
    _, (comparison,) = compare.compare(paths, 1)
    assert compare.verdict_text(comparison.difference) == "Too few tasks to compare."
    assert compare.as_json(paths, [comparison], 1)["comparisons"][0]["p_value"] is None
