"""A fork by system call leaves the interpreter as it was, in both processes."""

from __future__ import annotations

import subprocess
import sys

SCRIPT = """
import os, random, sys, threading
from halo_raft.sandbox.inside import system

os.register_at_fork(after_in_child=lambda: print("hook", flush=True))
pid = system.fork_into(0)
if pid == 0:
    thread = threading.Thread(target=print, args=("thread", os.getppid() != 1), kwargs={"flush": True})
    thread.start()
    thread.join()
    import colorsys  # imports go on
    inner = os.fork()
    if inner == 0:
        os._exit(0)
    os._exit(os.waitstatus_to_exitcode(os.waitpid(inner, 0)[1]) + 7)
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
import wave
"""


def test_it_runs_no_hooks_and_leaves_threads_imports_and_forks_working() -> None:
    run = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, timeout=60)
    assert run.stdout.split() == ["thread", "True", "hook", "7"], run.stderr
