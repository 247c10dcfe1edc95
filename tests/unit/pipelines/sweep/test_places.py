from __future__ import annotations

from halo_raft.config import SweepConfig
from halo_raft.pipelines.sweep.places import with_lasting_paths


def test_relative_paths_are_those_of_the_working_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    config = with_lasting_paths(SweepConfig())
    assert config.output_dir == tmp_path / "models/sweep"
    assert config.storage == str(tmp_path / "models/sweep/study.journal")
    assert config.tracking.dir == tmp_path / "mlruns"


def test_a_ray_job_writes_where_it_stays(tmp_path, monkeypatch):
    job = tmp_path / "runtime_resources/working_dir_files/_ray_pkg_1"
    job.mkdir(parents=True)
    monkeypatch.chdir(job)
    monkeypatch.setenv("HALO_RAFT_HOME", str(tmp_path / "home"))
    assert with_lasting_paths(SweepConfig()).output_dir == tmp_path / "home/models/sweep"
    monkeypatch.delenv("HALO_RAFT_HOME")
    monkeypatch.setenv("HOME", str(tmp_path / "user"))
    assert with_lasting_paths(SweepConfig()).output_dir == tmp_path / "user/halo-raft/models/sweep"


def test_absolute_paths_and_urls_stay_as_they_are(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    settings = {"output_dir": "/results/x", "sweep": {"storage": "postgresql://db/x"}}
    config = with_lasting_paths(SweepConfig.model_validate(settings))
    assert str(config.output_dir) == "/results/x"
    assert config.storage == "postgresql://db/x"
