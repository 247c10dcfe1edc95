"""What ran out of wall time is judged once more where the machine was too busy to run it, and only there."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from halo_raft.judging import known
from halo_raft.judging.answer import Answer
from halo_raft.judging.policy import JudgingPolicy
from halo_raft.judging.referee import Referee
from halo_raft.records import Task, Verdict, VerdictKind
from halo_raft.sandbox import POOL, Limits, outcome
from halo_raft.verifiers import VerifierOptions
from halo_raft.verifiers.base import BUSY
from halo_raft.verifiers.functions.supervisor import JUDGES

DOUBLE = Task(task_id="t", prompt="", language="c", test_cases=({"stdin": "", "expected_output": "1\n"},))
SQUARE = Task(task_id="t", prompt="", entry_point="f", test_list=("assert f(3) == 9",))
LONG_TEST = Task(task_id="t", prompt="", entry_point="f", test_list=("n = 0\nwhile n < f(10**9): n += 1\nassert n",))
SUITE = Task(task_id="t", prompt="", entry_point="f", tests="from solution import f\ndef test_f(): assert f(3) == 9\n")
ASLEEP = [
    ("mbpp", SQUARE, "import time\ndef f(x): time.sleep(60)"),
    (
        "mbpp",
        SQUARE,
        "import threading\ndef f(x):\n    lock = threading.Lock()\n    lock.acquire()\n    lock.acquire()",
    ),
    ("mbpp", SQUARE, "import os\nr, w = os.pipe()\nfor _ in range(4): os.fork() or os.read(r, 1)\nos.read(r, 1)"),
    ("pytest", SUITE, "import select\ndef f(x): select.select([], [], [], 60)"),
    ("execution", DOUBLE, "#include <unistd.h>\nint main(void) { for (;;) pause(); }"),
]
SPINNING = [
    ("mbpp", SQUARE, "def f(x):\n    while True: pass"),
    ("mbpp", LONG_TEST, "def f(x): return x"),
    ("pytest", SUITE, "def f(x):\n    while True: pass"),
    ("execution", DOUBLE, "int main(void) { for (volatile int n = 0;; n++); }"),
]


def _names(rows: list[tuple[str, Task, str]]) -> list[str]:
    return [f"{verifier}{number}" for number, (verifier, _, _) in enumerate(rows)]


class Looks:
    """A referee that counts how often its patient verifier was asked."""

    def __init__(self, verifier: str, task: Task, limits: Limits) -> None:
        if task.language == "c" and not shutil.which("gcc"):
            pytest.skip("no gcc on this machine")
        self.policy = JudgingPolicy(verifier=verifier, options=VerifierOptions(limits=limits))
        self.again = 0
        self._task = task
        self._referee = Referee(self.policy, {"t": task})
        self._referee._patient_verifier = SimpleNamespace(judge=self._judge)
        self._verdict: Verdict | None = None

    def judge(self, code: str) -> Verdict:
        """Return what the first look says."""
        tag = self._task.language
        completion = f"```{tag}\n{code}\n```"
        first = self._referee._verifier.judge("s", completion, self._task)
        self._referee._verifier = SimpleNamespace(judge=lambda *_: first)
        self._referee.judge(Answer("s", "t", completion))
        return first

    def _judge(self, *_: object) -> Verdict:
        self.again += 1
        return self._referee._verifier.judge()


@pytest.fixture
def crowd() -> Iterator[None]:
    """All that is judged has one processor, and a stranger is busy on it."""
    POOL.close()
    JUDGES.close()
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    strangers = [
        subprocess.Popen([sys.executable, "-S", "-c", "while True: pass"], start_new_session=True) for _ in range(2)
    ]
    yield
    for stranger in strangers:
        stranger.kill()
        stranger.wait()
    os.sched_setaffinity(0, before)
    POOL.close()
    JUDGES.close()


@pytest.mark.parametrize(("verifier", "task", "code"), ASLEEP, ids=_names(ASLEEP))
def test_what_sleeps_costs_its_wall_time_once(
    verifier: str, task: Task, code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outcome, "STARVED_SHARE", 0.8)  # whatever else this machine does: to start takes CPU
    looks = Looks(verifier, task, Limits(cpu_s=10, wall_s=3))
    verdict = looks.judge(code)
    assert verdict.kind is VerdictKind.TIMEOUT, verdict.details
    assert not verdict.starved
    assert looks.again == 0
    assert known.Known(looks.policy, {"t": task}, None)._lasts(verdict)  # an identical one costs nothing


@pytest.mark.parametrize(("verifier", "task", "code"), SPINNING, ids=_names(SPINNING))
def test_what_the_machine_was_too_busy_for_is_judged_again(verifier: str, task: Task, code: str, crowd: None) -> None:
    looks = Looks(verifier, task, Limits(cpu_s=10, wall_s=2))
    verdict = looks.judge(code)
    assert verdict.kind is VerdictKind.TIMEOUT, verdict.details
    assert verdict.starved
    assert verdict.details.endswith(BUSY)
    assert looks.again == 1
    assert not known.Known(looks.policy, {"t": task}, None)._lasts(verdict)
