from __future__ import annotations

from pathlib import Path

from halo_raft.cluster.jobs import with_lasting_paths
from halo_raft.config import RaftConfig


def test_outside_of_a_job_paths_stay_as_they_are(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert with_lasting_paths(RaftConfig()) == RaftConfig()


def test_a_ray_job_writes_where_it_stays(tmp_path, monkeypatch):
    job = tmp_path / "runtime_resources/working_dir_files/_ray_pkg_1"
    job.mkdir(parents=True)
    monkeypatch.chdir(job)
    monkeypatch.setenv("HALO_RAFT_HOME", str(tmp_path / "home"))
    config = with_lasting_paths(RaftConfig())
    assert config.output_dir == tmp_path / "home/models/raft"
    assert config.tracking.dir == tmp_path / "home/mlruns"
    monkeypatch.delenv("HALO_RAFT_HOME")
    monkeypatch.setenv("HOME", str(tmp_path / "user"))
    assert with_lasting_paths(RaftConfig()).output_dir == tmp_path / "user/halo-raft/models/raft"
    assert with_lasting_paths(RaftConfig(output_dir=Path("/results"))).output_dir == Path("/results")
