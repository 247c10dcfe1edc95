"""Training on a node that is not the run's home: what it reads is brought there, what it makes is sent back."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from halo_raft.cluster.home import Home
from halo_raft.train.job import FinetuneJob
from halo_raft.train.saving import checkpoint_folder


@dataclass(frozen=True, slots=True)
class Visit:
    """A training away from home.

    Attributes:
        job: The training in this node's paths.
        kept: Sends the folder of checkpoints home.
        done: Sends the adapter home.
    """

    job: FinetuneJob
    kept: Callable[[Path], None]
    done: Callable[[], None]


@contextlib.contextmanager
def visiting(job: FinetuneJob, home: Home) -> Iterator[Visit]:
    """Bring examples, adapter and checkpoints of a training to this node while the block runs.

    Args:
        job: The training in the paths of its home.
        home: The node that has them.
    """
    with tempfile.TemporaryDirectory(prefix="halo-raft-training-") as scratch:
        output, checkpoints = Path(scratch) / job.output_dir.name, checkpoint_folder(job.output_dir)
        here = replace(
            job,
            example_files=tuple(map(home.fetch, job.example_files)),
            mixed_in=tuple(map(home.fetch, job.mixed_in)),
            init_adapter=job.init_adapter and home.fetch(job.init_adapter),
            output_dir=output,
            storage_dir=Path(scratch),
        )
        if home.call(Path.is_dir, checkpoints):
            shutil.copytree(home.fetch(checkpoints), checkpoint_folder(output))

        def done() -> None:
            home.send(output, job.output_dir)
            home.call(_remove, checkpoints)

        yield Visit(here, lambda folder: home.send(folder, checkpoints), done)


def _remove(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
