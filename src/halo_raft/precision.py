"""Whether this machine multiplies bfloat16 matrices faster than float32 ones."""

from __future__ import annotations

from pathlib import Path

FAST = frozenset({"amx_bf16", "bf16"})
"""CPU flags of x86 (AMX) and Arm with which bfloat16 is multiplied faster than float32."""
FAST_BUT_ON_INTEL = "avx512_bf16"
"""With this one alone AMD's are taken to be; on Intel's training took 1.1 to 1.3 times as long (`bench/cpu.py`)."""


def bfloat16_is_fast(cpuinfo: Path = Path("/proc/cpuinfo")) -> bool:
    """Return whether to compute in bfloat16: a GPU that supports it, or without a GPU such a CPU."""
    import torch

    if torch.cuda.is_available():
        return torch.cuda.is_bf16_supported(including_emulation=False)
    try:
        text = cpuinfo.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    lines = [line for line in text.splitlines() if line.lower().startswith(("flags", "features"))]
    flags = {word for line in lines for word in line.split()}
    return bool(FAST & flags) or (FAST_BUT_ON_INTEL in flags and "GenuineIntel" not in text)
