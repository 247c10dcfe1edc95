"""What a fork of the zygote does to become a candidate: files, streams, limits, no way back.

Every step happens before the first instruction of untrusted code.
"""

from __future__ import annotations

import marshal
import os
import resource
import signal
import stat
import sys

from halo_raft.sandbox.inside import filesystem, landlock, system
from halo_raft.sandbox.inside.workdir import collect

TYPE_CHECKING = False
if TYPE_CHECKING:  # importing `typing` would make every fork larger
    from typing import Any, NoReturn

    from halo_raft.sandbox.inside.world import World

CHANNEL_FD, REPORT_FD, RULES_FD = 3, 4, 5
SETUP_FAILED, NOT_EXECUTED = 127, 126
MIB = 1 << 20
SHARED_UID_PROCESSES = 8192
"""Room for the other processes of a shared user id (Ray's, vLLM's threads), which its limit counts too."""


def become(fds: list[int], world: World, size: int) -> NoReturn:
    """Take the place that a job describes, then run its command or harness.

    Args:
        fds: Descriptors of the job (see `read_job`), stdin, stdout, stderr, the channel, and the report,
            which only trusted code writes: a marshalled `{"error"}`, or `{"status", "files"}` of a led command.
        world: What the zygote prepared.
        size: Bytes that the work folder may have.
    """
    try:
        spec = read_job(fds[0])
        spec["env"] |= places(world)
        _take_streams(fds[1:], world.rules)
        if world.tier == "A":
            filesystem.make_workdir(size)
            if stat.S_ISREG(os.fstat(0).st_mode):
                filesystem.show_input(0)
        os.chdir(world.workdir)
        _write(spec["files"])
        if spec["argv"] and world.tier == "A":
            _lead(spec)
        else:
            os.setpgid(0, 0)  # no session of its own: those have a share of the CPU of their own
        _give_up_rights(spec, world)
        if spec["argv"]:
            _execute(spec)
    except BaseException as error:
        message = f"{type(error).__name__}: {error}".replace("\n", " ")[:500]
        os.write(REPORT_FD, marshal.dumps({"error": message}))
        os._exit(SETUP_FAILED)
    os.close(REPORT_FD)
    _run_harness(spec, world)


def read_job(fd: int) -> dict[str, Any]:
    """Return a job: `limits`, `files`, `env`; `argv`, `tool`, `collect`, or `harness` and `payload`."""
    spec: dict[str, Any] = marshal.loads(os.pread(fd, os.fstat(fd).st_size, 0))
    return spec


def places(world: World) -> dict[str, str]:
    """Return the variables that say where a run's folders are."""
    return {"HOME": world.workdir, "TMPDIR": world.workdir, "PYTHONPATH": world.packages}


def _execute(spec: dict[str, Any]) -> NoReturn:
    """Become the command.

    Raises:
        OSError: It cannot be executed, and it is a program of ours.
    """
    try:
        os.execve(spec["argv"][0], spec["argv"], spec["env"])
    except OSError as error:
        if os.path.isabs(spec["argv"][0]):
            raise
        # the candidate's own binary, which may ask for a loader that is not there: that is how it ends, as in a shell
        os.write(2, f"the program cannot be executed: {error.strerror}\n".encode())
        os._exit(NOT_EXECUTED)


def _take_streams(fds: list[int], rules: int | None) -> None:
    """Put the descriptors at 0 to 4, the Landlock rules behind them, and close every other one."""
    fds = fds if rules is None else [*fds, rules]
    while any(fd < len(fds) for fd in fds):
        fds = [os.dup(fd) if fd < len(fds) else fd for fd in fds]
    for target, fd in enumerate(fds):
        os.dup2(fd, target, inheritable=target < REPORT_FD)
    os.closerange(len(fds), 1 << 16)


def _write(files: dict[str, bytes]) -> None:
    for name, content in files.items():
        if "/" in name:
            os.makedirs(os.path.dirname(name), mode=0o755, exist_ok=True)
        with open(name, "xb") as file:
            file.write(content)
        os.chmod(name, 0o755)


def _lead(spec: dict[str, Any]) -> None:
    """Stay behind as the first process of the namespace; return only in the child that goes on.

    A command cannot be that first process itself: the kernel shields it from signals, `abort` included.
    """
    pid = os.fork()
    if pid == 0:
        os.setpgid(0, 0)
        return
    os.close(CHANNEL_FD)
    ended = 0
    while ended != pid:
        ended, status = os.wait()
    for fd in (0, 1, 2):
        os.close(fd)
    if os.lseek(REPORT_FD, 0, os.SEEK_END) == 0:  # else the child wrote why it could not start
        _end_all()
        files = collect(".", spec["collect"], spec["limits"]["file_mb"] * MIB)
        with open(REPORT_FD, "wb") as report:
            marshal.dump({"status": status, "files": files}, report)
    os._exit(0)


def _end_all() -> None:
    """Kill and reap every other process of this namespace."""
    try:
        os.kill(-1, signal.SIGKILL)
        while True:
            os.wait()
    except (ProcessLookupError, ChildProcessError):
        return


def _give_up_rights(spec: dict[str, Any], world: World) -> None:
    _set_limits(spec["limits"], world)
    if world.run_uid is not None:
        os.setgroups([])
        os.setresgid(world.run_uid, world.run_uid, world.run_uid)
        os.setresuid(world.run_uid, world.run_uid, world.run_uid)
    if world.tier != "A":  # else the zygote did, which here has to clean up with the rights of root
        system.drop_bounding_set()
    system.drop_capabilities()
    system.prctl(system.PR_SET_PDEATHSIG, signal.SIGKILL)  # the filter keeps it from being undone
    system.prctl(system.PR_SET_NO_NEW_PRIVS, 1)
    if world.rules is not None:
        landlock.restrict(RULES_FD)
        os.close(RULES_FD)
    if spec["argv"]:  # Python ignores it
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    chosen = world.tool_filter if spec["tool"] else world.filter
    if chosen is not None:
        chosen.load()


def _set_limits(limits: dict[str, Any], world: World) -> None:
    cpu = int(limits["cpu_s"]) + 2  # a backstop: the worker sees fractions of a second
    processes = limits["processes"] + (2 if world.own_uid else SHARED_UID_PROCESSES)
    wanted = {
        resource.RLIMIT_CPU: (cpu, cpu + 1),
        resource.RLIMIT_AS: ((limits["memory_mb"] + limits["reserved_mb"]) * MIB,) * 2,
        resource.RLIMIT_FSIZE: (limits["file_mb"] * MIB,) * 2,
        resource.RLIMIT_NOFILE: (limits["open_files"],) * 2,
        resource.RLIMIT_NPROC: (processes,) * 2,
        resource.RLIMIT_CORE: (0, 0),
        resource.RLIMIT_MSGQUEUE: (0, 0),
    }
    for which, (soft, hard) in wanted.items():
        ceiling = resource.getrlimit(which)[1]
        if ceiling != resource.RLIM_INFINITY:
            soft, hard = min(soft, ceiling), min(hard, ceiling)
        resource.setrlimit(which, (soft, hard))


def _run_harness(spec: dict[str, Any], world: World) -> NoReturn:
    main = world.harnesses[spec["harness"]]
    if spec["env"] != world.env:
        os.environ.clear()
        os.environ.update(spec["env"])
    for hook in world.fork_hooks:
        os.register_at_fork(**hook)
    import random  # here, where it is loaded already: see `World.fork_hooks`

    random.seed()
    sys.argv = ["solution.py"]
    main(spec["payload"], CHANNEL_FD)
    os._exit(0)
