import json
import math

import pytest

from halo_raft.errors import DataError
from halo_raft.pipelines.benchmark.result import BenchmarkResult, lengths, with_timing

from .conftest import sample


def test_the_guides_snippet_reads_it(write_result, tmp_path):
    path = write_result(tmp_path / "raft.json", {"a": ["passed", "wrong"], "b": ["wrong", "wrong"]}, ks=(1, 2))
    with open(path) as f:
        data = json.load(f)
    assert f"raft: pass@1={data['pass_at_k']['1']:.1%}" == "raft: pass@1=25.0%"
    assert data["schema_version"] == 2 and data["adapter"] is None
    assert data["pass_at_k"]["2"] == 0.5
    assert data["tasks"][0] == {"task_id": "a", "samples": 2, "passed": 1, "kinds": {"passed": 1, "wrong": 1}}


def test_too_few_samples_are_nan_here_and_null_in_the_file(write_result, tmp_path):
    path = write_result(tmp_path / "r.json", {"a": ["passed", "wrong"]}, ks=(1, 5))
    row = json.loads(path.read_text(), parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
    assert row["pass_at_k"] == {"1": 0.5, "5": None}
    assert math.isnan(BenchmarkResult.load(path).pass_at_k["5"])


def test_infra_is_in_no_rate_and_counted(write_result, tmp_path):
    result = BenchmarkResult.load(write_result(tmp_path / "r.json", {"a": ["passed", "infra"], "b": ["infra"] * 2}))
    assert (result.pass_rate, result.infra_samples, result.kinds) == (1.0, 3, {"passed": 1, "infra": 3})
    assert [(t.task_id, t.samples) for t in result.outcomes.tasks] == [("a", 1)]
    assert result.outcomes.infra_tasks == 1


def test_saved_and_loaded_is_the_same(write_result, tmp_path):
    path = write_result(tmp_path / "r.json", {"a": ["passed"]}, adapter="/runs/x/cycle_2_final")
    result = BenchmarkResult.load(path)
    result.save(tmp_path / "again.json")
    assert BenchmarkResult.load(tmp_path / "again.json") == result
    assert result.shown == "x/cycle_2_final"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "is damaged"),
        ("[]", "no schema_version"),
        ('{"schema_version": 1}', "schema_version 1, not 2"),
        ('{"schema_version": 2}', "is damaged"),
        ('{"schema_version": 2, "pass_at_k": {}}', "is damaged"),
    ],
)
def test_another_file_is_one_line(tmp_path, text, said):
    (tmp_path / "r.json").write_text(text)
    with pytest.raises(DataError, match=said) as caught:
        BenchmarkResult.load(tmp_path / "r.json")
    assert "\n" not in str(caught.value)


def test_lengths_count_tokens():
    sizes = lengths([sample("a", i, finish_reason="length" if i > 97 else "stop") for i in range(100)])
    assert sizes == {"mean": 59.5, "median": 59.5, "p95": 104, "max": 109, "truncated": 2}
    assert lengths([]) == {}


def test_a_command_that_draws_nothing_keeps_what_was_measured(write_result, tmp_path):
    path = write_result(tmp_path / "r.json", {"a": ["passed"]}, tokens_per_s=7.0, wall_s=3.0)
    nothing = {"tokens_per_s": 0.0, "wall_s": 0.0, "timed_samples": 0}
    assert with_timing(nothing, path) == {"tokens_per_s": 7.0, "wall_s": 3.0, "timed_samples": 1}
    assert with_timing(nothing, tmp_path / "none.json") == nothing
    some = {"tokens_per_s": 1.0, "wall_s": 1.0, "timed_samples": 4}
    assert with_timing(some, path) == some
