"""Processes of the sandbox die in the middle of a sample: its verdict comes all the same, and is right."""

import os
import signal
import threading
import time
from pathlib import Path

import pytest
from redteam.attack import QUICK
from redteam.host import descendants
from redteam.tasks import TASKS

from halo_raft.records import Verdict, VerdictKind
from halo_raft.verifiers import VerifierOptions, create

OPTIONS = VerifierOptions(limits=QUICK)
SLOW_SQUARE = "import time\ntime.sleep(1)\ndef f(x):\n    return x * x"
SLOW_WRONG = "import time\ntime.sleep(1)\ndef f(x):\n    return x"


def _judge(code: str) -> Verdict:
    target = TASKS["square"]
    return create(target.verifier, OPTIONS).judge("s", f"```python\n{code}\n```", target.task)


def _sandbox() -> list[int]:
    """Return the children of this process that run the sandbox, oldest first."""
    found = []
    for pid in descendants():
        try:
            command = Path(f"/proc/{pid}/cmdline").read_bytes()
            parent = int(Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[1])
        except OSError:
            continue
        if parent == os.getpid() and b"sandbox" in command:
            found.append(pid)
    return sorted(found)


@pytest.mark.parametrize("which", [0, -1], ids=["oldest", "newest"])
@pytest.mark.parametrize(
    ("code", "kind"), [(SLOW_SQUARE, VerdictKind.PASSED), (SLOW_WRONG, VerdictKind.WRONG)], ids=["right", "wrong"]
)
def test_a_killed_zygote_loses_no_verdict(which: int, code: str, kind: VerdictKind) -> None:
    assert _judge("def f(x):\n    return x * x").success  # the sandbox is up
    before = len(descendants())
    verdicts: list[Verdict] = []
    judging = threading.Thread(target=lambda: verdicts.append(_judge(code)))
    judging.start()
    while len(descendants()) <= before and judging.is_alive():
        time.sleep(0.001)  # until the program runs, which it does for a second
    os.kill(_sandbox()[which], signal.SIGKILL)
    judging.join()
    assert verdicts[0].kind is kind, verdicts[0].details
    assert _judge("def f(x):\n    return x * x").success


def test_zygotes_that_died_while_nobody_used_them_are_not_lent() -> None:
    """Two at once: a verdict is tried twice, and the second try needs one that lives."""
    threads = [threading.Thread(target=_judge, args=(SLOW_SQUARE,)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    idle = _sandbox()
    assert len(idle) >= 6, "three of each kind"
    for pid in idle:
        os.kill(pid, signal.SIGKILL)
    assert _judge("def f(x):\n    return x * x").success


def test_killing_every_process_of_the_sandbox_between_samples_loses_none() -> None:
    for _ in range(3):
        assert _judge("def f(x):\n    return x * x").success
        for pid in _sandbox():
            os.kill(pid, signal.SIGKILL)
    assert _judge("def f(x):\n    return x").kind is VerdictKind.WRONG
