"""A wheel, installed where there is no checkout, works alone."""

from __future__ import annotations

import os
import site
import subprocess
import sys
import venv
from pathlib import Path

import pytest

REPO = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def installed(tmp_path_factory) -> Path:
    """An environment with the wheel, and our packages but for the checkout's halo_raft."""
    folder = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "-q"]
    build = ["wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(folder), str(_copy(folder))]
    subprocess.run([*pip, *build], check=True)
    (wheel,) = folder.glob("halo_raft-*.whl")
    venv.create(folder / "env", symlinks=True)
    python = folder / "env" / "bin" / "python"
    subprocess.run([*pip, "--python", str(python), "install", "--no-deps", str(wheel)], check=True)
    (packages,) = (folder / "env" / "lib").glob("python*/site-packages")
    (packages / "ours.pth").write_text("\n".join(site.getsitepackages()) + "\n")  # its own .pth files are not read
    return folder / "env" / "bin" / "halo-raft"


def _copy(folder: Path) -> Path:
    """Return a copy of what is checked in: a build leaves files beside the sources."""
    copy = folder / "source"
    copy.mkdir()
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=REPO, capture_output=True, check=True).stdout
    subprocess.run(["tar", "-cf", folder / "source.tar", "--null", "-T", "-"], cwd=REPO, input=listed, check=True)
    subprocess.run(["tar", "-xf", folder / "source.tar", "-C", copy], check=True)
    return copy


def test_starter_tasks_configurations_templates_and_init_come_with_it(installed, tmp_path, make_run):
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}

    def run(*words: str, where: Path = tmp_path) -> str:
        done = subprocess.run([installed, *words], cwd=where, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr + done.stdout
        return done.stdout

    python = installed.with_name("python")
    program = "import halo_raft; print(halo_raft.__file__)"
    asked = [python, "-c", program]
    found = subprocess.run(asked, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True).stdout
    assert str(installed.parents[1]) in found, "not the checkout's"
    assert "training tasks" in run("raft", "train", "--config", "configs/quickstart.yaml", "--dry-run")
    assert "237 tasks" in run("data", "stats", "starter")
    run("init", "mine")
    run("data", "validate", "tasks.jsonl", where=tmp_path / "mine")
    run("raft", "train", "--config", "raft.yaml", "--dry-run", where=tmp_path / "mine")
    make_run("run")
    run("report", "run")
    assert (tmp_path / "run" / "report" / "report.html").is_file()
