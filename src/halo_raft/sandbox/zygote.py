"""The worker's end of a zygote: start it, hand it a job, and hold the other ends of the job's pipes."""

from __future__ import annotations

import dataclasses
import functools
import glob
import importlib.util
import marshal
import os
import shutil
import socket
import subprocess
import sys
import sysconfig
import tempfile
import time
from contextlib import ExitStack, suppress
from typing import Any, Self

from halo_raft.sandbox import cgroup, user_ids

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
START_S = 600.0
"""A sandbox that dies is seen at once; one that stands behind an engine may wait long for its turn."""
BOOTSTRAP = """
import sys, types
for name, path in (argument.split("=", 1) for argument in sys.argv[3:]):
    sys.modules[name] = module = types.ModuleType(name)
    module.__path__ = [path]
from halo_raft.sandbox.inside.zygote import main
main(int(sys.argv[1]), int(sys.argv[2]))
"""
"""Loads trusted modules without running the `__init__` of the packages above them."""


class SandboxError(RuntimeError):
    """The sandbox itself failed; the candidate is not to blame."""


class SandboxLateError(SandboxError):
    """The sandbox did not start in time, which says nothing of what it could hold."""


@dataclasses.dataclass(frozen=True, slots=True)
class View:
    """What a zygote and its runs can see beyond the system.

    Attributes:
        tier: `A`, `B` or `C`.
        mounts: Absolute paths that runs may read.
        packages: Python packages that runs may import, as they are called in this environment.
        harnesses: Dotted names of trusted modules with a `main(payload, channel_fd)`.
    """

    tier: str
    mounts: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()
    harnesses: tuple[str, ...] = ()


class Zygote:
    """A running zygote.

    Attributes:
        view: What it sees.
        base: Its folder.
        group: Control group of it and all its runs, where one can be had.
        idle_mb: MiB that its group uses without a run, where the group counts memory.
        apart: Whether mounts limit its work folders, and its sockets are apart from all others.

    Raises:
        SandboxError: It could not isolate itself, with the reason.
    """

    def __init__(self, view: View) -> None:
        self.view, self.apart, self.idle_mb = view, False, 0.0
        self.group: cgroup.Group | None = None
        self._user: user_ids.UserId | None = None
        self.base = tempfile.mkdtemp(prefix="halo-raft-")
        os.chmod(self.base, 0o755)
        self.socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with ExitStack() as stack:
            stack.callback(theirs.close)
            null = stack.enter_context(open(os.devnull, "r+b"))
            arguments = [theirs.fileno(), memory_file(b"", stack)]
            self._process = subprocess.Popen(
                [os.path.realpath(sys.executable), "-sSP", "-c", BOOTSTRAP, *map(str, arguments), *_parents(view)],
                stdin=null,
                stdout=null,
                stderr=null,
                pass_fds=arguments,
                env={"PATH": os.defpath, "LC_ALL": "C.UTF-8", "PYTHONHASHSEED": "0"},
                cwd="/",
                start_new_session=True,
            )
            try:
                self._prepare(arguments[1])
                self._await_ready()
            except BaseException:
                self.close()
                raise

    def _prepare(self, setup_fd: int) -> None:
        """Give the process its place behind others, its group and its user id, then tell it to begin."""
        _stand_back(self.pid)
        self.group = cgroup.create(str(self.pid))
        if self.group is not None:
            try:
                self.group.take(self.pid)
            except OSError:  # such as a group that real-time processes may not enter
                self.group.close()
                self.group = None
        self._user = user_ids.take(self.pid)
        uid = self._user.number if self._user else None
        os.write(setup_fd, marshal.dumps(_setup(self.view, uid, self.base)))
        os.lseek(setup_fd, 0, os.SEEK_SET)
        self.socket.send(b"go")

    @property
    def pid(self) -> int:
        """Process id of the zygote."""
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        """Whether nobody killed it."""
        return self._process.poll() is None

    @property
    def runs(self) -> str:
        """Folder in which work folders are, where no mount limits them."""
        return f"{self.base}/runs"

    def _await_ready(self) -> None:
        self.socket.settimeout(START_S)
        try:
            answer = self.socket.recv(4096)
        except TimeoutError as error:
            raise SandboxLateError(f"the sandbox did not start in {START_S:.0f} s: the machine is too busy") from error
        except OSError as error:
            raise SandboxError(f"the sandbox did not start: {error}") from error
        self.socket.settimeout(None)
        self.apart = answer == b"ready apart"
        if not answer.startswith(b"ready"):
            raise SandboxError(answer.decode("utf-8", "replace").removeprefix("error ") or "the sandbox did not start")
        if self.group is not None and self.group.counts_memory:
            self.idle_mb = self.group.memory_mb()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the zygote and whatever it runs, and remove its folder."""
        self.socket.close()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(2)
        self._process.kill()
        self._process.wait()
        if self.group is not None:
            self.group.close()
        if self._user is not None:
            self._user.close()
        shutil.rmtree(self.base, ignore_errors=True)


def _stand_back(pid: int) -> None:
    """Give the session of a process this process's niceness.

    Between sessions the kernel shares the CPU out by theirs (`autogroup`), whatever their processes' is.
    """
    with suppress(OSError):  # a kernel that does not look at sessions, or a /proc that is read-only
        for _ in range(10):
            try:
                with open(f"/proc/{pid}/autogroup", "w") as file:
                    file.write(str(os.nice(0)))
                return
            except BlockingIOError:  # an ordinary user may say so ten times a second, over all processes
                time.sleep(0.1)


def memory_file(content: bytes, stack: ExitStack) -> int:
    """Return a descriptor of a file with `content` that needs no folder; `stack` closes it."""
    fd = os.memfd_create("halo-raft")
    stack.callback(os.close, fd)
    view = memoryview(content)
    while view:
        view = view[os.write(fd, view) :]
    os.lseek(fd, 0, os.SEEK_SET)
    return fd


def _setup(view: View, uid: int | None, base: str) -> dict[str, Any]:
    readable = [*_interpreter(), *view.mounts]
    packages = [path for name in view.packages for path in _package(name)]
    return {
        "tier": view.tier,
        "uid": uid,
        "base": base,
        "readable": readable,
        "hidden": _site_packages(),
        "packages": packages,
        "private": any(_is_private(path) for path in (*readable, *packages)),
        "harnesses": list(view.harnesses),
        "env": ENVIRONMENT,
    }


def _parents(view: View) -> list[str]:
    """Return `package=folder` for every package above the modules that the zygote loads."""
    modules = ("halo_raft.sandbox.inside.zygote", *view.harnesses)
    names = sorted({module.rsplit(".", n)[0] for module in modules for n in range(1, module.count(".") + 1)})
    found = []
    for name in names:
        spec = importlib.util.find_spec(name)
        if spec is None or not spec.submodule_search_locations:
            raise SandboxError(f"no package {name}")
        found.append(f"{name}={spec.submodule_search_locations[0]}")
    return [entry for entry in found if not entry.startswith("halo_raft.sandbox.inside=")]


def _is_private(path: str) -> bool:
    """Return whether a folder on the way to `path` is closed to others than its owner."""
    parents = [path[:i] for i, letter in enumerate(path) if letter == "/" and i]
    return any(os.path.exists(parent) and not os.stat(parent).st_mode & 0o001 for parent in parents)


@functools.cache
def _interpreter() -> list[str]:
    """Return the installation that this interpreter is from."""
    return sorted({os.path.realpath(path) for path in (sys.base_prefix, sys.base_exec_prefix)} - {"/usr", "/usr/local"})


@functools.cache
def _site_packages() -> list[str]:
    """Return the folders of installed packages: data sets with their solutions may lie there."""
    tops = {"/usr", "/usr/local", *_interpreter()}
    kinds = ("site-packages", "dist-packages")
    return sorted(path for top in tops for kind in kinds for path in glob.glob(f"{top}/lib*/python*/{kind}"))


@functools.cache
def _package(name: str) -> list[str]:
    """Return the paths of an installed package: itself and the shared libraries that wheels put beside it."""
    folders = [sysconfig.get_path("purelib"), sysconfig.get_path("platlib")]
    names = (name, f"{name}.libs", f"{name}.py")
    return sorted({path for folder in folders for n in names if os.path.exists(path := os.path.join(folder, n))})
