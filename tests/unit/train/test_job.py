from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from halo_raft.errors import ConfigError, DataError
from halo_raft.train import FinetuneJob, LossPoint, loss_ends


def test_relative_paths_are_refused(make_job: Callable[..., FinetuneJob]) -> None:
    with pytest.raises(ValueError, match="must be absolute"):
        make_job(output_dir=Path("adapter"))


def test_check_finds_what_would_fail_later(make_job: Callable[..., FinetuneJob], tmp_path: Path) -> None:
    make_job().check()
    with pytest.raises(DataError, match="exists already"):
        make_job(output_dir=tmp_path).check()
    with pytest.raises(DataError, match="no such file"):
        make_job(example_files=(tmp_path / "none.jsonl",)).check()
    with pytest.raises(ConfigError, match="no LoRA adapter"):
        make_job(init_adapter=tmp_path).check()


def test_importing_the_package_loads_no_heavy_library() -> None:
    code = "import sys, halo_raft.train; print({'torch', 'ray', 'transformers', 'peft'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "set()"


@pytest.mark.parametrize(
    ("losses", "ends"),
    [([2.0], (2.0, 2.0)), ([3.0, 1.0], (3.0, 1.0)), ([4.0, 2.0, *[9.0] * 6, 1.0, 3.0], (3.0, 2.0))],
)
def test_the_ends_of_a_loss_curve_are_means_of_several_batches(losses: list[float], ends: tuple[float, float]) -> None:
    assert loss_ends([LossPoint(step, loss, 1e-4) for step, loss in enumerate(losses, 1)]) == ends
