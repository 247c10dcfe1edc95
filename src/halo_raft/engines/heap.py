"""What the C library does with memory that a process frees."""

from __future__ import annotations

import os
import platform

VARIABLE = "GLIBC_TUNABLES"
KEEPING = ("arena_max=1", "mmap_threshold=4294967296", "trim_threshold=8589934592", "hugetlb=1")
"""One heap for all threads, which grows for tensors of any size and is not given back: its pages are there already."""


def keeping_heap() -> dict[str, str]:
    """Return the environment of an engine that computes on a CPU, to be set before it starts.

    By default glibc gives back what each large tensor took, and the kernel clears those pages anew for the next one:
    a fifth of an engine's time on two virtual cores. Training did not gain (`bench/cpu.py`). What the user set stays.
    Empty before glibc 2.35, which takes no `mmap_threshold` above 32 MiB: with the others alone it would map more.
    """
    name, version = platform.libc_ver()
    if name != "glibc" or [int(part) for part in version.split(".")[:2]] < [2, 35]:
        return {}
    return {VARIABLE: os.environ.get(VARIABLE) or ":".join(f"glibc.malloc.{setting}" for setting in KEEPING)}
