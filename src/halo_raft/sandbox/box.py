"""Run a command or a harness in the sandbox and return what became of it."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from typing import Any

from halo_raft.sandbox.job import NOTHING, Job
from halo_raft.sandbox.limits import Limits
from halo_raft.sandbox.outcome import Outcome
from halo_raft.sandbox.pool import POOL
from halo_raft.sandbox.run import Run
from halo_raft.sandbox.tier import probe
from halo_raft.sandbox.zygote import SandboxError, View, Zygote

RESULT_FD = 3
"""Descriptor of the private channel inside a run."""


def run(
    argv: Sequence[str],
    *,
    limits: Limits,
    stdin: bytes = b"",
    files: Mapping[str, str | bytes] = NOTHING,
    env: Mapping[str, str] = NOTHING,
    collect: Sequence[str] = (),
    mounts: Sequence[str] = (),
    packages: Sequence[str] = (),
    tool: bool = False,
) -> Outcome:
    """Run a command on untrusted input, or an untrusted command, and return what became of it.

    Args:
        argv: Program and arguments; a bare name is looked up on the worker's PATH.
        limits: What the run may use.
        stdin: Standard input; /dev/null when empty.
        files: Relative path -> content, written into the fresh work folder (the current directory).
        env: Variables added to the allow-list.
        collect: Relative paths to read back from the work folder afterwards.
        mounts: Absolute paths that the run may read, beyond the system and this Python.
        packages: Installed Python packages that the run may import.
        tool: The program is ours and works on untrusted input, such as a compiler; see `Job`.

    Raises:
        SandboxError: The command could not be started, or the sandbox failed.
        ValueError: A path in `files` or `collect` leaves the work folder.
    """
    program = argv[0] if "/" in argv[0] else shutil.which(argv[0])
    if program is None:
        raise SandboxError(f"program not found: {argv[0]}")
    job = Job(argv=[program, *argv[1:]], limits=limits, stdin=stdin, files=files, env=env, collect=collect, tool=tool)
    return POOL.do(View(probe().name, mounts=tuple(mounts), packages=tuple(packages)), lambda z: _finish(z, job))


def run_python(
    harness: str,
    payload: Any,
    *,
    limits: Limits,
    stdin: bytes = b"",
    files: Mapping[str, str | bytes] = NOTHING,
    env: Mapping[str, str] = NOTHING,
    packages: Sequence[str] = (),
) -> Outcome:
    """Call `main(payload, RESULT_FD)` of a trusted harness module in a fork of a warm, isolated interpreter.

    The interpreter has the standard library and `packages` alone; the harness runs the untrusted code.

    Args:
        harness: Dotted name of the module; its source must not import anything of ours.
        payload: Argument for `main`, of types that `marshal` takes.
        limits: What the run may use.
        stdin: Standard input; /dev/null when empty.
        files: Relative path -> content, written into the fresh work folder.
        env: Variables added to the allow-list.
        packages: Installed Python packages that the run may import.

    Raises:
        SandboxError: The sandbox failed.
    """
    job = Job(harness=harness, payload=payload, limits=limits, stdin=stdin, files=files, env=env)
    return POOL.do(View(probe().name, packages=tuple(packages), harnesses=(harness,)), lambda z: _finish(z, job))


def _finish(zygote: Zygote, job: Job) -> Outcome:
    with Run(zygote, job) as run:
        run.wait()
        return run.outcome()
