"""One fine-tuning as a Ray Train run: workers, failures, progress, the result.

Needs `ray.init` to have been called. What a worker does is in `loop`; it is imported there alone,
so that the driver loads no model library.
"""

from __future__ import annotations

import contextlib
import functools
import logging
import os
import shutil
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from typing import Any

from halo_raft import models
from halo_raft.cluster.home import Home
from halo_raft.cluster.orphans import release_orphaned_groups
from halo_raft.errors import HaloRaftError, user_error, wrapped
from halo_raft.train.job import FinetuneJob, FinetuneResult, read_training
from halo_raft.train.visiting import visiting

PROGRESS_FILE = "progress.log"
ON_CPU = {"OMP_WAIT_POLICY": "PASSIVE"}
"""Threads that spin while they wait slow each other down twentyfold on a machine that is not idle."""
ON_GPU = {"PYTORCH_ALLOC_CONF": "expandable_segments:True"}
"""Batches of many lengths leave holes that no other fits into, unless segments can grow."""
MOST_DEATHS = 3
"""So often a worker may die before the training does; each time another goes on from the last checkpoint."""
STARTS_AFTER_A_DEATH = 5
"""So often the start of those that go on may fail: Ray may not know yet that a node is lost."""
POLL_S = 1.0
"""Seconds between looks at the workers' progress."""

log = logging.getLogger(__name__)


def _log(line: str) -> None:
    log.info("%s", line)


def finetune(job: FinetuneJob, report: Callable[[str], None] = _log) -> FinetuneResult:
    """Train a LoRA adapter in Ray Train and return when its folder is on the disk.

    On one worker the result depends on the job alone. On several, examples are repeated to fill the last batches of
    an epoch.

    Args:
        job: What to train.
        report: Gets a line every few seconds, in a thread.

    Raises:
        HaloRaftError: What a user can mend: no examples, unknown target modules, diverged loss, workers that die.
        ray.train.TrainingFailedError: Anything else; retried by no one.
    """
    job.check()
    start = time.monotonic()
    for deaths in range(1, MOST_DEATHS + 1):
        try:
            measured = _attempt(job, report, starts=1 if deaths == 1 else STARTS_AFTER_A_DEATH)
            break
        except _WorkerDiedError as death:
            if job.output_dir.exists():  # it was done, but for its answer
                measured = read_training(job.output_dir)
                break
            if deaths == MOST_DEATHS:
                raise HaloRaftError(
                    f"training: a worker died {deaths} times ({death}); where memory was short (dmesg says so), lower "
                    "training.per_device_train_batch_size or training.max_seq_length; the same command goes on from "
                    "the last checkpoint"
                ) from None
            log.warning("a training worker died (%s); another one goes on from the last checkpoint", death)
    return FinetuneResult(adapter_dir=job.output_dir, seconds=time.monotonic() - start, **measured)


class _WorkerDiedError(Exception):
    """A worker is gone or answers no more; what it says is why, as far as that is known."""


def _attempt(job: FinetuneJob, report: Callable[[str], None], *, starts: int) -> dict[str, Any]:
    """Train in workers of its own and return what the chief measured."""
    name = f"{job.run_name}-{uuid.uuid4().hex[:8]}"  # Ray Train resumes a run whose name it has seen
    for left in job.storage_dir.glob("*"):
        shutil.rmtree(left, ignore_errors=True)  # of a training that was killed
    folder = job.storage_dir / name
    folder.mkdir(parents=True)
    log.info("Starting trainer...")
    release_orphaned_groups()
    with _follow(folder / PROGRESS_FILE, report):
        measured = _fit(job, name, starts)
    shutil.rmtree(folder, ignore_errors=True)
    return measured


def _fit(job: FinetuneJob, name: str, starts: int) -> dict[str, Any]:
    """Run the workers, whose start may fail so many times, and return what the chief measured.

    Raises:
        _WorkerDiedError: One of them died.
    """
    from ray.train import ControllerError, FailureConfig, RunConfig, ScalingConfig, WorkerGroupError
    from ray.train.torch import TorchConfig, TorchTrainer

    on_gpu = job.gpus_per_worker > 0
    resources = {"CPU": 1, "GPU": job.gpus_per_worker} if on_gpu else {"CPU": 1}
    trainer = TorchTrainer(
        _work,
        train_loop_config={"job": job, "home": Home.here(), "progress": job.storage_dir / name / PROGRESS_FILE},
        torch_config=TorchConfig(backend="gloo" if job.workers == 1 else None),  # one worker needs no NCCL or RCCL
        scaling_config=ScalingConfig(num_workers=job.workers, use_gpu=on_gpu, resources_per_worker=resources),
        run_config=RunConfig(
            name=name,
            storage_path=str(job.storage_dir),
            worker_runtime_env={"env_vars": ON_GPU if on_gpu else ON_CPU},
            # the controller's default is to wait for ever when there is no room
            failure_config=FailureConfig(max_failures=0, controller_failure_limit=starts),
        ),
    )
    try:
        measured: dict[str, Any] = _fit_in_thread(trainer).return_value
    except WorkerGroupError as error:
        for cause in error.worker_failures.values():
            if known := user_error(cause):
                raise known from None
        if why := _death(error.worker_failures.values(), job.workers):
            raise _WorkerDiedError(why) from error
        raise
    except ControllerError as error:
        *_, cause = wrapped(error.controller_failure)
        why = (str(cause).strip() or type(cause).__name__).splitlines()[-1]  # a text of Ray's is a traceback
        raise HaloRaftError(f"training did not start ({why}); run the same command again to go on from here") from error
    return measured


def _death(failures: Iterable[Exception], workers: int) -> str:
    """Return how a worker died, empty where none did: one of several fails where it waits for one that died."""
    from ray.train.v2._internal.exceptions import WorkerHealthCheckFailedError, WorkerHealthCheckTimeoutError

    for failure in failures:
        if isinstance(failure, WorkerHealthCheckTimeoutError):
            return "it answers no more"
        if isinstance(failure, WorkerHealthCheckFailedError):
            return "its process is gone"
        if workers > 1 and any(word in str(failure) for word in ("onnection", "gloo", "NCCL")):
            return "another one lost the connection to it"
    return ""


def _fit_in_thread(trainer: Any) -> Any:
    """Call `fit` in a thread: in the main thread it takes over Ctrl-C for good, and exits with 0 on it.

    A daemon: the interpreter waits at its end for the threads of an executor, and a fit that was left never ends.
    """
    fitted: Future[Any] = Future()

    def fit() -> None:
        try:
            fitted.set_result(trainer.fit())
        except BaseException as error:
            fitted.set_exception(error)

    threading.Thread(target=fit, name="ray-train", daemon=True).start()
    return fitted.result()


def _work(config: dict[str, Any]) -> dict[str, Any]:
    """Train in one Ray worker."""
    import torch
    from ray import train as ray_train

    from halo_raft.train import loop

    home: Home = config["home"]
    job: FinetuneJob = config["job"]
    job = replace(job, model=models.resolve_on_node(job.model or job.base_model))
    context = ray_train.get_context()
    if not job.gpus_per_worker:
        # Ray sets one thread for a worker of one CPU; while training runs, nothing else computes
        torch.set_num_threads(max(1, len(os.sched_getaffinity(0)) // context.get_local_world_size()))
    report = functools.partial(home.call, _add_line, config["progress"])
    is_chief = context.get_world_rank() == 0
    if home.is_here:
        return loop.train(job, report=report, is_chief=is_chief)
    with visiting(job, home) as visit:
        measured = loop.train(visit.job, report=report, is_chief=is_chief, kept=visit.kept)
        if is_chief:
            visit.done()
    return measured


def _add_line(progress: Path, line: str) -> None:
    with progress.open("a", encoding="utf-8") as file:
        file.write(line + "\n")


@contextlib.contextmanager
def _follow(path: Path, report: Callable[[str], None]) -> Iterator[None]:
    """Report the lines that a worker appends to `path`, as they come.

    A worker's own logging ends in Ray's files and reaches the driver only where that is turned on.
    """
    ended = threading.Event()
    follower = threading.Thread(target=_report_lines, args=(path, report, ended), name="train-progress", daemon=True)
    follower.start()
    try:
        yield
    finally:
        ended.set()
        follower.join()


def _report_lines(path: Path, report: Callable[[str], None], ended: threading.Event) -> None:
    offset = 0
    while True:
        last = ended.wait(POLL_S)
        if path.exists():
            with path.open("rb") as file:
                file.seek(offset)
                text = file.read()
            whole = text[: text.rfind(b"\n") + 1]
            offset += len(whole)
            for line in whole.decode("utf-8").splitlines():
                report(line)
        if last:
            return
