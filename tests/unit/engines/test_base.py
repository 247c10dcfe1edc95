"""What an engine loads its model in."""

import pytest

from halo_raft.config import EngineConfig
from halo_raft.engines import EngineSpec


@pytest.mark.parametrize(
    ("dtype", "device", "fast", "precision"),
    [
        ("auto", "cpu", False, "float32"),
        ("auto", "cpu", True, "auto"),
        ("auto", "cuda", False, "auto"),
        ("bfloat16", "cpu", False, "bfloat16"),
    ],
)
def test_a_cpu_that_would_emulate_bfloat16_computes_in_float32(monkeypatch, dtype, device, fast, precision):
    monkeypatch.setattr("halo_raft.engines.base.bfloat16_is_fast", lambda: fast)
    assert EngineSpec("m", EngineConfig(), dtype=dtype, device=device).precision == precision
