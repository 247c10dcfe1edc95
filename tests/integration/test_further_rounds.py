"""A whole cycle with a repair round and hints, on an engine that follows a script; killed once in the repair round."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path

import pytest

from halo_raft.config import RaftConfig, load
from halo_raft.engines.base import EngineDiedError
from halo_raft.pipelines import raft
from halo_raft.records import KeptSample, Sample, Task, Verdict
from halo_raft.report.examples import examples
from halo_raft.store import RunFolder, read_records

from ..tiny_model import make_tiny_model
from .fake_engines import Scripted

pytestmark = pytest.mark.slow

FIRST, REPAIRS, HINTS = 2, 2, 2


def task(number: int) -> dict:
    asserts = [f"assert f{number}({x}) == {x + number}" for x in (1, 5)]
    row = {"task_id": f"t{number}", "prompt": f"Write f{number}(x).", "test_list": asserts}
    steps = " + ".join(["x", *["1"] * number])
    return row | ({"solution": f"def f{number}(x):\n    return {steps}"} if number != 5 else {})


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory, ray_session: None) -> RaftConfig:
    folder = tmp_path_factory.mktemp("further")
    tasks = folder / "tasks.jsonl"
    tasks.write_text("".join(json.dumps(task(number)) + "\n" for number in range(6)))
    words = (
        "engine.name=tests.integration.fake_engines:Scripted", "engine.max_restarts=0", "cycles=1",
        f"sampling.samples_per_prompt={FIRST}", f"sampling.repair={REPAIRS}", "sampling.hint=reference",
        f"sampling.hint_samples={HINTS}", "selection.reward_threshold=1", "selection.keep_top_percent=1",
        "selection.repaired_as=both", "selection.max_hinted_share=0.5", "training.num_train_epochs=1",
        "training.bf16=false", "training.learning_rate=0.01", "lora.r=4", "tracking.mlflow=false",
    )  # fmt: skip
    model = make_tiny_model(folder / "model")
    return load(
        RaftConfig, None, [*words, f"model.name={model}", f"tasks.train={tasks}", f"output_dir={folder / 'run'}"]
    )


@pytest.fixture(scope="module")
def before(config: RaftConfig) -> bytes:
    """The samples of a run that died in its repair round, a torn line at their end."""
    with pytest.raises(EngineDiedError, match="its script says so"):
        raft.train(config)
    path = config.output_dir / "cycle_1_samples.jsonl"
    left = path.read_bytes()
    path.write_bytes(left + b'{"sample_id":"to')
    return left


@pytest.fixture(scope="module")
def after(config: RaftConfig, before: bytes) -> Path:
    """The folder of the run that went on from there."""
    raft.train(config)
    return config.output_dir


def test_a_round_that_was_killed_goes_on_at_its_sample(before: bytes, after: Path) -> None:
    rounds = Counter(json.loads(line).get("round") for line in before.splitlines())
    assert rounds == {None: 6 * FIRST, "repair": 3}, "it died in the repair round, after three samples"
    lines = (after / "cycle_1_samples.jsonl").read_bytes()
    assert lines.startswith(before)
    drawn = [Sample.from_dict(json.loads(line)) for line in lines.splitlines()]
    places = [(s.task_id, s.index) for s in drawn]
    assert len(set(places)) == len(places) == len({s.sample_id for s in drawn})
    by_round: dict[str | None, set[tuple[str, int]]] = {}
    for sample in drawn:
        by_round.setdefault(sample.round, set()).add((sample.task_id, sample.index))
    everywhere, unsolved = [f"t{n}" for n in range(6)], [f"t{n}" for n in range(1, 6)]
    assert by_round[None] == {(t, n) for t in everywhere for n in (0, 1)}
    assert by_round["repair"] == {(t, n) for t in unsolved for n in (2, 3)}
    assert by_round["hint"] == {(t, n) for t in ("t2", "t3", "t4") for n in (4, 5)}, "t1 was repaired, t5 has none"
    verdicts = [v.sample_id for v in read_records(after / "cycle_1_verified.jsonl", Verdict)]
    assert sorted(verdicts) == sorted(s.sample_id for s in drawn)


def test_what_is_trained_on_is_marked_and_answers_the_task_alone(after: Path) -> None:
    drawn = {s.sample_id: s for s in read_records(after / "cycle_1_samples.jsonl", Sample)}
    first = {(s.task_id, s.index): s for s in drawn.values() if s.round is None}
    kept = list(read_records(after / "cycle_1_kept.jsonl", KeptSample))
    marks = Counter((s.task_id, s.round, s.trained_as, s.copied) for s in kept)
    assert marks[("t0", None, None, None)] == 1
    assert marks[("t1", "repair", "answer", None)] == marks[("t1", "repair", "dialogue", None)] == 1
    hinted = {key: n for key, n in marks.items() if key[1] == "hint"}
    assert hinted == {("t3", "hint", "answer", False): 1, ("t4", "hint", "answer", False): 1}, "half, copies last"
    for sample in kept:
        as_drawn = drawn[sample.sample_id]
        assert sample.token_ids == as_drawn.token_ids
        alone = sample.trained_as == "answer"
        asked = first[sample.task_id, sample.of] if alone else as_drawn
        assert sample.prompt_token_ids == asked.prompt_token_ids
        assert (sample.prompt_token_ids != as_drawn.prompt_token_ids) == alone


def test_statistics_and_card_say_what_was_used(after: Path) -> None:
    stats = json.loads((after / "cycle_1_stats.json").read_text())
    assert (stats["samples"], stats["passed"]) == (12, 2), "further rounds do not bend the pass rate"
    assert stats["repair"] == {"prompts": 5, "samples": 10, "passed": 2, "solved": 1, "kept": 1}
    assert stats["hint"] == {
        "prompts": 3, "samples": 6, "passed": 6, "solved": 3, "without_reference": 1, "kept": 2, "copied": 0
    }  # fmt: skip
    assert stats["kept"] == 4
    assert stats["trained"] == 5, "the repaired sample is two examples"
    assert stats["selection"]["over_hinted_share"] == 1
    card = (after / "cycle_1_final" / "README.md").read_text()
    assert "1 are repairs of a failed answer" in card
    assert "2 of 4 samples were drawn with the reference solution in view" in card


def test_the_report_shows_what_the_model_was_sent(after: Path) -> None:
    tasks = {row["task_id"]: Task(entry_point=f"f{n}", **row) for n in range(6) if (row := task(n))}
    found = [e for e in examples(RunFolder(after), 1, tasks, {}) if e.round]
    assert Counter(e.round for e in found) == {"repair": 2, "hint": 2}
    drawn = list(read_records(after / "cycle_1_samples.jsonl", Sample))
    for example in found:
        _, *turns = re.split(r"(?:^|\n\n)(System|User|Assistant):\n", example.prompt)
        chat = tuple({"role": r.lower(), "content": said} for r, said in zip(turns[::2], turns[1::2], strict=True))
        sent = [s.prompt_token_ids for s in drawn if (s.task_id, s.round) == (example.task_id, example.round)]
        assert Scripted.render(None, chat) in sent, example.task_id
