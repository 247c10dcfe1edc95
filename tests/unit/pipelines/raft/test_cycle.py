"""What a run decides by its folder alone: the best cycle, and what a trained cycle was made from."""

import contextlib
from types import SimpleNamespace

import pytest

from halo_raft.config import RaftConfig, load
from halo_raft.pipelines.raft import cycle
from halo_raft.pipelines.raft.cycle import RaftRun
from halo_raft.pipelines.raft.plan import prepare
from halo_raft.records import CycleStats
from halo_raft.train import LossPoint

from ....made_run import make_adapter


@pytest.fixture
def make_run(tmp_path):
    """Returns a function that makes the run of a folder with so many cycles, measured as it is told."""

    def make(cycles, *rates):
        run = RaftRun(prepare(load(RaftConfig, None, [f"output_dir={tmp_path}", "tasks.limit=4", f"cycles={cycles}"])))
        for number, rate in enumerate(rates):
            run._write_stats(CycleStats(cycle=number, heldout={"pass_at_1": {"mean": rate}}))
            make_adapter(run.folder.adapter_path(number))
        return run

    return make


def test_best_does_not_move_back_when_a_finished_run_is_started_with_fewer_cycles(make_run):
    assert make_run(3, 0.1, 0.2, 0.1, 0.3).update_best() == 3
    assert make_run(1).update_best() == 3
    assert make_run(1).folder.path.joinpath("best").readlink().name == "cycle_3_final"


def test_a_cycle_whose_adapter_has_no_weights_is_not_the_best(make_run):
    run = make_run(2, 0.1, 0.2, 0.3)
    (run.folder.adapter_path(2) / "adapter_model.safetensors").unlink()
    assert run.update_best() == 1


def test_what_a_trained_cycle_was_made_from_stays(make_run):
    run = make_run(1)
    selected = CycleStats(cycle=1, samples=8, kept=3, selection={"duplicate": 1})
    run.folder.write_json("cycle_1_selected.json", selected.to_dict())
    assert run._selected_before(1) is None, "nothing is trained: the selection may change"
    make_adapter(run.folder.adapter_path(1))
    assert run._selected_before(1) == selected


def test_a_cycle_that_is_killed_while_it_is_logged_logs_the_same_durations_again(make_run, monkeypatch):
    """The tracker keeps what is new at a step: another duration of the same training would be a second point."""
    run, facts = make_run(1), {"loss_curve": [LossPoint(1, 0.9, 1e-4)], "held_back_curve": [], "loop_seconds": 1.0}
    facts |= {
        "examples": 3,
        "skipped_too_long": 0,
        "held_back": 0,
        "mixed_in": 0,
        "scales": (),
        "steps": 1,
        "trained_tokens": 9,
        "tokens_per_s": 9.0,
    }

    def finetune(job, report):
        make_adapter(run.folder.adapter_path(1))
        return SimpleNamespace(seconds=20.0)

    monkeypatch.setattr(cycle, "finetune", finetune)
    monkeypatch.setattr(cycle, "finetune_job", lambda *_, **__: None)
    monkeypatch.setattr(cycle, "read_training", lambda adapter: facts)
    placement = SimpleNamespace(trainer_gpus=0)
    pool = SimpleNamespace(placement=placement, aside=contextlib.nullcontext)
    monkeypatch.setattr(type(run.session), "pool", pool)
    log = SimpleNamespace(log_metrics=lambda *_: None)
    first = run._train(CycleStats(cycle=1, samples=8, kept=3, seconds={"sample": 7.0}), log)
    again = run._train(run._selected_before(1), log)
    assert first.seconds == again.seconds == {"sample": 7.0, "train": 20.0}
    assert first == again
