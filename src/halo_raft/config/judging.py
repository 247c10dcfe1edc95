"""Settings of how completions are judged: the verifier, and the limits of the sandbox."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from halo_raft.config.section import Positive, Seconds, Section


class SandboxConfig(Section):
    """Limits for each run of untrusted code."""

    cpu_s: Seconds = 5
    """CPU seconds of a run, all its processes together."""
    wall_s: Seconds = 15
    """Seconds of a run by the clock."""
    memory_mb: Positive = 512
    """Memory of a run, MiB, all its processes together."""
    processes: Positive = 32
    """Processes and threads of a run."""
    open_files: Positive = 64
    """Files that a process may have open."""
    output_kb: Positive = 1024
    """What a run may print, KiB."""
    file_mb: Positive = 64
    """Size of the work folder, and of each file in it, MiB."""
    packages: tuple[str, ...] = ("numpy",)
    """Installed Python packages that programs and tests may import beside the standard library."""
    allow_unsafe: bool = False
    """Judge model code where nothing but limits holds it (tier C): it can read files and use the network."""


class VerifierConfig(Section):
    """What judges completions."""

    name: str | None = None
    """A verifier's name or `my_module:MyVerifier`; chosen by the task source when not given."""
    workers: Positive | None = None
    """Verification workers; twice the free CPUs when not given."""
    test_file: Path | None = None
    """A pytest suite that judges every task, in place of the tasks' own tests (verifier `pytest`)."""
    run_after_compile: bool = False
    """Compile verifiers also run the program."""
    run_timeout: Seconds | None = None
    """CPU seconds for each run (three times as long by the clock); `sandbox.cpu_s` when not given."""
    memory_limit_mb: Positive | None = None
    """Memory for each run, MiB; `sandbox.memory_mb` when not given."""
    warn_as_error: bool = False
    """A compiler's warnings are errors."""
    flags: tuple[str, ...] = ()
    """More flags for the compiler, such as `-O2` or `-std=c++20`."""
    expected_output: str | None = None
    """What programs must print whose task does not say it."""
    comparison: Literal["exact", "token", "numeric"] = "exact"
    """How output is compared: by lines without trailing blanks, by words, or by words with numbers by value."""
    tolerance: Annotated[float, Field(ge=0)] = 1e-6
    """How far numbers may be off with `comparison: numeric`, absolute or relative."""
    stack_mb: Positive | None = None
    """Stack of programs that read input and print, MiB; as much as their memory when not given."""
    limit_factor: Annotated[float, Field(gt=0)] | None = None
    """Multiplies the limits that a task brings: when not given, time by 2 (Python: 5) and memory by 1."""
