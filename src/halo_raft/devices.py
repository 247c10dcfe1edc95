"""The GPUs of this machine, and what is missing for computing on them: by the drivers' tools, without torch.

`infra/setup.sh` runs this file before anything is installed, so it needs the standard library alone.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

CUDA_OF_PYPI = (13, 0)
"""What PyPI's torch of the pinned version is built for; an older driver refuses to load it."""

HIDE_GPUS = {"CUDA_VISIBLE_DEVICES": "", "HIP_VISIBLE_DEVICES": ""}
"""Environment of processes that must not see a GPU: unset means all of them."""

KFD = Path("/sys/class/kfd/kfd/topology/nodes")
"""Where the kernel lists what its AMD driver computes on, whatever tools are installed."""

FREE = 0.9
"""Share of a GPU that an engine takes when not told otherwise (`engine.gpu_memory_utilization`)."""

GIB = 1024.0
"""In MiB, as the tools say them."""


@dataclass(frozen=True, slots=True)
class Gpu:
    """One GPU.

    Attributes:
        index: As its vendor's tool counts.
        name: As its vendor's tool says it.
        vendor: `nvidia` or `amd`.
        total_gib: Its memory; 0 where that is not known.
        free_gib: What of it is free now.
        driver_cuda: The newest CUDA that its driver runs; None for AMD.
        architecture: AMD's name for it, such as gfx1151, as the kernel says.
    """

    index: int
    name: str
    vendor: str
    total_gib: float = 0.0
    free_gib: float = 0.0
    driver_cuda: tuple[int, int] | None = None
    architecture: str = ""

    @property
    def environment(self) -> dict[str, str]:
        """What processes that use it need: copies by Strix Halo's own engine hang it."""
        return {"HSA_ENABLE_SDMA": "0"} if self.architecture == "gfx1151" else {}

    def __str__(self) -> str:
        memory = f" ({self.free_gib:.1f} of {self.total_gib:.1f} GiB free)" if self.total_gib else ""
        return f"{self.name}{memory}"


def local_gpus() -> list[Gpu]:
    """Return this machine's GPUs, of one vendor; none where they are hidden (`CUDA_VISIBLE_DEVICES` empty)."""
    if "" in (os.environ.get(name) for name in HIDE_GPUS):
        return []
    return _nvidia() or _amd()


def missing(gpus: list[Gpu] | None = None) -> Iterator[str]:
    """Yield what stands in the way of computing on the GPUs that are here, each in one line with its mend."""
    gpus = local_gpus() if gpus is None else gpus
    needed = cuda_of_torch()
    old = next((gpu for gpu in gpus if gpu.driver_cuda and needed and gpu.driver_cuda < needed), None)
    if old and old.driver_cuda and needed:
        yield (
            f"the driver of {old.name} runs CUDA up to {_dotted(old.driver_cuda)}, and this torch is built for "
            f"{_dotted(needed)}; update the NVIDIA driver (580 or newer runs 13.0)"
        )
    header = Path(sysconfig.get_paths()["include"]) / "Python.h"
    if gpus and not header.is_file():
        yield (
            f"{header} is missing, and Triton compiles against it; install Python's headers "
            "(Debian: apt-get install python3-dev) or use a Python that has them (uv python install)"
        )
    if gpus and not (shutil.which("gcc") or shutil.which("clang") or shutil.which("cc")):
        yield "Triton compiles with a C compiler, and there is none; install gcc"


def cuda_of_torch() -> tuple[int, int] | None:
    """Return the CUDA that torch is built for, PyPI's where none is installed, None if for none."""
    spec = importlib.util.find_spec("torch")
    if spec is None or spec.origin is None:
        return CUDA_OF_PYPI
    text = (Path(spec.origin).parent / "version.py").read_text(encoding="utf-8")
    built = re.search(r"^cuda\b.*= *'(\d+)\.(\d+)'", text, re.MULTILINE)
    return (int(built[1]), int(built[2])) if built else None


def short_of_memory(share: float, wait_s: float = 0.0) -> str:
    """Return why an engine that takes a share of the GPU's memory cannot start here, empty if it can.

    Args:
        share: `engine.gpu_memory_utilization`.
        wait_s: How long to wait for memory that a process before it held.
    """
    end = time.monotonic() + wait_s
    while True:
        full = [gpu for gpu in visible(local_gpus()) if gpu.total_gib and gpu.free_gib < share * gpu.total_gib]
        if not full:
            return ""
        if time.monotonic() >= end:
            gpu = full[0]
            return (
                f"GPU {gpu.index} ({gpu.name}) has {gpu.free_gib:.1f} of {gpu.total_gib:.1f} GiB free, and "
                f"engine.gpu_memory_utilization {share:g} asks for {share * gpu.total_gib:.1f}; end what uses it "
                "(nvidia-smi, amd-smi show it), or lower the setting"
            )
        time.sleep(2.0)


def visible(gpus: list[Gpu]) -> list[Gpu]:
    """Return those GPUs that this process may use, as Ray hands them out."""
    named = os.environ.get("CUDA_VISIBLE_DEVICES") or os.environ.get("HIP_VISIBLE_DEVICES")
    if not named or not all(word.strip().isdigit() for word in named.split(",")):
        return gpus
    return [gpu for gpu in gpus if str(gpu.index) in {word.strip() for word in named.split(",")}]


def _nvidia() -> list[Gpu]:
    fields = "index,name,memory.total,memory.free"
    rows = _said("nvidia-smi", f"--query-gpu={fields}", "--format=csv,noheader,nounits").splitlines()
    if not rows:
        return []
    newest = re.search(r"CUDA (?:UMD )?Version\s*: (\d+)\.(\d+)", _said("nvidia-smi"))
    cuda = (int(newest[1]), int(newest[2])) if newest else None
    gpus = []
    for row in rows:
        index, name, *memory = (word.strip() for word in row.split(","))
        total, free = (float(m) / GIB if m.isdigit() else 0.0 for m in memory)
        gpus.append(Gpu(int(index), name, "nvidia", total, free, cuda))
    return gpus


def _amd() -> list[Gpu]:
    """Return AMD's GPUs by the kernel's list; their names by a tool, where one is installed."""
    nodes = sorted(KFD.glob("*/properties"), key=lambda path: int(path.parent.name)) if KFD.is_dir() else []
    found = [_architecture(p) for node in nodes if (p := _properties(node)).get("simd_count", 0) > 0]
    names = re.findall(r"MARKET_NAME:\s*(.+)", _said("amd-smi", "static", "--asic"))
    names = names or re.findall(r"Card [Ss]eries:\s*(.+)", _said("rocm-smi", "--showproductname"))
    found += [""] * (len(names) - len(found))
    names += [f"AMD {architecture}" for architecture in found[len(names) :]]
    return [
        Gpu(index, name.strip(), "amd", architecture=architecture)
        for index, (name, architecture) in enumerate(zip(names, found, strict=True))
    ]


def _properties(node: Path) -> dict[str, int]:
    """Return the numbers of one of the kernel's nodes; a CPU's has no SIMD units."""
    try:
        words = [line.split() for line in node.read_text(encoding="utf-8").splitlines()]
    except OSError:
        return {}
    return {pair[0]: int(pair[1]) for pair in words if len(pair) == 2 and pair[1].isdigit()}


def _architecture(properties: dict[str, int]) -> str:
    """Return the name of an architecture: 110501 is gfx1151."""
    version = properties.get("gfx_target_version", 0)
    return f"gfx{version // 10000}{version // 100 % 100:x}{version % 100:x}"


def _said(tool: str, *arguments: str) -> str:
    """Return what a tool prints, nothing if it is not there or fails."""
    program = shutil.which(tool)
    if program is None:
        return ""
    try:
        done = subprocess.run([program, *arguments], capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout if done.returncode == 0 else ""


def _dotted(version: tuple[int, int]) -> str:
    return f"{version[0]}.{version[1]}"


def main(flavour: str) -> None:
    """Print what a set-up of a flavour, `cpu` or `cuda`, should know of this machine."""
    gpus = local_gpus()
    for line in missing(gpus) if flavour == "cuda" else ():
        print(f"setup: {line}")
    for gpu in gpus:
        if flavour == "cuda" and gpu.free_gib < FREE * gpu.total_gib:
            print(
                f"setup: GPU {gpu.index} is {gpu}; an engine takes {FREE:.0%} of it, so end what uses it (nvidia-smi)"
            )
        if flavour == "cpu" and gpu.vendor == "amd":
            print(f"setup: {gpu.name} is not computed on by what is installed here; infra/Dockerfile.rocm has what is")


if __name__ == "__main__":
    main(sys.argv[1])
