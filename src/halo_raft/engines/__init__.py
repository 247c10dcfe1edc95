"""Where completions come from: one file an engine, all behind `base.Engine`."""

from halo_raft.engines.base import Adapter, Completion, Engine, EngineSpec, GenerationRequest
from halo_raft.registry import Registry

REGISTRY: Registry[Engine] = Registry(
    "engine",
    __name__,
    Engine,
    frozenset({"base", "actor", "heap", "merging", "proof", "shared_memory", "start", "vllm_settings"}),
)

__all__ = ["REGISTRY", "Adapter", "Completion", "Engine", "EngineSpec", "GenerationRequest"]
