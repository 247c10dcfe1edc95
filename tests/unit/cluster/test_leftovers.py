"""Nothing of a command outlives it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from halo_raft.cluster.leftovers import MARK, marked

PROGRAM = """
import os, subprocess, sys, time
from pathlib import Path
from halo_raft.cluster.leftovers import nothing_left
place, how = Path(sys.argv[1]), sys.argv[2]
with nothing_left() as take_along:
    (place / "scratch").write_text(os.environ["TMPDIR"])
    Path(os.environ["TMPDIR"], "of_an_engine").mkdir()
    take_along(str(place / "sess*"))  # as a folder of Ray's, which is there before its name is known
    (place / "session").mkdir()
    stubborn = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(3600)"
    for number in range(2):
        child = subprocess.Popen([sys.executable, "-c", stubborn], start_new_session=True)
        (place / f"child_{number}").write_text(str(child.pid))
    (place / "begun").write_text("")
    if how == "fails":
        raise ValueError
    while how == "stays":
        time.sleep(0.01)
(place / "ended").write_text("")
"""


def start(place: Path, how: str) -> subprocess.Popen[bytes]:
    (place / "program.py").write_text(PROGRAM)
    process = subprocess.Popen([sys.executable, str(place / "program.py"), str(place), how], start_new_session=True)
    while not (place / "begun").exists():
        assert process.poll() is None
        time.sleep(0.01)
    return process


def children(place: Path) -> list[int]:
    return [int(path.read_text()) for path in place.glob("child_*")]


def runs(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.parametrize("whole_group", [False, True])
def test_a_killed_command_leaves_nothing(tmp_path: Path, whole_group: bool) -> None:
    process = start(tmp_path, "stays")
    left = children(tmp_path)
    assert len(left) == 2 and all(map(runs, left))
    (os.killpg if whole_group else os.kill)(process.pid, signal.SIGKILL)
    process.wait()
    while any(map(runs, left)) or folders(tmp_path):  # the guard looks; a test without one would hang here
        time.sleep(0.05)


def test_a_command_that_ends_leaves_nothing_and_takes_its_guard_along(tmp_path: Path) -> None:
    process = start(tmp_path, "ends")
    assert process.wait() == 0
    assert (tmp_path / "ended").exists()
    assert not any(map(runs, children(tmp_path))) and not folders(tmp_path)
    guards = [path for path in Path("/proc").glob("[0-9]*") if str(process.pid).encode() in _words(path)]
    assert guards == []


def test_a_folder_whose_name_looks_like_a_pattern_goes_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "job[1]").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "job[1]"))
    assert start(tmp_path, "ends").wait() == 0
    assert list((tmp_path / "job[1]").iterdir()) == []


def test_what_says_why_a_command_failed_stays(tmp_path: Path) -> None:
    assert start(tmp_path, "fails").wait() == 1
    assert folders(tmp_path) == [tmp_path / "session"]


def folders(place: Path) -> list[Path]:
    """Folders of the command that are still there."""
    return [path for path in (Path((place / "scratch").read_text()), place / "session") if path.exists()]


def _words(path: Path) -> list[bytes]:
    try:
        words = (path / "cmdline").read_bytes().split(b"\0")
    except OSError:
        return []
    return words if any(word.endswith(b"leftovers.py") for word in words) else []


def test_processes_of_others_are_not_found() -> None:
    assert marked("0" * 32) == []
    with subprocess.Popen(["sleep", "60"], env=os.environ | {MARK: "1" * 32}) as theirs:
        assert marked("0" * 32) == []
        while marked("1" * 32) != [theirs.pid]:  # until it is what it will be
            time.sleep(0.01)
        theirs.kill()
