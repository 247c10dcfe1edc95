"""On what terms answers are judged: data that travels to every worker, which holds to it.

A worker finds out what its own machine offers (`Station`) and refuses to judge where that is less than the
policy allows, or where it runs other code of ours. What it reports is what it found, never what the driver has.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import logging
import os
import platform
import shutil
import socket
import sysconfig
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import halo_raft
from halo_raft import sandbox
from halo_raft.config.judging import SandboxConfig, VerifierConfig
from halo_raft.errors import ConfigError
from halo_raft.records import Task, stable_hash
from halo_raft.sandbox.tier import VARIABLE
from halo_raft.verifiers import REGISTRY, Verifier, VerifierOptions
from halo_raft.verifiers import create as create_verifier

log = logging.getLogger(__name__)

JUDGING_SOURCES = ("verifiers", "sandbox", "extract", "records.py", "record.py", "task_record.py")
"""Our own files that a verdict depends on."""


@dataclasses.dataclass(frozen=True, slots=True)
class Station:
    """Where answers are judged, as found there.

    Attributes:
        tier: Sandbox tier in force.
        identity: Hash of all that a verdict depends on there, beside program and task: verifier, settings, tier,
            compilers, Python, packages, our code. Empty where nobody can tell.
    """

    tier: str
    identity: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class JudgingPolicy:
    """Who judges, with what settings, and in what isolation at least.

    Attributes:
        verifier: Name of the verifier.
        options: Its settings.
        allow_unsafe: Whether a machine may judge that has nothing but limits to hold candidates (tier C).
        tier: The tier that the user asks for by name, in place of the best that each machine has.
        code: Hash of our judging code where the policy was made; a worker with other code refuses.
    """

    verifier: str
    options: VerifierOptions
    allow_unsafe: bool = False
    tier: str | None = None
    code: str = ""

    @classmethod
    def of(
        cls, verifier: str, settings: VerifierConfig, box: SandboxConfig, *, run_after_compile: bool | None = None
    ) -> JudgingPolicy:
        """Return the policy that the sections `verifier:` and `sandbox:` ask for, and the environment here.

        Args:
            verifier: Name of the verifier; `settings.name` may be none.
            settings: The section `verifier:`.
            box: The section `sandbox:`.
            run_after_compile: Takes the place of the setting, for one cycle.
        """
        options = VerifierOptions.from_config(settings, box)
        if run_after_compile is not None:
            options = dataclasses.replace(options, run_after_compile=run_after_compile)
        tier = os.environ.get(VARIABLE) or None
        return cls(verifier=verifier, options=options, allow_unsafe=box.allow_unsafe, tier=tier, code=_judging_code())

    @property
    def lowest_tier(self) -> str:
        """The weakest isolation that may hold a candidate: B, or C where the user allows limits alone."""
        return "C" if self.allow_unsafe else "B"

    def create(self) -> Verifier:
        """Return the verifier, configured.

        Raises:
            ConfigError: There is none of this name.
        """
        return create_verifier(self.verifier, self.options)

    def check(self, tasks: Iterable[Task] = ()) -> None:
        """Find out whether the verifier has what it needs here for these tasks, and candidates what holds them.

        Tasks that no verifier of ours can judge are not looked at: `validation.beyond_us` names them.

        A package that some of the tasks need and that cannot be had here is named.

        Raises:
            ConfigError: Something is missing; or a package, and all of the tasks need it.
        """
        self.station()
        verifier, listed = self.create(), [*tasks]
        verifier.check_for(task for task in listed if not verifier.refusal(task))
        counts = Counter(filter(None, map(verifier.lacking, listed)))
        lines = [f"{count} of {len(listed)} tasks: each {reason}" for reason, count in counts.most_common()]
        if lines and counts.total() == len(listed):
            raise ConfigError("\n".join(lines))
        for line in lines:
            log.warning("%s", line)

    def station(self) -> Station:
        """Take up the policy on this machine: from here on this process judges by it.

        Raises:
            ConfigError: The machine offers less isolation than the policy allows, or runs other code of ours.
        """
        if self.tier and os.environ.get(VARIABLE) != self.tier:
            os.environ[VARIABLE] = self.tier
            sandbox.probe.cache_clear()
        try:
            tier = sandbox.probe()
        except sandbox.SandboxError as error:
            raise ConfigError(f"sandbox: {error} (on {socket.gethostname()})") from None
        if tier.name > self.lowest_tier:
            raise ConfigError(
                f"sandbox: {tier.reason} (on {socket.gethostname()}); "
                "set sandbox.allow_unsafe=true to judge model code all the same"
            )
        if self.code not in ("", _judging_code()):
            raise ConfigError(
                f"{socket.gethostname()} judges with other code than the run was started with; "
                "install the same halo-raft there"
            )
        return Station(tier.name, identity(self.create(), tier.name))


def knows_its_verdicts(verifier: Verifier) -> bool:
    """Return whether a verifier says when its verdicts change: ours do, a user's own by its class's `version`."""
    kind = type(verifier)
    return kind.__module__.startswith("halo_raft.") or bool(vars(kind).get("version"))


def identity(verifier: Verifier, tier: str) -> str:
    """Return a hash of all that a verdict depends on beside program and task; empty where nobody can tell."""
    if not knows_its_verdicts(verifier):
        return ""
    return stable_hash(
        verifier.name,
        verifier.identity,
        dataclasses.asdict(verifier.options),
        tier,
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
