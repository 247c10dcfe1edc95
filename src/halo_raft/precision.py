"""Whether this machine multiplies bfloat16 matrices faster than float32 ones."""

from __future__ import annotations

from pathlib import Path

CPU_FEATURES = frozenset({"avx512_bf16", "amx_bf16", "bf16"})
"""CPU flags of x86 (AVX-512, AMX) and Arm that multiply bfloat16 in hardware; without one it is emulated."""


def bfloat16_is_fast(cpuinfo: Path = Path("/proc/cpuinfo")) -> bool:
    """Return whether to compute in bfloat16: a GPU that supports it, or without a GPU such a CPU."""
    import torch

    if torch.cuda.is_available():
        return torch.cuda.is_bf16_supported(including_emulation=False)
    try:
        lines = cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return False
    flags = {word for line in lines if line.lower().startswith(("flags", "features")) for word in line.split()}
    return bool(CPU_FEATURES & flags)
