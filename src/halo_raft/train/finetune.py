"""One fine-tuning as a Ray Train run: workers, failures, progress, the result.

Needs `ray.init` to have been called. What a worker does is in `loop`; it is imported there alone,
so that the driver loads no model library.
"""

from __future__ import annotations

import contextlib
import functools
import itertools
import logging
import os
import shutil
import threading
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from typing import Any

from halo_raft import models
from halo_raft.cluster.home import Home
from halo_raft.errors import user_error
from halo_raft.train.job import FinetuneJob, FinetuneResult
from halo_raft.train.visiting import visiting

PROGRESS_FILE = "progress.log"
ON_CPU = {"OMP_WAIT_POLICY": "PASSIVE"}
"""Threads that spin while they wait slow each other down twentyfold on a machine that is not idle."""
ON_GPU = {"PYTORCH_ALLOC_CONF": "expandable_segments:True"}
"""Batches of many lengths leave holes that no other fits into, unless segments can grow."""
MOST_DEATHS = 2
"""So often workers may die, of a lost node or a lack of memory, before the training fails."""
STARTS_AFTER_A_DEATH = 5
"""So often the start of those that go on may fail."""
POLL_S = 1.0
"""Seconds between looks at the workers' progress."""

log = logging.getLogger(__name__)


def finetune(job: FinetuneJob) -> FinetuneResult:
    """Train a LoRA adapter in Ray Train and return when its folder is on the disk.

    Progress is logged every few seconds at level INFO. On one worker the result depends on the job
    alone. On several, examples are repeated to fill the last batches of an epoch.

    Raises:
        HaloRaftError: What a user can mend: no examples, unknown target modules, diverged loss.
        ray.train.TrainingFailedError: Anything else; only the death of a worker is not the end.
    """
    job.check()
    start = time.monotonic()
    name = f"{job.run_name}-{uuid.uuid4().hex[:8]}"  # Ray Train resumes a run whose name it has seen
    for left in job.storage_dir.glob("*"):
        shutil.rmtree(left, ignore_errors=True)  # of a training that was killed
    folder = job.storage_dir / name
    folder.mkdir(parents=True)
    with _follow(folder / PROGRESS_FILE):
        measured = _fit_whoever_dies(job, folder)
    shutil.rmtree(folder, ignore_errors=True)
    return FinetuneResult(adapter_dir=job.output_dir, seconds=time.monotonic() - start, **measured)


def _fit_whoever_dies(job: FinetuneJob, folder: Path) -> dict[str, Any]:
    """Run the workers, others where one or its node died: they go on from the last checkpoint.

    Raises:
        HaloRaftError: What a user can mend.
        WorkerGroupError: Workers died once too often, or failed by a fault of ours.
    """
    from ray.train import WorkerGroupError

    for deaths in itertools.count(1):
        try:
            # one that is started where a lost node was, as Ray does not know yet, fails once more
            return _fit(job, folder, f"{folder.name}-{deaths}", starts=1 if deaths == 1 else STARTS_AFTER_A_DEATH)
        except WorkerGroupError as error:
            causes = list(error.worker_failures.values())
            if known := next(filter(None, map(user_error, causes)), None):
                raise known from None
            if deaths > MOST_DEATHS or not any(map(_says_that_it_is_gone, causes)):
                raise
            log.warning("a training worker died, or its node did; going on with another one")
            shutil.rmtree(job.output_dir, ignore_errors=True)  # complete, perhaps, and its figures lost
    raise AssertionError


def _says_that_it_is_gone(cause: Exception) -> bool:
    """Return whether a worker's failure is the worker's own death, or its node's, and nothing that it raised."""
    from ray.exceptions import RayActorError

    return isinstance(cause, RayActorError) or type(cause).__name__.startswith("WorkerHealthCheck")


def _fit(job: FinetuneJob, folder: Path, name: str, *, starts: int) -> dict[str, Any]:
    """Run the workers, whose start may fail so many times, and return what the chief measured."""
    from ray.train import FailureConfig, RunConfig, ScalingConfig
    from ray.train.torch import TorchTrainer

    on_gpu = job.gpus_per_worker > 0
    resources = {"CPU": 1, "GPU": job.gpus_per_worker} if on_gpu else {"CPU": 1}
    trainer = TorchTrainer(
        _work,
        train_loop_config={"job": job, "home": Home.here(), "progress": folder / PROGRESS_FILE},
        scaling_config=ScalingConfig(num_workers=job.workers, use_gpu=on_gpu, resources_per_worker=resources),
        run_config=RunConfig(
            name=name,
            storage_path=str(folder),
            worker_runtime_env={"env_vars": ON_GPU if on_gpu else ON_CPU},
            # the controller's default is to wait for ever when there is no room
            failure_config=FailureConfig(max_failures=0, controller_failure_limit=starts),
        ),
    )
    measured: dict[str, Any] = _fit_in_thread(trainer).return_value
    return measured


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
def _follow(path: Path) -> Iterator[None]:
    """Log the lines that a worker appends to `path`, as they come.

    A worker's own logging ends in Ray's files and reaches the driver only where that is turned on.
    """
    ended = threading.Event()
    follower = threading.Thread(target=_log_lines, args=(path, ended), name="train-progress", daemon=True)
    follower.start()
    try:
        yield
    finally:
        ended.set()
        follower.join()


def _log_lines(path: Path, ended: threading.Event) -> None:
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
                log.info("%s", line)
        if last:
            return
