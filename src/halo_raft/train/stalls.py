"""A training that stands still ends its worker: a GPU that hangs would hold it for ever.

A process that is stopped as a whole cannot watch itself; Ray Train misses that one's answers after 10 minutes.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

ON_GPU_S = 600.0
"""A call of the model may take so long: some hundred times what a slow one takes."""
ON_CPU_S = 3600.0


@contextlib.contextmanager
def ended_where_it_stands_still(
    model: Any, on_gpu: bool, report: Callable[[str], None], end: Callable[[int], Any] = os._exit
) -> Iterator[None]:
    """End this process where the model is not called for too long meanwhile; whoever started it starts another.

    Args:
        model: A torch module; each call of it is a sign of life.
        on_gpu: Whether it computes on one.
        report: Gets the line that says why.
        end: Ends the process; a thread that waits for a GPU cannot be interrupted.
    """
    limit, called, over = ON_GPU_S if on_gpu else ON_CPU_S, time.monotonic(), threading.Event()

    def alive(*_: Any) -> None:
        nonlocal called
        called = time.monotonic()

    def watch() -> None:
        while not over.wait(min(1.0, limit / 4)):
            if time.monotonic() - called > limit:
                report(_stands_still(limit, on_gpu))
                end(1)
                return

    hook = model.register_forward_hook(alive)
    threading.Thread(target=watch, name="halo-raft-stalls", daemon=True).start()
    try:
        yield
    finally:
        over.set()
        hook.remove()


def _stands_still(seconds: float, on_gpu: bool) -> str:
    text = f"Training stands still for {seconds:g} s"
    if not on_gpu:
        return f"{text}: look at what else computes or swaps here, or lower training.per_device_train_batch_size"
    sdma = os.environ.get("HSA_ENABLE_SDMA", "not set")
    return (
        f"{text}, the GPU hangs: set training.dataloader_num_workers=0 and training.dataloader_pin_memory=false, "
        f"on an AMD GPU export HSA_ENABLE_SDMA=0 (now {sdma}), and look at dmesg"
    )
