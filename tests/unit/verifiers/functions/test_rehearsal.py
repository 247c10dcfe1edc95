"""What is rehearsed before programs are judged leaves warm code behind, and nothing else."""

from __future__ import annotations

import subprocess
import sys

import pytest

SCRIPT = """
import dis, os, sys
import halo_raft.verifiers.functions.{end} as end
from halo_raft.verifiers.functions.reader import Reader

def special(function):
    names = [i.opname for i in dis.get_instructions(function, adaptive=True)]
    return any(name not in dis.opmap and "ADAPTIVE" not in name for name in names)

before, open_before = special(Reader._items), os.listdir("/proc/self/fd")
end.rehearse()
print(before, special(Reader._items), "solution" in sys.modules, os.listdir("/proc/self/fd") == open_before)
"""


@pytest.mark.parametrize("end", ["candidate", "judge"])
def test_code_is_warm_after_it(end: str) -> None:
    run = subprocess.run([sys.executable, "-c", SCRIPT.format(end=end)], capture_output=True, text=True, timeout=60)
    assert run.stdout.split() == ["False", "True", "False", "True"], run.stderr
