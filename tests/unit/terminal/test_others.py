"""What libraries write on the standard streams while a command speaks."""

import subprocess
import sys
from pathlib import Path

PROGRAM = """
import os, sys
from pathlib import Path
from halo_raft.terminal import console

console.say("before")
try:
    with console.others_in(Path(sys.argv[1])):
        console.say("ours")
        print("of a library")
        print("a warning", file=sys.stderr)
        os.write(2, b"of C\\n")
        if len(sys.argv) > 2:
            raise RuntimeError(sys.argv[2])
finally:
    console.say("after")
"""


def run(log: Path, *more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", PROGRAM, str(log), *more], capture_output=True, text=True, check=False)


def test_what_others_write_is_in_the_file_and_what_we_say_on_the_terminal(tmp_path: Path) -> None:
    log = tmp_path / "engine.log"
    done = run(log)
    assert done.stdout.splitlines() == ["before", "ours", "after"]
    assert done.stderr == ""
    assert sorted(log.read_text().splitlines()) == ["a warning", "of C", "of a library"]


def test_the_streams_are_back_after_an_error(tmp_path: Path) -> None:
    done = run(tmp_path / "engine.log", "broken")
    assert done.stdout.splitlines() == ["before", "ours", "after"]
    assert "RuntimeError: broken" in done.stderr
