"""An engine inside a long-lived Ray actor: kept across cycles, streamed from, ended and started again when it is dead.

What is dead is found out here: an actor that is gone, one that says that its engine is, one whose
processes were killed, and one that shows no sign of life for `engine.stall_s`. Each of these ends the
actor, which Ray starts again, and is an `EngineDiedError` to whoever asked.
"""

from __future__ import annotations

import contextlib
import logging
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from multiprocessing import active_children
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any

import ray

from halo_raft import devices, models
from halo_raft.engines import REGISTRY, shared_memory
from halo_raft.engines.base import Adapter, Completion, EngineDiedError, EngineSpec, GenerationRequest
from halo_raft.engines.heap import keeping_heap
from halo_raft.engines.start import own_log, why_it_failed
from halo_raft.errors import ConfigError, HaloRaftError

STARTS_FOR = 6
"""A start may take so many times `engine.stall_s`: it may download the model."""

SAYS_SO_EVERY_S = 60.0
"""Seconds between lines of the log that say what is waited for."""

GONE_WITHIN_S = 10.0
"""A killed actor that still answers after so long is its own successor."""

MOST_WAITING = 128
"""Yields of an engine that nobody took yet: then it waits, or what it drew would fill the object store."""

log = logging.getLogger(__name__)


class EngineActor:
    """What runs in the actor's process. The adapter comes with each request, so a restart loses nothing.

    Calls other than `generate` may be repeated, so they wait for a restart instead of failing.
    """

    def __init__(self, spec: EngineSpec) -> None:
        self.failure: HaloRaftError | None = None
        self.home = spec.home
        self._arrived: tuple[Adapter | None, Adapter | None] = None, None
        said = own_log()
        shared_memory.clear()
        try:
            self.engine = REGISTRY.load(spec.config.name)(replace(spec, model=models.resolve_on_node(spec.model)))
        except HaloRaftError as error:
            self.failure = error
        except Exception as error:
            log.exception("the engine did not start")
            why = why_it_failed(error, said())
            mend = "use a smaller model, or lower engine.max_model_len; " if "out of memory" in why.lower() else ""
            rest = "logs/raft.log names the log with the rest"
            self.failure = ConfigError(f"engine: it could not start ({why}); {mend}{rest}")
        else:
            shared_memory.note()
            _end_with(active_children())

    @ray.method(max_task_retries=-1)
    def ready(self) -> int:
        """Answer once the model is loaded, with the process id.

        Raises:
            HaloRaftError: It could not start.
        """
        if self.failure:
            raise self.failure
        return os.getpid()

    def here(self) -> None:
        """Answer, or fail with the process: unlike the others it does not wait for a restart."""

    @ray.method(max_task_retries=-1)
    def use(self, adapter: Adapter | None) -> None:
        """Serve `adapter`; see `Engine.use`."""
        self.engine.use(self._here(adapter))

    def generate(self, requests: Sequence[GenerationRequest], adapter: Adapter | None) -> Iterator[list[Completion]]:
        """Yield completions under `adapter` as they finish (call with `num_returns="streaming"`)."""
        self.engine.use(self._here(adapter))
        yield from self.engine.stream(requests)

    def _here(self, adapter: Adapter | None) -> Adapter | None:
        """Return an adapter of the driver's node with its folder on this one."""
        if adapter is not None and self.home is not None and adapter != self._arrived[0]:
            self._arrived = adapter, replace(adapter, path=str(self.home.fetch(Path(adapter.path))))
        return adapter if adapter is None or self.home is None else self._arrived[1]

    @ray.method(max_task_retries=-1)
    def sleep(self) -> float:
        """Free the device for training; return what is still in use on it, GiB, 0 where that is not known."""
        self.engine.sleep()
        return sum(gpu.total_gib - gpu.free_gib for gpu in devices.visible(devices.local_gpus()))

    @ray.method(max_task_retries=-1)
    def wake(self) -> None:
        """Take the device back."""
        self.engine.wake()


def _end_with(processes: list[Any]) -> None:
    """End this process when one that computes for it is gone: vLLM would wait for its answer for ever."""

    def watch() -> None:
        wait([process.sentinel for process in processes])
        log.error("a process of the engine is gone; ending")
        os._exit(1)

    if processes:
        threading.Thread(target=watch, daemon=True, name="halo-raft-engine-watch").start()


def start_engines(spec: EngineSpec, replicas: int, *, gpus: float, cpus: int) -> list[Any]:
    """Start engine actors without waiting until they are ready.

    Args:
        spec: What each engine is built from.
        replicas: How many.
        gpus: GPUs of each, as Ray counts them; a share when it takes turns with training.
        cpus: CPUs of each, as Ray counts them.

    Returns:
        Ray actor handles.
    """
    remote = ray.remote(EngineActor).options(
        num_cpus=cpus,
        num_gpus=gpus,
        max_restarts=spec.config.max_restarts,
        max_task_retries=0,
        runtime_env={"env_vars": keeping_heap()} if spec.device == "cpu" else None,
        scheduling_strategy="SPREAD",  # on a CPU an engine takes all cores of its node, whatever Ray counts
    )
    return [remote.remote(spec) for _ in range(replicas)]


def ask(actors: Sequence[Any], method: str, *arguments: Any, stall_s: float, restarts: int) -> list[Any]:
    """Call a method of all actors at once, and again of those whose engine died meanwhile; return their answers.

    Args:
        actors: Of `EngineActor`.
        method: Name of the method.
        arguments: Its arguments.
        stall_s: Seconds after which an engine that has not answered is dead.
        restarts: How often each may die.

    Raises:
        EngineDiedError: An engine died once too often.
        HaloRaftError: As the method.
    """
    _all(actors, lambda actor: _started(actor, stall_s), restarts)
    calls = {actor: getattr(actor, method).remote(*arguments) for actor in actors}

    def answered(actor: Any) -> Any:
        call = calls.pop(actor, None)
        if call is None:  # its engine died over the first one
            _started(actor, stall_s)
            call = getattr(actor, method).remote(*arguments)
        return _answer(actor, call, stall_s, f"to {method}")

    return _all(actors, answered, restarts)


def streamed(
    actor: Any, requests: Sequence[GenerationRequest], adapter: Adapter | None, stall_s: float
) -> Iterator[list[Completion]]:
    """Yield completions of an actor as they finish, once its engine is up.

    Raises:
        EngineDiedError: The engine died; the next call starts with its successor.
        HaloRaftError: As `EngineActor.generate`.
    """
    _started(actor, stall_s)
    with _deaths(actor):
        how = {"num_returns": "streaming", "_generator_backpressure_num_objects": MOST_WAITING}
        stream = actor.generate.options(**how).remote(requests, adapter)
        while True:
            if not ray.wait([stream], timeout=stall_s)[0]:
                raise EngineDiedError(f"it showed no sign of life for {stall_s:g} s (engine.stall_s)")
            try:
                reference = next(stream)
            except StopIteration:
                return
            yield ray.get(reference)


def _all(actors: Sequence[Any], act: Callable[[Any], Any], restarts: int) -> list[Any]:
    """Do something to each actor, again where its engine died over it; return what came of it."""
    results = []
    for number, actor in enumerate(actors):
        for attempt in range(restarts + 1):
            try:
                results.append(act(actor))
                break
            except EngineDiedError as death:
                if attempt == restarts:
                    raise EngineDiedError.too_often(attempt + 1, death) from None
                log.warning("engine %d died (%s); starting another", number, death)
    return results


def _started(actor: Any, stall_s: float) -> None:
    _answer(actor, actor.ready.remote(), STARTS_FOR * stall_s, "to start")


def _answer(actor: Any, call: Any, limit_s: float, what: str) -> Any:
    """Wait for an answer and return it, with a line of the log every minute."""
    begun = time.monotonic()
    with _deaths(actor):
        while left := max(0.0, begun + limit_s - time.monotonic()):
            if ray.wait([call], timeout=min(left, SAYS_SO_EVERY_S))[0]:
                return ray.get(call)
            log.debug("waiting for the engine %s (%.0f s)", what, time.monotonic() - begun)
        raise EngineDiedError(f"it took more than {limit_s:g} s {what} (engine.stall_s)")


@contextlib.contextmanager
def _deaths(actor: Any) -> Iterator[None]:
    """Turn what says that an engine is dead into `EngineDiedError`, and see to it that its actor starts again.

    A user's error comes out of the actor as itself.
    """
    from halo_raft.errors import user_error

    try:
        yield
    except EngineDiedError as error:  # ours, or Ray's wrapper of one, which is of its type too
        _end(actor)
        raise (user_error(error) or error) from None
    except ray.exceptions.RayActorError as error:
        log.debug("engine died", exc_info=error)
        reason = next((line.strip() for line in reversed(str(error).splitlines()) if line.strip()), "")
        raise EngineDiedError(reason or "its process is gone") from None
    except ray.exceptions.RayError as error:
        known = user_error(error)
        if isinstance(known, EngineDiedError):
            _end(actor)
        if known:
            raise known from None
        raise


def _end(actor: Any) -> None:
    """End an actor's process and return when it is gone: what is asked of a dying one fails like a second death."""
    ray.kill(actor, no_restart=False)
    end = time.monotonic() + GONE_WITHIN_S
    while time.monotonic() < end:
        try:
            ray.get(actor.here.remote(), timeout=1.0)
        except ray.exceptions.RayError:
            return
