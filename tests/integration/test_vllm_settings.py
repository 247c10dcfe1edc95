"""What vLLM is started with on a GPU, against vLLM's own arguments; no GPU is needed to read them."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from halo_raft import devices
from halo_raft.config import RaftConfig, load
from halo_raft.engines import EngineSpec
from halo_raft.engines import vllm_settings as settings
from halo_raft.errors import ConfigError


def spec(*overrides, device="cuda", **fields):
    return EngineSpec(str(Path(__file__).parent), load(RaftConfig, None, overrides).engine, device=device, **fields)


@pytest.mark.parametrize(
    "overrides", [(), ("engine.tensor_parallel=2",), ("engine.sleep=false", "engine.enforce_eager=true")]
)
def test_vllm_knows_each_argument_and_takes_its_value(overrides):
    from vllm.engine.arg_utils import EngineArgs

    given = settings.arguments(spec(*overrides, lora_rank=20))
    assert set(given) <= {field.name for field in dataclasses.fields(EngineArgs)}
    made = EngineArgs(**given)
    assert made.max_lora_rank == 32
    assert made.enable_lora
    assert made.enable_sleep_mode == ("engine.sleep=false" not in overrides)
    assert made.gpu_memory_utilization == 0.9
    assert made.kv_cache_memory_bytes is None
    from vllm.utils.import_utils import resolve_obj_by_qualname

    assert resolve_obj_by_qualname(made.worker_extension_cls).__name__ == "WorkerReport"


def test_vllm_reads_each_variable():
    """Names that nothing reads would be ignored in silence; in a process of its own, for they are read at import."""
    program = (
        "import json, sys, vllm.envs as e\n"
        "wanted = json.loads(sys.argv[1])\n"
        "unknown = [k for k in wanted if k.startswith('VLLM_') and k not in e.environment_variables]\n"
        "assert not unknown, unknown\n"
        "assert e.VLLM_USE_FLASHINFER_SAMPLER is False and e.VLLM_ENABLE_V1_MULTIPROCESSING is False\n"
        "import torch\n"
        "assert 'pinned_max_cached_size_mb:16' in torch._C._accelerator_getAllocatorSettings()\n"
    )
    environment = settings.environment(spec())
    done = subprocess.run(
        [sys.executable, "-c", program, json.dumps(environment | settings.environment(spec(device="cpu")))],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_one_gpu_has_its_engine_in_the_actors_process_and_several_do_not():
    assert settings.environment(spec())["VLLM_ENABLE_V1_MULTIPROCESSING"] == "0"
    assert "VLLM_ENABLE_V1_MULTIPROCESSING" not in settings.environment(spec("engine.tensor_parallel=2"))


def test_a_sleeping_engines_weights_are_not_rounded_up_on_the_host(monkeypatch):
    monkeypatch.setenv("PYTORCH_ALLOC_CONF", "backend:native")
    assert settings.environment(spec())["PYTORCH_ALLOC_CONF"] == "backend:native,pinned_max_cached_size_mb:16"
    assert "PYTORCH_ALLOC_CONF" not in settings.environment(spec("engine.sleep=false"))
    assert "PYTORCH_ALLOC_CONF" not in settings.environment(spec(device="cpu"))


def test_an_eager_engine_on_a_cpu_compiles_nothing_and_any_other_what_it_likes(monkeypatch):
    environment = settings.environment(spec(device="cpu"))
    assert environment["TORCH_COMPILE_DISABLE"] == "1" and settings.arguments(spec(device="cpu"))["enforce_eager"]
    for other in (spec("engine.enforce_eager=false", device="cpu"), spec(), spec("engine.enforce_eager=true")):
        assert "TORCH_COMPILE_DISABLE" not in settings.environment(other)
    monkeypatch.setenv("TORCH_COMPILE_DISABLE", "0")
    assert settings.environment(spec(device="cpu"))["TORCH_COMPILE_DISABLE"] == "0"
    program = (
        "import json, os, sys, torch\n"
        "os.environ.update(json.loads(sys.argv[1]))\n"
        "import torch._dynamo\n"
        "compiled = torch.compile(lambda x: x + 1, backend=lambda *_: sys.exit('it was compiled'))\n"
        "assert compiled(torch.ones(1)) == 2\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, json.dumps(environment)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_an_engine_does_not_start_where_something_is_missing(monkeypatch):
    monkeypatch.setattr(devices, "missing", lambda: iter(["Python.h is missing"]))
    with pytest.raises(ConfigError, match=r"engine: Python\.h is missing"):
        settings.check_device(spec())
    monkeypatch.setattr(devices, "missing", lambda: iter(()))
    monkeypatch.setattr(devices, "short_of_memory", lambda share, wait_s: f"no {share} is free")
    with pytest.raises(ConfigError, match=r"engine: no 0\.9 is free"):
        settings.check_device(spec())
    settings.check_device(spec(device="cpu"))


def test_a_vllm_for_gpus_is_named_where_there_is_none(monkeypatch):
    monkeypatch.setattr(settings, "version", lambda name: "0.32.0")
    with pytest.raises(ConfigError, match="computes on a GPU, and this run has none"):
        settings.check_device(spec(device="cpu"))
