"""Where answers are judged when no model is at work: in this process when they are few, else on Ray."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from halo_raft.cluster.session import native_messages_to, ray_resources
from halo_raft.config import ResourcesConfig

FEW = 16
"""So many answers are judged here and now before Ray would be up."""

log = logging.getLogger(__name__)


@contextmanager
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
