"""A clock that jumps, a file system without locks, and two commands on one folder: real commands on real files.

A library that is loaded before the C library's stands for the machine that has them.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

MACHINE = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <time.h>

int clock_gettime(clockid_t clock, struct timespec *now) {
    static int (*real)(clockid_t, struct timespec *);
    static int calls;
    if (!real) real = dlsym(RTLD_NEXT, "clock_gettime");
    int failed = real(clock, now);
    if (!failed && clock == CLOCK_REALTIME && getenv("FAULTS_CLOCK")) now->tv_sec += calls++ % 2 ? 86400 : -86400;
    return failed;
}

int flock(int file, int operation) {
    static int (*real)(int, int);
    if (!real) real = dlsym(RTLD_NEXT, "flock");
    if (!getenv("FAULTS_NO_LOCKS")) return real(file, operation);
    errno = ENOLCK;
    return -1;
}
"""


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The library; its clock jumps by two days at each look, its files have no locks, where variables say so."""
    place = tmp_path_factory.mktemp("machine")
    (place / "machine.c").write_text(MACHINE)
    built = ["gcc", "-shared", "-fPIC", "-O1", "-o", str(place / "machine.so"), str(place / "machine.c"), "-ldl"]
    if subprocess.run(built, check=False, capture_output=True).returncode:
        pytest.skip("gcc builds no library here")
    return str(place / "machine.so")


def halo_raft(*words: str, place: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": str(place)} | variables
    command = [sys.executable, "-m", "halo_raft.cli", *words]
    return subprocess.run(command, cwd=place, env=environment, capture_output=True, text=True, check=False)


def write_samples(place: Path) -> None:
    test = "assert f(2) == 4"
    (place / "tasks.jsonl").write_text(json.dumps({"task_id": "t", "prompt": "Double.", "test_list": [test]}) + "\n")
    programs = [f"def f(x):\n    return x * {n}\n" for n in range(4)]
    rows = [{"task_id": "t", "completion": program} for program in programs]
    (place / "samples.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


VERIFY = ("verify", "--tasks", "tasks.jsonl", "--samples", "samples.jsonl", "--workers", "0", "--no-ledger")


def test_a_clock_that_jumps_changes_no_verdict_and_no_duration(tmp_path: Path, machine: str) -> None:
    write_samples(tmp_path)
    shown = halo_raft("info", place=tmp_path, LD_PRELOAD=machine, FAULTS_CLOCK="1")
    assert shown.returncode == 0, shown.stderr
    done = halo_raft(*VERIFY, "--output", "out.jsonl", place=tmp_path, LD_PRELOAD=machine, FAULTS_CLOCK="1")
    assert done.returncode == 0, done.stderr
    verdicts = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert [verdict["success"] for verdict in verdicts] == [False, False, True, False]
    assert all(0 <= verdict["wall_s"] < 3600 and verdict["kind"] != "timeout" for verdict in verdicts)


def test_a_file_system_without_locks_is_named(tmp_path: Path, machine: str) -> None:
    words = ("raft", "train", "--output", "run", "--prompts", "starter")
    ended = halo_raft(*words, place=tmp_path, LD_PRELOAD=machine, FAULTS_NO_LOCKS="1")
    assert ended.returncode == 3, ended.stderr
    (line,) = [line for line in ended.stderr.splitlines() if line.startswith("error: ")]
    assert "without locks" in line and "choose a folder on a local disk" in line
    assert "Traceback" not in ended.stderr


def test_the_second_of_two_commands_on_one_folder_is_refused(tmp_path: Path) -> None:
    write_samples(tmp_path)
    (tmp_path / "run").mkdir()
    (tmp_path / "out.verify").mkdir()
    commands = {
        "run": ("raft", "train", "--output", "run", "--prompts", "starter"),
        "out.verify": (*VERIFY, "--output", "out.jsonl"),
    }
    for folder, words in commands.items():
        held = f"import fcntl, sys; f = open('{folder}/.lock', 'a'); fcntl.flock(f, fcntl.LOCK_EX); print(flush=True)"
        first = subprocess.Popen(
            [sys.executable, "-c", f"{held}; sys.stdin.read()"],
            cwd=tmp_path, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip
        assert first.stdout is not None
        first.stdout.readline()
        try:
            second = halo_raft(*words, place=tmp_path)
        finally:
            first.communicate()
        assert second.returncode == 3, second.stderr
        assert "is in use by another run; wait for it or choose another" in second.stderr
        assert "Traceback" not in second.stderr
        assert [path.name for path in (tmp_path / folder).iterdir()] == [".lock"], "nothing was written there"
