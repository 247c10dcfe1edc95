"""What must be unharmed: other processes, other people's files, the worker's secret.

One `Host` stands for the whole run of a worker; `damage` says what has changed since the last look.
"""

from __future__ import annotations

import contextlib
import ctypes
import glob
import hashlib
import os
import secrets
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from pathlib import Path

from redteam.attack import Facts

SECRET = "redteam-secret-"
SETTLE_S = 5.0
"""How long leavings may take to go away after a verdict; nothing waits that long unless it fails."""
LEFTOVERS = ("/tmp", "/dev/shm", "/var/tmp", "/run", "/run/lock", "/dev/mqueue", "/", "/usr", "/etc", "/bin", "/lib")
SYSV_KEY = str(0x48414C4F)
PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
LIBC = ctypes.CDLL(None)


class Host:
    """A worker's surroundings, with bait in them.

    Must be created in the worker's process, before anything is judged: it makes the process the
    subreaper of all that it starts, so that nothing can leave its process tree.
    """

    def __init__(self) -> None:
        LIBC.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        self.secret = SECRET + secrets.token_hex(16)
        os.environ["HALO_RAFT_TEST_SECRET"] = self.secret
        self.root = Path(tempfile.mkdtemp(prefix="redteam-host-"))
        self.root.chmod(0o755)
        self.temporary = self._folder("tmp")
        tempfile.tempdir = os.environ["TMPDIR"] = str(self.temporary)
        for name, folder in (("RUSTUP_HOME", ".rustup"), ("CARGO_HOME", ".cargo")):  # found from the real home
            if (Path.home() / folder).is_dir():
                os.environ.setdefault(name, str(Path.home() / folder))
        os.environ["HALO_RAFT_CACHE"] = str(self._folder("cache"))
        self.home = self._folder("home")
        os.environ["HOME"] = str(self.home)
        (self.home / "token").write_text(f"{self.secret}\n")
        self.canary = self._folder("sibling")
        (self.canary / "secret.txt").write_text(f"{self.secret}\n")
        (self.canary / "evil.so").write_bytes(b"\x7fELF")
        for path in (self.canary / "secret.txt", self.canary / "evil.so", self.home / "token"):
            path.chmod(0o666)  # whoever reaches it can change it
        self.bystander = _bystander()
        self.facts = Facts(
            canary=str(self.canary),
            home=str(self.home),
            worker=os.getpid(),
            bystander=self.bystander.pid,
            port=_greeter(socket.create_server(("127.0.0.1", 0))).getsockname()[1],
            abstract=f"redteam-{os.getpid()}",
        )
        abstract = socket.socket(socket.AF_UNIX)
        abstract.bind(f"\0{self.facts.abstract}")
        abstract.listen()
        _greeter(abstract)
        self._files = self._fingerprint()
        self._processes: int | None = None
        self._descriptors = 0

    def _folder(self, name: str) -> Path:
        path = self.root / name
        path.mkdir()
        path.chmod(0o777)
        return path

    def close(self) -> None:
        """End the bystander and remove the bait."""
        self.bystander.kill()
        self.bystander.wait()
        shutil.rmtree(self.root, ignore_errors=True)

    def settle(self) -> None:
        """Take the present number of processes and descriptors for the usual one."""
        self._processes = max(len(descendants()), self._processes or 0)
        self._descriptors = max(len(os.listdir("/proc/self/fd")), self._descriptors)

    def damage(self) -> list[str]:
        """Return what is harmed or left over, one short line each; empty when all is well."""
        found = []
        if self.bystander.poll() is not None:
            found.append(f"a bystander was killed (status {self.bystander.returncode})")
            self.bystander = _bystander()
        elif _state(self.bystander.pid) == "T":
            found.append("a bystander was stopped")
        files = self._fingerprint()
        if files != self._files:
            found.append(f"files of others changed: {sorted(set(files.items()) ^ set(self._files.items()))}"[:300])
            self._files = files
        found += self._survivors()
        found += [f"left behind: {path}" for path in self._leftovers()]
        if SYSV_KEY in "".join(Path(f"/proc/sysvipc/{kind}").read_text() for kind in ("shm", "sem", "msg")):
            found.append("a System V object was left behind")
        return found

    def _survivors(self) -> list[str]:
        """Wait for the process tree to be as small as it was, and say what stays."""
        deadline = time.monotonic() + SETTLE_S
        while len(now := descendants()) > (self._processes or 0) and time.monotonic() < deadline:
            time.sleep(0.01)
        if len(now) > (self._processes or 0):
            self._processes = len(now)
            return [f"{len(now)} processes instead of {self._processes}: {[_command(pid) for pid in now]}"[:300]]
        while len(os.listdir("/proc/self/fd")) > self._descriptors and time.monotonic() < deadline:
            time.sleep(0.01)
        count = len(os.listdir("/proc/self/fd"))
        if count > self._descriptors:
            before, self._descriptors = self._descriptors, count
            return [f"{count} open descriptors instead of {before}: {_descriptors()}"[:300]]
        return []

    def _fingerprint(self) -> dict[str, str]:
        """Return name -> mode, size, times and content of everything that nobody may change."""
        prints = {}
        for folder in (self.canary, self.home):
            for path in [folder, *folder.rglob("*")]:
                status = path.lstat()
                content = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
                prints[str(path)] = f"{status.st_mode:o} {status.st_uid} {status.st_mtime_ns} {content}"
        return prints

    def _leftovers(self) -> list[str]:
        """Return files with the attacks' names in shared folders, removing them; and strays in our own."""
        found = [path for folder in LEFTOVERS for path in glob.glob(f"{folder}/redteam-*")]
        found = [path for path in found if "/redteam-host-" not in path]  # other workers' bait
        strays = [name for name in os.listdir(self.temporary) if not name.startswith("halo-raft-")]
        for path in found:
            with contextlib.suppress(OSError):
                os.unlink(path)
        return found + strays


def _bystander() -> subprocess.Popen[bytes]:
    """Start a process that does nothing, and that ends with this one however this one ends."""
    null = subprocess.DEVNULL
    return subprocess.Popen(
        ["sleep", "100000"], stdin=null, stdout=null, preexec_fn=lambda: LIBC.prctl(PR_SET_PDEATHSIG, 9, 0, 0, 0)
    )


def descendants() -> list[int]:
    """Return every process below this one, zombies included."""
    children: dict[int, list[int]] = {}
    for name in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            parent = int(Path(f"/proc/{name}/stat").read_bytes().rpartition(b")")[2].split()[1])
            children.setdefault(parent, []).append(int(name))
    found, queue = [], [os.getpid()]
    while queue:
        below = children.get(queue.pop(), [])
        found += below
        queue += below
    return found


def _state(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return ""


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()[-60:].decode("utf-8", "replace") or f"({pid})"
    except OSError:
        return "(gone)"


def _descriptors() -> list[str]:
    found = []
    for entry in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):
            found.append(str(entry.readlink()))
    return found


def _greeter(server: socket.socket) -> socket.socket:
    """Accept and close whatever connects, so that a connection is proof enough."""

    def accept() -> None:
        while True:
            with contextlib.suppress(OSError):
                server.accept()[0].close()

    threading.Thread(target=accept, daemon=True).start()
    return server
