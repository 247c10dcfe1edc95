"""What a cycle trains on beside what it kept."""

from __future__ import annotations

import pytest

from halo_raft.config import RaftConfig, load
from halo_raft.pipelines.raft import spoken
from halo_raft.pipelines.raft.plan import prepare
from halo_raft.pipelines.raft.tracked import metrics
from halo_raft.pipelines.raft.training import finetune_job, with_training, write_base
from halo_raft.records import CycleStats, Sample
from halo_raft.store import RunFolder, read_records, write_atomically
from halo_raft.train.job import LossPoint, ScalePoint


def sample(task: int, index: int, *, cycle: int = 1, reason: str = "stop") -> Sample:
    return Sample(
        sample_id=f"{cycle}/{task}/{index}", task_id=f"t{task}", cycle=cycle, index=index, completion="c",
        prompt_token_ids=[1], token_ids=[2, 3], finish_reason=reason, model="m", sampling={},
    )  # fmt: skip


@pytest.fixture
def make(tmp_path):
    def plan_and_folder(*settings):
        words = ["tasks.limit=4", "sampling.samples_per_prompt=3", f"output_dir={tmp_path / 'run'}", *settings]
        plan = prepare(load(RaftConfig, None, words))
        folder = RunFolder(plan.config.output_dir)
        folder.path.mkdir(exist_ok=True)
        drawn = [sample(task, index) for task in range(10) for index in range(5)]  # 3 and 4 are of a second round
        drawn += [sample(10, index, reason="length") for index in range(3)]
        write_atomically(folder.samples_path(1), "".join(s.to_json() + "\n" for s in drawn))
        for cycle, kept in ((1, drawn[:6]), (2, [*drawn[:6], *(sample(1, n, cycle=2) for n in range(3))])):
            folder.write_kept(cycle, kept)
        return plan, folder

    return plan_and_folder


def test_nothing_is_mixed_in_unless_asked_for(make):
    plan, folder = make()
    assert write_base(plan, folder, 1) == ()
    assert not folder.base_path(1).exists()


def test_answers_of_the_first_model_make_their_share(make):
    plan, folder = make("training.base_share=0.4")
    kept = {s.sample_id for s in folder.kept(1)}
    job = finetune_job(plan, folder, 1, gpus=0)
    assert job.mixed_in == (folder.base_path(1),)
    mixed = list(read_records(folder.base_path(1), Sample))
    assert len(mixed) == 4, "of 10 examples, 6 of which were kept"
    assert kept.isdisjoint(s.sample_id for s in mixed)
    assert all(s.index < 3 and not s.truncated for s in mixed), "of the first round, and whole"
    again = folder.base_path(1).read_bytes()
    write_base(plan, folder, 1)
    assert folder.base_path(1).read_bytes() == again
    write_base(plan, folder, 2)
    later = list(read_records(folder.base_path(2), Sample))
    assert len(later) == 6 and {s.cycle for s in later} == {1}, "a later cycle's are the first model's too"
    assert {s.sample_id for s in later} != {s.sample_id for s in mixed}


def test_a_repair_that_is_two_examples_counts_twice_in_the_share(make):
    plan, folder = make("training.base_share=0.5")
    kept = folder.kept(1)
    folder.write_kept(1, [*kept, *kept[:3]])
    write_base(plan, folder, 1)
    assert len(list(read_records(folder.base_path(1), Sample))) == len(kept) + 3


def test_no_more_is_mixed_in_than_was_drawn(make):
    plan, folder = make("training.base_share=0.95")
    write_base(plan, folder, 1)
    assert len(list(read_records(folder.base_path(1), Sample))) == 30 - 4, "of the kept ones 4 are of the first round"


def test_where_all_that_was_drawn_is_kept_nothing_is_mixed_in(make):
    plan, folder = make("training.base_share=0.5")
    folder.write_kept(1, [s for s in folder.samples(1) if not s.truncated])
    assert write_base(plan, folder, 1) == ()


def test_statistics_say_what_was_mixed_in_and_how_much_of_the_adapter_was_kept(capsys):
    facts = {
        "loss_curve": (LossPoint(1, 0.9, 1e-4),), "examples": 10, "mixed_in": 4, "scales": (ScalePoint(0.5, 1.2),),
        "skipped_too_long": 0, "held_back": 2, "held_back_loss": 1.2, "steps": 3, "trained_tokens": 9,
        "tokens_per_s": 1.0, "loop_seconds": 1.0,
    }  # fmt: skip
    stats = with_training(CycleStats(cycle=1, kept=8), facts)
    assert (stats.trained, stats.base_samples, stats.adapter_scale) == (10, 4, 0.5)
    assert CycleStats.from_dict(stats.to_dict()) == stats
    spoken.trained(stats)
    said = capsys.readouterr().out
    assert "With 4 answers of the first model, right or wrong (training.base_share)" in said
    assert "0.5 of the adapter is kept (training.scales)" in said
    assert {"train/base_samples": 4.0, "train/adapter_scale": 0.5}.items() <= metrics(stats).items()
    assert metrics(CycleStats(cycle=1))["train/base_samples"] is None, "a run without has no such curve"


def test_what_was_mixed_in_is_tracked_by_where_it_is_from():
    stats = CycleStats(cycle=1, mixed={"starter": {"prompts": 3, "samples": 24, "passed": 6}})
    found = {name: value for name, value in metrics(stats).items() if name.startswith("mixed")}
    assert found == {"mixed/starter/prompts": 3.0, "mixed/starter/samples": 24.0, "mixed/starter/passed": 6.0}
