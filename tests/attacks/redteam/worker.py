"""Judges the table in one isolation tier as one user: a JSON line for each row.

    python -m redteam.worker TIER [ROW ...]

The user is the one that it is started as (see `users`). The first line is `{"tier": ...}`, or
`{"skip": reason}` where the machine does not offer the tier. A row that takes longer than `HANG_S` ends
the process after a line that says so; whoever started it goes on with the next row.
"""

from __future__ import annotations

import atexit
import dataclasses
import json
import logging
import os
import sys
import threading
from typing import TYPE_CHECKING, TextIO

from redteam.attack import QUICK, Attack
from redteam.host import Host
from redteam.table import ATTACKS
from redteam.tasks import TASKS, Target

if TYPE_CHECKING:
    from halo_raft.records import Verdict
    from halo_raft.verifiers import Verifier

HANG_S = 120.0
ROWS_BETWEEN_CHECKS = 10
"""How many compiled rows go by between two honest programs of the same kind; they take a second each."""


def main(tier: str, names: list[str]) -> None:
    """Judge the rows called `names`, all when there are none."""
    os.environ["HALO_RAFT_SANDBOX_TIER"] = tier
    host = Host()
    atexit.register(host.close)
    out = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    logging.disable()  # a traceback of an infra verdict says no more than the verdict
    from halo_raft.sandbox import SandboxError, probe

    try:
        found = probe().name
    except SandboxError as error:
        print(json.dumps({"skip": str(error)[:500]}), file=out)
        return
    print(json.dumps({"tier": found}), file=out)
    bench = Bench(host)
    if refusal := bench.unwalled():
        raise SystemExit(f"the table is too dangerous to run: a program that may not signal the worker {refusal}")
    for name in names or ATTACKS:
        timer = threading.Timer(HANG_S, _give_up, (out, name, host))
        timer.daemon = True
        timer.start()
        print(json.dumps({"row": name, **bench.attack(ATTACKS[name])}), file=out)
        timer.cancel()


def _give_up(out: TextIO, name: str, host: Host) -> None:
    print(json.dumps({"row": name, "hung": True}), file=out)
    host.close()
    os._exit(3)


class Bench:
    """Judges attacks and honest programs with the verifiers of one worker."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._verifiers: dict[str, Verifier] = {}
        self._known: set[str] = set()
        self._rows = 0

    def unwalled(self) -> str:
        """Return what speaks against a wall between programs and this process: the bombs rely on it."""
        code = "import os\ntry:\n    os.kill(@WORKER@, 0)\n    walled = False\nexcept OSError:\n    walled = True\n"
        probe = Attack("walled", f"{code}def f(x): return x * x if walled else 0")
        verdict = self._judge(TASKS["square"], self._host.facts.fill(probe.code), probe)
        return "" if verdict.success else f"got the verdict {verdict.kind}: {verdict.details}"

    def attack(self, row: Attack) -> dict[str, object]:
        """Judge a row and look for damage; return the facts that the tests ask for."""
        target = TASKS[row.task]
        absent = self._absent(target)
        if absent:
            return {"skip": absent}
        if row.task not in self._known:
            self._known.add(row.task)
            honest = self._honest(target)
            if target.task.language == "python" and (name := target.task.entry_point or "").isidentifier():
                odd = f"{target.honest}\n{name} = lambda *given: object()"  # an answer that takes a judge of its own
                self._judge(target, odd, PATIENT)
            self._host.settle()
            if not honest["success"]:
                self._known.discard(row.task)
                return {"honest_before": honest}
        verdict = self._judge(target, self._host.facts.fill(row.code), row)
        seen = verdict.to_dict()
        record: dict[str, object] = {"verdict": seen, "damage": self._host.damage()}
        if self._host.secret in json.dumps(seen):
            record["leak"] = True
        self._rows += 1
        if target.task.language == "python" or self._rows % ROWS_BETWEEN_CHECKS == 0:
            record["honest_after"] = self._honest(target)
        return record

    def _honest(self, target: Target) -> dict[str, object]:
        verdict = self._judge(target, target.honest, dataclasses.replace(PATIENT, task=target.task.task_id))
        return {"success": verdict.success, "kind": verdict.kind, "details": verdict.details}

    def _absent(self, target: Target) -> str:
        """Return why the target's verifier cannot be had on this machine, empty when it can."""
        from halo_raft.errors import ConfigError
        from halo_raft.verifiers import VerifierOptions, create

        try:
            if target.verifier not in self._verifiers:
                verifier = create(target.verifier, VerifierOptions(limits=QUICK))
                verifier.check()
                self._verifiers[target.verifier] = verifier
        except ConfigError as error:
            return str(error)
        return ""

    def _judge(self, target: Target, code: str, row: Attack) -> Verdict:
        from halo_raft.verifiers import VerifierOptions, create

        verifier = self._verifiers.get(target.verifier) or create(target.verifier, VerifierOptions())
        verifier.configure(VerifierOptions(limits=row.limits, **target.options))
        tag = {"cpp": "cpp", "c": "c", "rust": "rust", "go": "go"}.get(target.task.language, "python")
        completion = f"```{tag}\n{code}\n```"
        return verifier.judge(row.name, completion, target.task)


PATIENT = Attack("honest", "", limits=dataclasses.replace(QUICK, cpu_s=10, wall_s=30))
"""An honest program gets more time: the machine may be busy, and what counts is that it passes."""

if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
