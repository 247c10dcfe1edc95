"""Where a run happens: Ray, its devices, and the engines that stay up across cycles."""

from __future__ import annotations

import contextlib
import logging
import os
import secrets
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from halo_raft import models
from halo_raft.cluster.placement import Placement, place
from halo_raft.config import RaftConfig, ResourcesConfig
from halo_raft.engines import Adapter, EngineSpec
from halo_raft.errors import ConfigError, NoGpuError, user_error

RAY_ENVIRONMENT = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_DATA_DISABLE_PROGRESS_BARS": "1",  # ours has the numbers that matter; theirs floods logs
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "RAY_worker_niceness": "0",  # the default of 15 would leave nothing to set the verification workers below
}
"""Read by Ray at import, so set before it."""

log = logging.getLogger(__name__)


def local_gpus() -> list[str]:
    """Return the names of this machine's NVIDIA GPUs, by asking the driver's tool; imports no torch."""
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return []
    listing = subprocess.run([tool, "-L"], capture_output=True, text=True, timeout=20, check=False)
    return [line for line in listing.stdout.splitlines() if line.startswith("GPU ")]


def describe_devices(resources: ResourcesConfig) -> str:
    """Say on what the run will compute, as far as can be told before Ray starts.

    Raises:
        NoGpuError: `resources.require_gpu` is on and this machine has none and no cluster is named.
    """
    address = resources.ray_address or os.environ.get("RAY_ADDRESS")
    if address:
        return f"Ray cluster at {address}"
    gpus = local_gpus()
    if resources.require_gpu and not gpus:
        raise NoGpuError("resources.require_gpu: this machine has no NVIDIA GPU; set it to false to run on the CPU")
    cpus = resources.num_cpus or len(os.sched_getaffinity(0))
    return f"{len(gpus)} GPU and {cpus} CPUs here" if gpus else f"{cpus} CPUs here, no GPU"


@contextlib.contextmanager
def native_messages_to(path: Path) -> Iterator[None]:
    """Send what native code writes to standard error to a file; Python's own messages still reach the terminal."""
    terminal = os.dup(2)
    python_stderr = sys.stderr
    try:
        with path.open("ab") as file:
            os.dup2(file.fileno(), 2)
        if python_stderr is sys.__stderr__:
            sys.stderr = os.fdopen(os.dup(terminal), "w", buffering=1)
        yield
    finally:
        os.dup2(terminal, 2)
        os.close(terminal)
        sys.stderr = python_stderr


@contextlib.contextmanager
def ray_session(config: RaftConfig) -> Iterator[Placement]:
    """Start a local Ray instance or join a cluster; yield who computes where on it.

    Raises:
        ConfigError: The cluster cannot be reached, or what is asked for does not fit on it.
        NoGpuError: `resources.require_gpu` is on and the cluster has no GPU.
    """
    with ray_resources(config.resources) as resources:
        placement = place(config, cpus=resources.get("CPU", 0), gpus=resources.get("GPU", 0))
        if config.resources.require_gpu and placement.device == "cpu":
            raise NoGpuError("resources.require_gpu: the Ray cluster has no GPU; set it to false to run on the CPU")
        yield placement


@contextlib.contextmanager
def ray_resources(wanted: ResourcesConfig) -> Iterator[dict[str, float]]:
    """Start a local Ray instance or join a cluster; yield what of it may be used, as Ray counts it.

    A local instance is used unless `resources.ray_address` or RAY_ADDRESS says otherwise: `ray.init`
    alone would join whatever runs on the machine. One that is up already is used and left up.

    Raises:
        ConfigError: The cluster cannot be reached.
    """
    for key, value in RAY_ENVIRONMENT.items():
        os.environ.setdefault(key, value)
    address = wanted.ray_address or os.environ.get("RAY_ADDRESS") or "local"
    _bring_token(address)
    import ray

    started = not ray.is_initialized()
    if started:
        # an engine holds one CPU and verification a half, so one CPU alone would wait for ever
        cpus = max(2, wanted.num_cpus or len(os.sched_getaffinity(0)))
        local: dict[str, Any] = {"num_cpus": cpus, "include_dashboard": False} if address == "local" else {}
        try:
            ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR, **local)
        except ConnectionError as error:
            raise ConfigError(f"resources.ray_address: no Ray cluster answers at {address} ({error})") from None
    try:
        yield usable(wanted)
    finally:
        if started:
            ray.shutdown()


def _bring_token(address: str) -> None:
    """See to it that Ray has the token that guards a cluster; it looks for this before it is imported.

    A local instance gets a token of its own: Ray would leave one in the user's home, which then guards
    every cluster that is started there. One at an explicit address is joined with the token that is there.
    """
    if address == "local":
        os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))
    elif "RAY_AUTH_MODE" not in os.environ:
        named = {"RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"} & set(os.environ)
        if named or (Path.home() / ".ray" / "auth_token").is_file():
            os.environ["RAY_AUTH_MODE"] = "token"


def usable(wanted: ResourcesConfig) -> dict[str, float]:
    """Return the resources of the cluster as it is now, within what the config allows."""
    import ray

    there: dict[str, float] = ray.cluster_resources()
    cpus, gpus = there.get("CPU", 0), there.get("GPU", 0)
    if wanted.num_cpus is not None:
        cpus = min(cpus, max(2, wanted.num_cpus))  # two at least, as for a local instance
    if wanted.num_gpus is not None:
        gpus = min(gpus, wanted.num_gpus)
    return there | {"CPU": cpus, "GPU": gpus}


def engine_spec(config: RaftConfig, device: str) -> EngineSpec:
    """Return what the engines of this run are built from, converting an embedded model if need be."""
    return EngineSpec(
        model=models.resolve(config.model.name),
        config=config.engine,
        dtype=config.model.dtype,
        device=device,
        lora_rank=max(config.lora.r, models.rank_of(config.model.checkpoint) if config.model.checkpoint else 0),
        trust_remote_code=config.model.trust_remote_code,
        seed=config.seed,
    )


class EnginePool:
    """The engine actors of a run: started when first needed, kept until the end."""

    def __init__(self, config: RaftConfig, placement: Placement) -> None:
        self.config = config
        self.placement = placement
        self._actors: list[Any] = []
        self._asleep = False

    def start(self) -> list[Any]:
        """Return the actor handles, starting the actors without waiting for them if they are not up."""
        if not self._actors:
            from halo_raft.engines.actor import start_engines

            spec = engine_spec(self.config, self.placement.device)
            self._actors = start_engines(spec, gpus=self.placement.engine_gpus)
        return self._actors

    def use(self, adapter: Adapter | None) -> list[Any]:
        """Return the actors, up, awake and serving `adapter`.

        Raises:
            AdapterNotAppliedError: The adapter changed nothing.
            ConfigError: An engine cannot start.
        """
        import ray

        actors = self.start()
        with _engine_errors():
            if self._asleep:
                ray.get([actor.wake.remote() for actor in actors])
                self._asleep = False
            ray.get([actor.use.remote(adapter) for actor in actors])
        return actors

    @contextlib.contextmanager
    def aside(self) -> Iterator[None]:
        """Make room for training meanwhile, as far as the placement asks for it."""
        import ray

        if self._actors and self.placement.engines_meanwhile == "sleep":
            with _engine_errors():
                ray.get([actor.sleep.remote() for actor in self._actors])
            self._asleep = True
        elif self.placement.engines_meanwhile == "stop":
            self.stop()
        yield

    def stop(self) -> None:
        """End the actors."""
        import ray

        for actor in self._actors:
            ray.kill(actor)
        self._actors, self._asleep = [], False


@contextlib.contextmanager
def _engine_errors() -> Iterator[None]:
    """Bring a user's error out of the actor as itself, and say in one line why an engine died."""
    import ray

    try:
        yield
    except ray.exceptions.RayError as error:
        if known := user_error(error):
            raise known from None
        if not isinstance(error, ray.exceptions.RayActorError):
            raise
        log.debug("engine died", exc_info=error)
        reason = next((line.strip() for line in reversed(str(error).splitlines()) if line.strip()), "")
        raise ConfigError(f"engine: it could not start, or died too often ({reason}); see logs/raft.log") from None
