"""Where a run happens: a local Ray instance or a cluster, and the devices there."""

from __future__ import annotations

import contextlib
import glob
import logging
import os
import secrets
import signal
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from halo_raft import devices
from halo_raft.cluster.leftovers import nothing_left
from halo_raft.cluster.placement import Placement, place
from halo_raft.config import EngineConfig, ResourcesConfig
from halo_raft.errors import ConfigError, HaloRaftError, NoGpuError

RAY_ENVIRONMENT = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_DATA_DISABLE_PROGRESS_BARS": "1",  # ours has the numbers that matter; theirs floods logs
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "RAY_worker_niceness": "0",  # the default of 15 would leave nothing to set the verification workers below
}
"""Read by Ray at import, so set before it."""
PREEMPTION_WATCHER = "RAY_TRAIN_ENABLE_PREEMPTION_WATCHER"
"""Whether each training starts a process that watches for nodes which are taken away; Ray's own processes read it."""

FEW = 16
"""So many answers are judged here and now before Ray would be up."""

ANSWERS_WITHIN_S = 10.0
"""A cluster that says nothing for so long is not there."""

LONGEST_RAY_FOLDER = 107 - len("/session_2026-11-28_23-44-22_496209_4194304/sockets/plasma_store")
"""The system takes 107 letters for the name of a socket, and a batch system's TMPDIR may be long."""

log = logging.getLogger(__name__)


def describe_devices(resources: ResourcesConfig) -> str:
    """Say on what the run will compute, as far as can be told before Ray starts.

    Raises:
        NoGpuError: `resources.require_gpu` is on and this machine has none and no cluster is named.
    """
    address = resources.ray_address or os.environ.get("RAY_ADDRESS")
    if address:
        return f"Ray cluster at {address}"
    gpus = [] if resources.num_gpus == 0 else devices.local_gpus()[: resources.num_gpus]
    if resources.require_gpu and not gpus:
        raise NoGpuError(
            "resources.require_gpu: this machine shows no GPU that may be used (nvidia-smi, amd-smi, the kernel's "
            "list of AMD's, resources.num_gpus); set it to false to run on the CPU"
        )
    cpus = resources.num_cpus or len(os.sched_getaffinity(0))
    return f"{len(gpus)} GPU ({gpus[0].name}) and {cpus} CPUs here" if gpus else f"{cpus} CPUs here, no GPU"


def refuse_quantized(quantize: str | None, resources: ResourcesConfig) -> None:
    """Find out before anything starts that a base in 4 bits cannot be trained on here; a cluster's nodes say it later.

    Raises:
        ConfigError: There is no NVIDIA GPU that may be used.
    """
    if quantize is None or resources.ray_address or os.environ.get("RAY_ADDRESS"):
        return
    gpus = [] if resources.num_gpus == 0 else devices.local_gpus()
    if not any(gpu.vendor == "nvidia" for gpu in gpus):
        has = f"this machine has {gpus[0].name} (ROCm)" if gpus else "this machine computes on the CPU"
        raise ConfigError(f"training.quantize: {quantize} is computed on NVIDIA's GPUs alone, and {has}; remove it")


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
def ray_session(engine: EngineConfig, wanted: ResourcesConfig, verify_workers: int | None) -> Iterator[Placement]:
    """Start a local Ray instance or join a cluster; yield who computes where on it.

    Args:
        engine: The section `engine:`.
        wanted: The section `resources:`.
        verify_workers: Verification workers that the user wants; None takes all CPUs that are free.

    Raises:
        ConfigError: The cluster cannot be reached, or what is asked for does not fit on it.
        NoGpuError: `resources.require_gpu` is on and the cluster has no GPU.
    """
    with ray_resources(wanted) as there:
        by_node = gpus_by_node()
        cpus, gpus = there.get("CPU", 0), there.get("GPU", 0)
        placement = place(engine, wanted, verify_workers, cpus=cpus, gpus=gpus, gpus_by_node=by_node)
        if wanted.require_gpu and placement.device == "cpu":
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
    if "ray" not in sys.modules or not sys.modules["ray"].is_initialized():
        log.info("Starting Ray..." if address == "local" else f"Joining the Ray cluster at {address}...")
    import ray

    started = not ray.is_initialized()
    if started:
        _check_answers(address)
        # an engine holds one CPU and verification a half, so one CPU alone would wait for ever
        cpus = max(2, wanted.num_cpus or len(os.sched_getaffinity(0)))
        options: dict[str, Any] = {}
        if address == "local":
            os.environ.setdefault(PREEMPTION_WATCHER, "0")  # nobody takes this machine away
            options = {"num_cpus": cpus, "include_dashboard": False, "_temp_dir": _ray_folder()}
        if wanted.num_gpus == 0:
            options["runtime_env"] = {"env_vars": devices.HIDE_GPUS}  # a task without GPUs sees all of them else
        elif address == "local" and (amd := [g for g in devices.local_gpus() if g.vendor == "amd"]):
            for name, value in amd[0].environment.items():
                os.environ.setdefault(name, value)
            options["num_gpus"] = len(devices.visible(amd))  # Ray itself counts AMD's by a library that few have
        with contextlib.ExitStack() as ending:
            take_along = ending.enter_context(nothing_left())
            ending.callback(ray.shutdown)
            if address == "local":  # its name ends in our process id: it is there before Ray says so
                take_along(os.path.join(glob.escape(_ray_folder()), f"session_*_{os.getpid()}"))
            try:
                with _same_signals():
                    ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR, **options)
            except ConnectionError as error:
                raise ConfigError(f"resources.ray_address: no Ray cluster answers at {address} ({error})") from None
            except Exception as error:  # Ray has no class for a start that fails, on a machine too busy for it, say
                why = str(error).partition("\n")[0]
                raise HaloRaftError(
                    f"Ray did not start ({why}); run the same command again where the machine was busy, "
                    f"else see its logs under {_ray_folder()}"
                ) from error
            yield usable(wanted)
    else:
        yield usable(wanted)


def _check_answers(address: str) -> None:
    """Find out whether a Ray cluster is there: Ray itself tries for minutes, and ends the process.

    Raises:
        ConfigError: None is, or the address is of another kind.
    """
    if "://" in address and not address.startswith("ray://"):
        raise ConfigError(
            f"resources.ray_address: {address} is a dashboard's address, which takes jobs (pipelines/*.sh); a command "
            "itself joins a cluster by HOST:6379, and no address (unset RAY_ADDRESS) computes here"
        )
    if address in ("local", "auto") or os.environ.get("RAY_USE_TLS") == "1":
        return
    import grpc  # type: ignore[import-untyped]

    options = [("grpc.enable_http_proxy", 0)]
    with grpc.insecure_channel(address.removeprefix("ray://"), options=options) as channel:
        try:
            grpc.channel_ready_future(channel).result(timeout=ANSWERS_WITHIN_S)
        except grpc.FutureTimeoutError:
            raise ConfigError(
                f"resources.ray_address: no Ray cluster answers at {address}; start it, or unset RAY_ADDRESS to "
                "compute here"
            ) from None


def _ray_folder() -> str:
    """Return where a local Ray keeps its sessions: its own choice, unless its sockets' names were too long there."""
    chosen = os.path.join(os.environ.get("RAY_TMPDIR") or tempfile.gettempdir(), "ray")
    return chosen if len(chosen) <= LONGEST_RAY_FOLDER else "/tmp/ray"


@contextlib.contextmanager
def _same_signals() -> Iterator[None]:
    """Keep the handler of SIGTERM, which Ray replaces by an exit without a word."""
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    except SystemExit as end:
        if end.code == signal.SIGTERM and callable(before):  # it came meanwhile
            before(signal.SIGTERM, None)
        raise
    finally:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, before)


@contextlib.contextmanager
def verification_workers(
    resources: ResourcesConfig, answers: int, asked: int | None, log_folder: Path
) -> Iterator[int]:
    """Start what `answers` answers need and yield the number of workers, 0 for this process.

    Args:
        resources: Which cluster to join, or how many CPUs to use here.
        answers: How many are to be judged.
        asked: Workers that the user wants; None chooses two a CPU, since a worker mostly waits for others.
        log_folder: Where Ray's own messages go.
    """
    if not answers or asked == 0 or (asked is None and answers <= FEW):
        yield 0
        return
    log_folder.mkdir(parents=True, exist_ok=True)
    with native_messages_to(log_folder / "ray.log"), ray_resources(resources) as there:
        most = int(2 * there.get("CPU", 1))
        if asked is not None and asked > most:
            log.info("%d workers do not fit on this cluster; using %d, two a CPU", asked, most)
        yield min(asked or most, most)


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


def gpus_by_node() -> list[float]:
    """Return the GPUs of each node of the cluster as it is now."""
    import ray

    return [node["Resources"].get("GPU", 0) for node in ray.nodes() if node["Alive"]]
