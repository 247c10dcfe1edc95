"""The process that isolates itself once, and then forks one candidate after another.

It never runs untrusted code itself. It takes jobs from its worker over a socket, one at a time, and
ends when that socket closes. Every candidate starts from the same clean, warm interpreter.

Messages to the worker: `ready` or `ready apart` (mounts limit work folders, and sockets are
its own), `pid N`, `gone` (no process is left, its folder is), `end STATUS
CPU_MICROSECONDS MAXRSS_KIB`, `error TEXT`.
Messages from it: `run SIZE COLLECTS` with the descriptors of a job (see `child.become`), `kill`.
"""

from __future__ import annotations

import contextlib
import dataclasses
import gc
import importlib
import marshal
import os
import select
import signal
import socket
import sys

from halo_raft.sandbox.inside import child, filesystem, landlock, seccomp, system
from halo_raft.sandbox.inside.sweep import sweep
from halo_raft.sandbox.inside.workdir import collect, empty
from halo_raft.sandbox.inside.world import World

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

JOB_FDS = 6
INNER_ID = 1000
PRELOADED = (
    *("abc", "array", "ast", "base64", "bisect", "calendar", "cmath", "collections", "collections.abc", "contextlib"),
    *("copy", "datetime", "decimal", "enum", "fractions", "functools", "hashlib", "heapq", "io", "itertools", "json"),
    *("math", "numbers", "operator", "queue", "random", "re", "statistics", "string", "struct", "textwrap"),
    *("threading", "traceback", "types", "typing", "unicodedata", "uuid"),
)
"""What solutions import most; loaded once here instead of once in each run. A harness may have its own."""


def main(connection: int, setup_fd: int) -> None:
    """Isolate this process as the setup says, then serve jobs until the worker is gone.

    Args:
        connection: Descriptor of the socket to the worker.
        setup_fd: Descriptor of the marshalled setup: `tier`, `uid` (to drop to, or None), `base` (an
            empty folder), `readable`, `hidden` and `packages` (paths), `private` (whether others than their
            owner cannot reach them), `harnesses` (names of modules with `main`; see
            `_harnesses`), `env` (what runs usually see of the environment).
    """
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Python's own would let a run interrupt the process that leads it
    worker = socket.socket(fileno=connection)
    worker.recv(16)  # the setup names our own process id, so it was written after our start
    with open(setup_fd, "rb") as file:
        setup = marshal.load(file)
    try:
        with _held_back() as hooks:
            world = _isolate(setup, _harnesses(setup["harnesses"]))
    except BaseException as error:
        worker.send(f"error {type(error).__name__}: {error}".encode()[:1000])
        return
    if world.tier == "A":
        system.drop_bounding_set()  # here rather than in every run
    world = dataclasses.replace(world, fork_hooks=hooks, env=setup["env"] | child.places(world))
    os.environ.clear()
    os.environ.update(world.env)
    for name in [name for name in sys.modules if name.partition(".")[0] == "halo_raft"]:
        del sys.modules[name]
    gc.collect()
    gc.freeze()
    worker.send(b"ready apart" if world.sized else b"ready")
    while True:
        message, fds, _, _ = socket.recv_fds(worker, 64, JOB_FDS)
        if not message:
            return
        if message.startswith(b"run"):
            size, collects = map(int, message.split()[1:])
            _run(worker, fds, world, size, bool(collects))


@contextlib.contextmanager
def _held_back() -> Iterator[list[dict[str, Any]]]:
    """Collect the hooks that modules ask to have called in a fork: here they would run in every candidate's."""
    hooks: list[dict[str, Any]] = []
    register, os.register_at_fork = os.register_at_fork, lambda **hook: hooks.append(hook)
    try:
        yield hooks
    finally:
        os.register_at_fork = register


def _harnesses(names: list[str]) -> dict[str, Any]:
    """Return the `main` of each harness, after what it wants to be there in every run."""
    modules = {name: importlib.import_module(name) for name in names}
    for module in modules.values():
        for name in getattr(module, "PRELOADED", PRELOADED):
            __import__(name)
        if hasattr(module, "rehearse"):
            module.rehearse()
    return {name: module.main for name, module in modules.items()}


def _isolate(setup: dict[str, Any], harnesses: dict[str, Any]) -> World:
    tier, uid, base = setup["tier"], setup["uid"], setup["base"]
    if tier == "A":
        return _isolate_by_namespaces(setup, harnesses)
    runs = f"{base}/runs"
    os.mkdir(runs, 0o755)
    system.prctl(system.PR_SET_CHILD_SUBREAPER, 1)
    packages = f"{base}/packages"
    os.mkdir(packages, 0o755)
    for path in setup["packages"]:
        os.symlink(path, f"{packages}/{os.path.basename(path)}")
    sys.path.append(packages)
    rules, own, tools, apart = None, None, None, False
    if tier == "B":
        if uid is not None:
            apart = _set_apart(runs, [*setup["readable"], *setup["packages"], base])
            if setup["private"] and not apart:
                uid = None  # another user could not reach the interpreter
        if uid is None and landlock.abi() < landlock.SCOPE_ABI:
            raise OSError(
                "this kernel's Landlock cannot keep signals inside (ABI 6 can), and there is no other user id"
            )
        readable = [*filesystem.SYSTEM, *filesystem.SYSTEM_FILES, *setup["readable"]]
        shown = [path for top in readable for path in filesystem.without(top, setup["hidden"])]
        shown += [*setup["packages"], packages]
        rules = landlock.ruleset(shown, set(readable) - set(shown), [runs, *filesystem.DEVICES])
        own = _filter("B, a shared user id" if uid is None else "B, a user id of its own")
        tools = _filter("B, compilers, a shared user id" if uid is None else "B, compilers")
    return World(tier, f"{runs}/run", packages, uid is not None, uid, apart, own, tools, rules, harnesses)


def _set_apart(runs: str, needed: list[str]) -> bool:
    """Take namespaces of its own where root may, without a user namespace; return whether it could."""
    try:
        system.unshare(system.CLONE_NEWNS | system.CLONE_NEWNET | system.CLONE_NEWIPC | system.CLONE_NEWUTS)
    except OSError:
        return False
    filesystem.set_apart(runs, needed)
    return True


def _isolate_by_namespaces(setup: dict[str, Any], harnesses: dict[str, Any]) -> World:
    """Enter user, mount, network, IPC and UTS namespaces; process namespaces come with each run."""
    uid = setup["uid"]
    others = system.CLONE_NEWNS | system.CLONE_NEWNET | system.CLONE_NEWIPC | system.CLONE_NEWUTS
    own = os.open("/proc/self", os.O_PATH | os.O_DIRECTORY)
    outer_uid, outer_gid = os.getuid(), os.getgid()
    if uid is None:
        system.unshare(system.CLONE_NEWUSER | others)
        _map_ids(own, outer_uid, outer_gid)
    else:
        system.unshare(others)
    filesystem.make_root(setup["base"], setup["readable"], setup["hidden"], setup["packages"])
    sys.path.append(filesystem.PACKAGES)
    if uid is not None:  # limits on the number of processes do not bind root, whatever its namespace
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
        system.prctl(system.PR_SET_DUMPABLE, 1)  # or /proc/self would stay root's
        system.unshare(system.CLONE_NEWUSER)
        _map_ids(own, uid, uid)
    os.close(own)
    everything = _filter("A")
    return World("A", filesystem.WORK, filesystem.PACKAGES, True, None, True, everything, everything, None, harnesses)


def _filter(whose: str) -> seccomp.Filter:
    return seccomp.Filter(seccomp.program(system.machine(), **seccomp.FILTERS[whose]))


def _map_ids(own: int, uid: int, gid: int) -> None:
    for name, line in (("setgroups", "deny"), ("uid_map", f"{INNER_ID} {uid} 1"), ("gid_map", f"{INNER_ID} {gid} 1")):
        fd = os.open(name, os.O_WRONLY, dir_fd=own)
        os.write(fd, line.encode())
        os.close(fd)


def _run(worker: socket.socket, fds: list[int], world: World, size: int, collects: bool) -> None:
    """Do one job and report its end.

    Nothing of a job is read in this process, whose memory all later forks inherit: its forks do that.

    Args:
        worker: Whom to tell.
        fds: The job's descriptors.
        world: What is the same for every job.
        size: Bytes that the work folder may have, with what the job brings.
        collects: Whether files are to be read back.
    """
    if world.tier == "A":
        pid = system.fork_into(system.CLONE_NEWPID | system.CLONE_NEWNS)
    else:
        _make_workdir(world, size)
        pid = os.fork()
    if pid == 0:
        child.become(fds, world, size)
    for fd in fds[1:5]:
        os.close(fd)
    worker.send(b"pid %d" % pid)
    status, usage, abandoned = _wait(worker, pid)
    if world.tier != "A":
        sweep(world.run_uid)
        worker.send(b"gone")
        _clean(fds, status, world, collects)
    os.close(fds[0])
    os.close(fds[5])
    if abandoned:
        os._exit(0)
    cpu = int((usage.ru_utime + usage.ru_stime) * 1e6)
    worker.send(b"end %d %d %d" % (status, cpu, usage.ru_maxrss))


def _make_workdir(world: World, size: int) -> None:
    if world.sized:
        filesystem.resize(os.path.dirname(world.workdir), size)
    os.mkdir(world.workdir, 0o700)
    if world.run_uid is not None:
        os.chown(world.workdir, world.run_uid, world.run_uid)


def _wait(worker: socket.socket, pid: int) -> tuple[int, Any, bool]:
    """Wait for a run to end, killing it when the worker says so or is gone.

    Returns:
        Its wait status, its resource usage, and whether the worker is gone.
    """
    ending = os.pidfd_open(pid)
    poll = select.poll()
    poll.register(ending, select.POLLIN)
    poll.register(worker, select.POLLIN)
    abandoned = False
    while ending not in dict(poll.poll()):
        abandoned = not worker.recv(16)
        os.kill(pid, signal.SIGKILL)
        if abandoned:
            break
    os.close(ending)
    _, status, usage = os.wait4(pid, 0)
    return status, usage, abandoned


def _clean(fds: list[int], status: int, world: World, collects: bool) -> None:
    """Read back the files that a job asks for, and empty the folder, in a fork: names and content are a candidate's."""
    if not collects:
        with contextlib.suppress(OSError):
            os.rmdir(world.workdir)  # most programs leave nothing
    runs = os.path.dirname(world.workdir)
    with os.scandir(runs) as left:
        if next(left, None) is None:
            return
    pid = os.fork()
    if pid:
        os.waitpid(pid, 0)
        return
    try:
        files = {}
        if collects:
            spec = child.read_job(fds[0])
            files = collect(world.workdir, spec["collect"], spec["limits"]["file_mb"] << 20)
        empty(runs)
        if os.lseek(fds[5], 0, os.SEEK_END) == 0:
            os.write(fds[5], marshal.dumps({"status": status, "files": files}))
    except BaseException as error:
        os.write(fds[5], marshal.dumps({"error": f"{type(error).__name__}: {error}"[:500]}))
    finally:
        os._exit(0)
