"""A training away from home ends as it ends at home, also where its node is lost on the way."""

from __future__ import annotations

import json

import pytest

from halo_raft.cluster.home import Home, digest
from halo_raft.train.saving import checkpoint_folder
from halo_raft.train.visiting import visiting

torch = pytest.importorskip("torch")


@pytest.fixture
def elsewhere(monkeypatch, tmp_path):
    """The home of a training that runs on another node; both are this process."""
    torch.set_num_threads(1)
    monkeypatch.setenv("HALO_RAFT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(Home, "is_here", False)
    monkeypatch.setattr(Home, "call", lambda self, function, *arguments: function(*arguments))
    return Home("home")


def visit(job, home, **more):
    """Train as a worker on another node does; return its job."""
    from halo_raft.train import loop

    with visiting(job, home) as there:
        loop.train(there.job, **({"kept": there.kept} | more))
        there.done()
    return there.job


def weights(adapter):
    from safetensors.torch import load_file

    return {name: tensor.tolist() for name, tensor in load_file(adapter / "adapter_model.safetensors").items()}


def test_the_adapter_comes_home_and_names_the_base_as_home_does(make_job, elsewhere):
    from halo_raft.train import loop

    loop.train(make_job("at_home"))
    job = make_job("away")
    there = visit(job, elsewhere)
    assert there.output_dir != job.output_dir and not there.output_dir.exists(), "nothing is left there"
    assert weights(job.output_dir) == weights(make_job("at_home").output_dir)
    config = json.loads((job.output_dir / "adapter_config.json").read_text())
    assert config["base_model_name_or_path"] == job.base_model
    assert not checkpoint_folder(job.output_dir).exists()


def test_a_training_goes_on_elsewhere_from_the_adapter_of_another_node(make_job, elsewhere):
    from halo_raft.train import loop

    loop.train(make_job("first"))
    first = make_job("first").output_dir
    loop.train(make_job("at_home", init_adapter=first))
    there = visit(make_job("away", init_adapter=first), elsewhere)
    assert there.init_adapter != first and digest(there.init_adapter) == digest(first)
    assert weights(make_job("away").output_dir) == weights(make_job("at_home").output_dir)


def test_a_lost_node_costs_no_more_than_the_steps_since_its_last_checkpoint(make_job, elsewhere):
    from halo_raft.train import loop

    settings = {"num_train_epochs": 4, "gradient_accumulation": 1, "checkpoint_steps": 2}
    loop.train(make_job("at_home", **settings))
    job, lines = make_job("away", **settings), []

    class Lost(Exception):
        pass

    with pytest.raises(Lost), visiting(job, elsewhere) as there:

        def kept(folder):
            there.kept(folder)
            if (folder / "checkpoint-4").is_dir():
                raise Lost

        loop.train(there.job, kept=kept)
    assert [path.name for path in checkpoint_folder(job.output_dir).iterdir()] == ["checkpoint-4"]
    visit(job, elsewhere, report=lines.append)
    assert any("Going on with the training at step 4" in line for line in lines)
    assert weights(job.output_dir) == weights(make_job("at_home").output_dir)
    assert not checkpoint_folder(job.output_dir).exists()
