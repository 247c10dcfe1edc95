from __future__ import annotations

import os
import signal
import socket

import pytest

from halo_raft import devices
from halo_raft.cluster import connection
from halo_raft.cluster.connection import _bring_token, _ray_folder, _same_signals, ray_resources
from halo_raft.config import ResourcesConfig
from halo_raft.errors import ConfigError, HaloRaftError


@pytest.fixture
def home(tmp_path, monkeypatch):
    """An empty home, and no word of tokens in the environment."""
    for name in ("RAY_AUTH_MODE", "RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"):
        monkeypatch.setenv(name, "")  # so that it is taken back whatever the test does
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def test_a_local_instance_has_a_token_that_is_nowhere_else(home):
    _bring_token("local")
    assert len(os.environ["RAY_AUTH_TOKEN"]) == 64
    assert not list(home.iterdir())


def test_a_cluster_is_joined_with_the_token_that_is_there(home):
    _bring_token("host:6379")
    assert "RAY_AUTH_MODE" not in os.environ
    (home / ".ray").mkdir()
    (home / ".ray/auth_token").write_text("x")
    _bring_token("host:6379")
    assert os.environ["RAY_AUTH_MODE"] == "token"


def test_what_the_user_says_of_tokens_stays(home, monkeypatch):
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    monkeypatch.setenv("RAY_AUTH_TOKEN", "mine")
    _bring_token("host:6379")
    _bring_token("local")
    assert (os.environ["RAY_AUTH_MODE"], os.environ["RAY_AUTH_TOKEN"]) == ("disabled", "mine")


@pytest.fixture
def started(home, monkeypatch):
    """What Ray is started with: a dict, filled when it is."""
    import ray

    options = {}
    monkeypatch.setattr(ray, "is_initialized", lambda: False)
    monkeypatch.setattr(ray, "init", lambda **given: options.update(given))
    monkeypatch.setattr(ray, "shutdown", lambda: None)
    monkeypatch.setattr(ray, "cluster_resources", lambda: {"CPU": 8.0, "GPU": float(options.get("num_gpus", 2))})
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.setenv("HSA_ENABLE_SDMA", "")  # so that it is taken back
    monkeypatch.delenv("HSA_ENABLE_SDMA")
    monkeypatch.setenv(connection.PREEMPTION_WATCHER, "")  # likewise
    monkeypatch.delenv(connection.PREEMPTION_WATCHER)
    return options


@pytest.mark.parametrize(
    ("address", "is_up", "watched"), [(None, False, "0"), ("host:6379", False, None), (None, True, None)]
)
def test_only_nodes_of_a_cluster_are_watched_for_being_taken_away(started, monkeypatch, address, is_up, watched):
    monkeypatch.setattr(connection, "_check_answers", lambda address: None)
    monkeypatch.setattr("ray.is_initialized", lambda: is_up)
    with ray_resources(ResourcesConfig(num_gpus=0, ray_address=address)):
        assert os.environ.get(connection.PREEMPTION_WATCHER) == watched


@pytest.mark.parametrize("address", [None, "host:6379"])
def test_a_gpu_that_must_not_be_used_is_hidden_from_every_process(started, address, monkeypatch):
    monkeypatch.setattr(connection, "_check_answers", lambda address: None)
    with ray_resources(ResourcesConfig(num_gpus=0, ray_address=address)) as there:
        assert there["GPU"] == 0
    hidden = started["runtime_env"]["env_vars"]
    assert hidden["CUDA_VISIBLE_DEVICES"] == hidden["HIP_VISIBLE_DEVICES"] == ""


def test_amds_gpus_count_though_ray_does_not_see_them(started, monkeypatch):
    halo = devices.Gpu(0, "Radeon 8060S", "amd", architecture="gfx1151")
    monkeypatch.setattr(devices, "local_gpus", lambda: [halo])
    with ray_resources(ResourcesConfig(require_gpu=True)) as there:
        assert there["GPU"] == 1
    assert started["num_gpus"] == 1
    assert os.environ["HSA_ENABLE_SDMA"] == "0"


def test_nvidias_are_counted_by_ray(started, monkeypatch):
    monkeypatch.setattr(devices, "local_gpus", lambda: [devices.Gpu(0, "RTX 4090", "nvidia")])
    with ray_resources(ResourcesConfig()):
        assert "num_gpus" not in started
        assert "runtime_env" not in started


def test_a_start_that_fails_is_one_line(started, monkeypatch):
    def too_late(**given):
        raise Exception("The current node timed out during startup.\nThis could happen because ...")

    monkeypatch.setattr("ray.init", too_late)
    refused = pytest.raises(HaloRaftError, match=r"Ray did not start \(.* timed out during startup\.\); run .* again")
    with refused, ray_resources(ResourcesConfig()):
        pass


def test_a_cluster_that_is_not_there_is_one_line_and_nothing_is_started(started, monkeypatch):
    monkeypatch.setattr(connection, "ANSWERS_WITHIN_S", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as mute:  # takes connections, as any server does, and is no Ray
        address = f"127.0.0.1:{mute.getsockname()[1]}"
        refused = pytest.raises(ConfigError, match=f"no Ray cluster answers at {address}; .*unset RAY_ADDRESS")
        with refused, ray_resources(ResourcesConfig(ray_address=address)):
            pass
    assert not started


@pytest.mark.parametrize("address", ["http://127.0.0.1:8265", "https://ray.example"])
def test_the_address_of_a_dashboard_is_told_from_a_clusters(started, address, monkeypatch):
    monkeypatch.setenv("RAY_ADDRESS", address)
    with pytest.raises(ConfigError, match="takes jobs"), ray_resources(ResourcesConfig()):
        pass
    assert not started


@pytest.mark.parametrize(
    ("gpus", "said"),
    [([], "computes on the CPU"), ([devices.Gpu(0, "Radeon 8060S", "amd")], r"has Radeon 8060S \(ROCm\)")],
)
def test_a_base_in_4_bits_is_refused_where_nothing_computes_on_it(monkeypatch, gpus, said):
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.setattr(devices, "local_gpus", lambda: gpus)
    connection.refuse_quantized(None, ResourcesConfig())
    with pytest.raises(ConfigError, match=f"training.quantize: nf4 is computed on NVIDIA's GPUs alone, .*{said}"):
        connection.refuse_quantized("nf4", ResourcesConfig())
    connection.refuse_quantized("nf4", ResourcesConfig(ray_address="head:6379"))


def test_a_base_in_4_bits_needs_a_gpu_that_may_be_used(monkeypatch):
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.setattr(devices, "local_gpus", lambda: [devices.Gpu(0, "RTX 4090", "nvidia")])
    connection.refuse_quantized("nf4", ResourcesConfig())
    with pytest.raises(ConfigError, match="computes on the CPU"):
        connection.refuse_quantized("nf4", ResourcesConfig(num_gpus=0))


def test_the_session_goes_with_the_command_and_stays_where_its_logs_say_why_it_failed(home, started, monkeypatch):
    monkeypatch.setattr("halo_raft.cluster.connection._ray_folder", lambda: str(home / "ray"))
    session = home / f"ray/session_2026-11-29_00-00-00_000000_{os.getpid()}"
    other = home / f"ray/session_2026-11-29_00-00-00_000000_{os.getpid()}0"
    session.mkdir(parents=True)
    other.mkdir()
    with pytest.raises(HaloRaftError), ray_resources(ResourcesConfig()):
        raise HaloRaftError("the engine could not start")
    assert session.is_dir()
    with ray_resources(ResourcesConfig()):
        pass
    assert not session.exists() and other.is_dir()


def test_a_temporary_folder_with_a_long_name_is_none_for_sockets(monkeypatch):
    monkeypatch.setenv("RAY_TMPDIR", "/scratch/slurm/job_1")
    assert _ray_folder() == "/scratch/slurm/job_1/ray"
    monkeypatch.setenv("RAY_TMPDIR", "/scratch/cluster/users/somebody/slurm/job_123456")
    assert _ray_folder() == "/tmp/ray"


def test_a_sigterm_while_ray_starts_is_the_commands_own(monkeypatch):
    came = []
    monkeypatch.setattr(signal, "getsignal", lambda number: lambda *given: came.append(given))
    monkeypatch.setattr(signal, "signal", lambda number, handler: None)
    with pytest.raises(SystemExit), _same_signals():
        raise SystemExit(signal.SIGTERM)  # as Ray's handler does
    assert came == [(signal.SIGTERM, None)]
    with pytest.raises(SystemExit), _same_signals():
        raise SystemExit(3)
    assert len(came) == 1
