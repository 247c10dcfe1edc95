"""What is known of an answer before it is judged: the verdict of an identical program.

Identical means: the same extracted code, the same tests, the same verifier with the same settings in
the same sandbox tier, the same toolchain, packages and source of ours. Of a user's own verifier
nothing is known, unless its class says by `version` when its verdicts change.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import os
import platform
import shutil
import sysconfig
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

import halo_raft
from halo_raft import models, sandbox
from halo_raft.judging.answer import Answer
from halo_raft.judging.ledger import Entry, Ledger, lasting
from halo_raft.judging.referee import Judge
from halo_raft.records import Task, Verdict, stable_hash
from halo_raft.verifiers import REGISTRY, Verifier
from halo_raft.verifiers import create as create_verifier

NOT_JUDGED_BY = ("task_id", "solution")
"""Fields of a task that no verdict depends on."""

JUDGING_SOURCES = ("verifiers", "sandbox", "extract.py", "records.py")
"""Our own files that a verdict depends on."""


def ledger_folder() -> Path | None:
    """Return where verdicts are kept across runs: `HALO_RAFT_LEDGER` (a folder, or `off`), else in the cache."""
    named = os.environ.get("HALO_RAFT_LEDGER")
    if named == "off":
        return None
    return Path(named).absolute() if named else models.cache_dir() / "verdicts"


class Known:
    """The verdicts that are known to a judge, and the answers that wait for one.

    Args:
        judge: Whose verdicts.
        folder: Where they are kept across runs; None knows those of this run alone.
        remember: False knows nothing: each answer is judged by itself.
    """

    def __init__(self, judge: Judge, folder: Path | None, *, remember: bool = True) -> None:
        self._judge = judge
        self._verifier = create_verifier(judge.name, judge.options)
        self._identity = identity(self._verifier) if remember else ""
        self._ledger = Ledger(folder / f"{self._identity}.jsonl" if folder and self._identity else None)
        self._waiting: dict[str, list[Answer]] = defaultdict(list)
        self._claimed: set[str] = set()
        self._task_keys: dict[str, str] = {}

    def identify(self, answer: Answer) -> Answer:
        """Return the answer with its key."""
        if not self._identity:
            return answer
        try:
            code = self._verifier.extract(answer.completion, self._judge.tasks[answer.task_id])
        except Exception:  # the same will happen when it is judged, and be said there
            return answer
        text = f"{self._task_key(answer.task_id)}\0{code}"
        return dataclasses.replace(answer, key=hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32])

    def claim(self, key: str) -> bool:
        """Return whether an answer with this key has to be judged: none was, and none is being judged."""
        if not key:
            return True
        if key in self._ledger or key in self._claimed:
            return False
        self._claimed.add(key)
        return True

    def verdict(self, answer: Answer) -> Verdict | None:
        """Return a copy of the known verdict; without one, the answer waits for it."""
        verdict = self._ledger.get(answer.key, answer.sample_id, answer.task_id) if answer.key else None
        if verdict is None:
            self._waiting[answer.key].append(answer)
        return verdict

    def learn(self, entries: Iterable[Entry]) -> list[Verdict]:
        """Keep what lasts of new verdicts; return them, and the copies that others waited for."""
        entries = list(entries)
        cpu_limit_s = self._judge.options.limits.cpu_s
        kept = [entry for entry in entries if entry.key and lasting(entry.verdict, cpu_limit_s)]
        self._ledger.put(kept)
        waited = [answer for entry in kept for answer in self._waiting.pop(entry.key, ())]
        return [entry.verdict for entry in entries] + [v for a in waited if (v := self.verdict(a))]

    def forget_claims(self) -> None:
        """Let answers be judged whose twin's verdict never came, or does not last."""
        self._claimed.clear()
        self._waiting.clear()

    def _task_key(self, task_id: str) -> str:
        if task_id not in self._task_keys:
            self._task_keys[task_id] = task_key(self._judge.tasks[task_id])
        return self._task_keys[task_id]


def task_key(task: Task) -> str:
    """Return a hash of all of a task that a verdict depends on."""
    return stable_hash({k: v for k, v in task.to_dict().items() if k not in NOT_JUDGED_BY})


def identity(verifier: Verifier) -> str:
    """Return a hash of all that a verdict depends on beside program and task; empty where nobody can tell."""
    kind = type(verifier)
    if not kind.__module__.startswith("halo_raft.") and not vars(kind).get("version"):
        return ""
    return stable_hash(
        verifier.name,
        verifier.identity,
        dataclasses.asdict(verifier.options),
        sandbox.probe().name,
        [(tool, _file_state(shutil.which(tool))) for tool in sorted(_tools(verifier))],
        platform.python_version(),
        _packages(),
        _judging_code(),
    )


def _tools(verifier: Verifier) -> set[str]:
    """Return the programs that verdicts depend on: of a verifier of any language, those of all verifiers."""
    if verifier.languages or verifier.tools:
        return set(verifier.tools)
    return {tool for name in REGISTRY.names() for tool in REGISTRY.load(name).tools}


def _file_state(path: str | None) -> tuple[str, int, int] | None:
    if path is None:
        return None
    state = os.stat(real := os.path.realpath(path))
    return real, state.st_size, state.st_mtime_ns


@functools.cache
def _packages() -> list[str]:
    """Return what candidates may import: a package that is installed or updated changes verdicts."""
    return sorted(name for name in os.listdir(sysconfig.get_path("purelib")) if name.endswith(".dist-info"))


@functools.cache
def _judging_code() -> str:
    root = Path(halo_raft.__file__).parent
    files = [f for name in JUDGING_SOURCES for f in (sorted((root / name).rglob("*")) or [root / name])]
    digest = hashlib.sha256()
    for file in files:
        if file.is_file() and file.suffix != ".pyc":
            digest.update(str(file.relative_to(root)).encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()
