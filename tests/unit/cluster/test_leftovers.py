"""Nothing of a command outlives it."""

from __future__ import annotations

import contextlib
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
from halo_raft.cluster.leftovers import MARK, nothing_left
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
    bare = {name: value for name, value in os.environ.items() if name != MARK}  # as one looks that took a title
    with open(place / "session" / "agent.log", "wb") as log:
        agent = subprocess.Popen(
            ["ray::Agent", "3600"], executable="/bin/sleep", stdout=log, env=bare, start_new_session=True
        )
    (place / "child_agent").write_text(str(agent.pid))
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
    assert len(left) == 3 and all(map(runs, left))
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


def test_whoever_looks_into_a_log_of_ours_is_left_alone(tmp_path: Path) -> None:
    session, other = tmp_path / "session_1_7", tmp_path / "session_1_77"
    found: dict[str, int] = {}
    with contextlib.ExitStack() as stack:
        for name, folder in (("ray::Agent", session), ("tail", session), ("ray::Other", other)):
            folder.mkdir(exist_ok=True)
            log = stack.enter_context(open(folder / name, "wb"))
            process = stack.enter_context(subprocess.Popen([name, "60"], executable="/bin/sleep", stdout=log))
            stack.callback(process.kill)
            found[name] = process.pid
        while marked("0" * 32, [str(tmp_path / "session_*_7")]) != [found["ray::Agent"]]:
            time.sleep(0.01)
