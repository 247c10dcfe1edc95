"""Start one supervised run, feed it, drain it, end it, and clean up on every path."""

from __future__ import annotations

import dataclasses
import functools
import importlib.util
import marshal
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from types import CodeType, MappingProxyType
from typing import Any

from halo_raft.sandbox.drain import Drain
from halo_raft.sandbox.limits import Limits
from halo_raft.sandbox.outcome import KilledBy, Outcome
from halo_raft.sandbox.supervisor import RESULT_FD
from halo_raft.sandbox.workdir import WorkDir

__all__ = ["RESULT_FD", "SandboxError", "run", "run_python", "start_probe"]

GRACE_S = 3.0
"""How long a supervisor may take beyond the wall limit before it is killed itself."""
NOTHING: Mapping[str, Any] = MappingProxyType({})
ENVIRONMENT = {
    "PATH": "/usr/local/bin:/usr/bin:/bin",
    "LANG": "C.UTF-8",
    "LC_ALL": "C.UTF-8",
    "TZ": "UTC",
    "PYTHONHASHSEED": "0",
    "PYTHONDONTWRITEBYTECODE": "1",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
}
"""All that a run sees of the environment; a fixed hash seed makes verdicts repeatable."""
BOOTSTRAP = (
    "import marshal,sys;a=[int(x) for x in sys.argv[1:]];f=open(a[0],'rb');c,s=marshal.load(f);f.close();"
    "g={'__name__':'supervisor'};exec(c,g);g['main'](s,a[1],a[2])"
)


class SandboxError(RuntimeError):
    """The sandbox itself failed; the candidate is not to blame."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Job:
    """What runs: a command, or a harness with its payload."""

    argv: list[str] | None = None
    harness: CodeType | None = None
    payload: Any = None


def run(
    argv: Sequence[str],
    *,
    limits: Limits,
    stdin: bytes = b"",
    files: Mapping[str, str | bytes] = NOTHING,
    env: Mapping[str, str] = NOTHING,
    collect: Sequence[str] = (),
) -> Outcome:
    """Run a command on untrusted input, or an untrusted command, and return what became of it.

    Args:
        argv: Program and arguments; a bare name is looked up on the worker's PATH.
        limits: What the run may use.
        stdin: Standard input; /dev/null when empty.
        files: Relative path -> content, written into the fresh work folder (the current directory).
        env: Variables added to the allow-list.
        collect: Relative paths to read back from the work folder afterwards.

    Raises:
        SandboxError: The command could not be started, or the sandbox failed.
        ValueError: A path in `files` or `collect` leaves the work folder.
    """
    program = argv[0] if "/" in argv[0] else shutil.which(argv[0])
    if program is None:
        raise SandboxError(f"program not found: {argv[0]}")
    job = _Job(argv=[program, *argv[1:]])
    return _run(job, limits, _own_uid(), stdin, files, env, collect)


def run_python(
    harness: str,
    payload: Any,
    *,
    limits: Limits,
    stdin: bytes = b"",
    files: Mapping[str, str | bytes] = NOTHING,
    env: Mapping[str, str] = NOTHING,
) -> Outcome:
    """Call `main(payload, RESULT_FD)` of a trusted harness module in a fresh, limited interpreter.

    The interpreter has the standard library alone on its path; the harness runs the untrusted code.

    Args:
        harness: Dotted name of the module; its source must not import anything of ours.
        payload: Argument for `main`, of types that `marshal` takes.
        limits: What the run may use.
        stdin: Standard input; /dev/null when empty.
        files: Relative path -> content, written into the fresh work folder.
        env: Variables added to the allow-list.

    Raises:
        SandboxError: The sandbox failed.
    """
    job = _Job(harness=_code_of(harness), payload=payload)
    return _run(job, limits, _own_uid(), stdin, files, env, ())


def start_probe(*, own_uid: bool) -> None:
    """Start `true` in a sandbox.

    Raises:
        SandboxError: It does not run with these settings.
    """
    job = _Job(argv=[shutil.which("true") or "/bin/true"])
    outcome = _run(job, Limits(), own_uid, b"", NOTHING, NOTHING, ())
    if not outcome.clean:
        raise SandboxError(f"`true` ended with status {outcome.returncode}, signal {outcome.signal}")


def _own_uid() -> bool:
    from halo_raft.sandbox.tier import probe

    return probe().own_uid


@functools.cache
def _code_of(module: str) -> CodeType:
    spec = importlib.util.find_spec(module)
    code = spec.loader.get_code(module) if spec and spec.loader else None  # type: ignore[attr-defined]
    if code is None:
        raise SandboxError(f"no source for harness {module}")
    return code


def _run(
    job: _Job,
    limits: Limits,
    own_uid: bool,
    stdin: bytes,
    files: Mapping[str, str | bytes],
    env: Mapping[str, str],
    collect: Sequence[str],
) -> Outcome:
    with WorkDir(files) as workdir:
        spec = {
            "argv": job.argv,
            "harness": job.harness,
            "payload": job.payload,
            "workdir": workdir.path,
            "own_uid": own_uid,
            "limits": dataclasses.asdict(limits),
        }
        program = marshal.dumps((_code_of("halo_raft.sandbox.supervisor"), spec))
        environment = {**ENVIRONMENT, "HOME": workdir.path, "TMPDIR": workdir.path, **env}
        outcome = _supervise(program, limits, stdin, environment)
        if not collect:
            return outcome
        return dataclasses.replace(outcome, files=workdir.read(collect, limits.file_mb << 20))


def _supervise(program: bytes, limits: Limits, stdin: bytes, env: Mapping[str, str]) -> Outcome:
    """Start a supervisor with `program`, wait for its report, and leave nothing behind."""
    with ExitStack() as ours:
        drain = ours.enter_context(Drain(output_cap=limits.output_kb << 10))
        started = time.monotonic()
        with ExitStack() as theirs:
            spec_fd = _memory_file(program, theirs)
            out, err, result, control = (drain.pipe(name, theirs) for name in ("stdout", "stderr", "result", "control"))
            process = subprocess.Popen(
                [sys.executable, "-S", "-s", "-P", "-c", BOOTSTRAP, str(spec_fd), str(result), str(control)],
                stdin=_memory_file(stdin, theirs) if stdin else subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                pass_fds=(spec_fd, result, control),
                env=dict(env),
                cwd="/",
                start_new_session=True,
            )
            ours.callback(_end, process, drain)
        capped = drain.until_closed("control", started + limits.wall_s + GRACE_S, process.terminate)
        _end(process, drain)
        drain.rest()
        return _outcome(drain, capped, time.monotonic() - started)


def _outcome(drain: Drain, capped: bool, wall_s: float) -> Outcome:
    """Read the supervisor's report; without one, say that a signal ended the run."""
    lines = drain.text("control").splitlines()
    for line in lines:
        if line.startswith("error "):
            raise SandboxError(line.removeprefix("error "))
    started = any(line.startswith("pid ") for line in lines)
    end = next((line.split() for line in lines if line.startswith("end ")), None)
    if end is None:
        if not started:
            raise SandboxError(f"the supervisor did not start: {drain.text('stderr')[-300:]}")
        # Only the candidate kills supervisors: a report that never came is its doing.
        end = ["end", str(int(signal.SIGKILL)), "0", "0", "-"]
    status = int(end[1])
    killed_by = KilledBy.OUTPUT_LIMIT if capped else KilledBy(end[4]) if end[4] in ("cpu", "wall") else None
    return Outcome(
        returncode=os.WEXITSTATUS(status) if os.WIFEXITED(status) else None,
        signal=os.WTERMSIG(status) if os.WIFSIGNALED(status) else None,
        stdout=bytes(drain.data["stdout"]),
        stderr=bytes(drain.data["stderr"]),
        result=bytes(drain.data["result"]),
        files={},
        killed_by=killed_by,
        cpu_s=int(end[2]) / 1e6,
        wall_s=wall_s,
        peak_memory_mb=int(end[3]) / 1024,
    )


def _end(process: subprocess.Popen[bytes], drain: Drain) -> None:
    """End supervisor and candidate, whichever is left. Safe to call again."""
    if process.returncode is not None:
        return
    if b"\nend " not in drain.data["control"]:
        process.terminate()  # it kills the candidate and sweeps
        with suppress(subprocess.TimeoutExpired):
            process.wait(GRACE_S)
        process.kill()
        drain.rest()
        if b"\nend " not in drain.data["control"]:
            _kill_orphans(drain)
    process.wait()


def _kill_orphans(drain: Drain) -> None:
    """Kill the candidate's session after its supervisor was lost."""
    first = drain.text("control").partition("\n")[0].split()
    if len(first) == 2 and first[0] == "pid":
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(int(first[1]), signal.SIGKILL)


def _memory_file(content: bytes, stack: ExitStack) -> int:
    """Return a readable descriptor of `content` that needs no folder and blocks nobody."""
    with ExitStack() as guard:
        fd = os.memfd_create("halo-raft")
        guard.callback(os.close, fd)
        view = memoryview(content)
        while view:
            view = view[os.write(fd, view) :]
        os.lseek(fd, 0, os.SEEK_SET)
        guard.pop_all()
    stack.callback(os.close, fd)
    return fd
