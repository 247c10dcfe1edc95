"""Adapters of the driver's node, in an engine on another one."""

from __future__ import annotations

from dataclasses import replace

import pytest

from halo_raft.cluster.home import Home
from halo_raft.config import RaftConfig, load
from halo_raft.engines import Adapter, EngineSpec
from halo_raft.engines.actor import EngineActor
from halo_raft.errors import ConfigError


@pytest.fixture
def fetched(monkeypatch, tmp_path):
    """What was fetched from home, by an actor that is elsewhere."""
    paths = []
    monkeypatch.setattr(Home, "fetch", lambda self, path: paths.append(path) or tmp_path / "copies" / path.name)
    return paths


def actor_of(model, home):
    name = "engine.name=tests.integration.fake_engines:Sound"
    return EngineActor(EngineSpec(str(model), load(RaftConfig, None, [name]).engine, home=home))


def test_an_adapter_is_fetched_once_and_served_from_its_copy(fetched, tmp_path):
    (tmp_path / "config.json").write_text("{}")
    actor = actor_of(tmp_path, Home("another node"))
    a, b = Adapter("a", 1, "/run/a"), Adapter("b", 2, "/run/b")
    for adapter in (None, a, a, b, None, a):
        actor.use(adapter)
        list(actor.generate([], adapter))
        copy = adapter and replace(adapter, path=f"{tmp_path}/copies/{adapter.name}")
        assert actor.engine.adapter == copy
    assert [path.name for path in fetched] == ["a", "b", "a"]


def test_at_home_nothing_is_fetched(fetched, tmp_path):
    (tmp_path / "config.json").write_text("{}")
    actor = actor_of(tmp_path, None)
    actor.use(Adapter("a", 1, "/run/a"))
    assert actor.engine.adapter.path == "/run/a"
    assert not fetched


def test_a_model_that_is_not_on_a_node_is_one_line_that_names_it(tmp_path, monkeypatch):
    monkeypatch.setattr("socket.gethostname", lambda: "worker-7")
    with pytest.raises(ConfigError, match=r"gone is no folder; .* \(on worker-7; each node that computes needs it\)"):
        actor_of(tmp_path / "gone", Home("another node")).ready()
