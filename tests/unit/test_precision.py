from __future__ import annotations

from pathlib import Path

import pytest

from halo_raft.precision import bfloat16_is_fast


@pytest.mark.parametrize(
    ("cpuinfo", "fast"),
    [
        ("vendor_id\t: AuthenticAMD\nflags\t\t: fpu avx512f avx512_bf16", True),
        ("vendor_id\t: GenuineIntel\nflags\t\t: fpu avx512f avx512_bf16", False),
        ("vendor_id\t: GenuineIntel\nflags\t\t: fpu avx512f avx512_bf16 amx_bf16", True),
        ("flags\t\t: fpu amx_bf16", True),
        ("Features\t: fp asimd bf16", True),
        ("flags\t\t: fpu avx512f", False),
        ("model name\t: bf16 avx512_bf16", False),
    ],
)
def test_cpu_flags_decide(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cpuinfo: str, fast: bool) -> None:
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    (tmp_path / "cpuinfo").write_text(f"processor\t: 0\n{cpuinfo}\n")
    assert bfloat16_is_fast(tmp_path / "cpuinfo") is fast
    assert bfloat16_is_fast(tmp_path / "missing") is False
