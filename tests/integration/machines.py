"""Machines that share nothing but a network and what is installed: Ray nodes, each in namespaces of its own.

Each has its own /tmp, home and working folder, and those of the others are hidden from it. Sharing by accident fails.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

REPO = Path(__file__).resolve().parents[2]
PATIENCE_S = 240
APART = ("unshare", "--mount", "--uts", "--pid", "--fork", "--mount-proc", "--kill-child")
ADDRESSES = "127.0.7.{}"
"""Of the machines; Ray takes 127.0.0.1 for another one."""
SETUP = """
set -e
mount --make-rprivate /
own=$1 all=$2
mount --bind "$own/tmp" /tmp
mount --bind "$own/model" "$all/model"
for other in "$all"/*/; do
    [ "$other" -ef "$own" ] || [ "$other" -ef "$all/model" ] || mount -t tmpfs none "$other"
done
hostname "${own##*/}"
cd "$own/work"
shift 2
for attempt in 1 2 3 4 5; do "$@" || true; done  # Ray gives itself 30 s, whatever else the machine does
"""


def possible() -> bool:
    """Whether this process may make namespaces."""
    return (
        subprocess.run(["unshare", "--mount", "--uts", "--pid", "--fork", "true"], capture_output=True).returncode == 0
    )


class Machines:
    """A Ray cluster of such machines: `head`, where commands run and nothing computes, and others.

    Args:
        model: A checkpoint folder, which each gets a copy of under one path.
        names: Of the others, with two CPUs each.
    """

    def __init__(self, model: str, *names: str) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="halo-raft-machines-", dir="/var/tmp"))
        self.model = self.folder / "model"
        self.model.mkdir()
        for name in ("head", *names):
            for part in ("tmp", "home", "work"):
                (self.folder / name / part).mkdir(parents=True)
            (self.folder / name / "tmp").chmod(0o1777)
            shutil.copytree(model, self.folder / name / "model")
        self._started: dict[str, subprocess.Popen[bytes]] = {}
        with socket.socket() as listener:
            listener.bind((ADDRESSES.format(1), 0))
            port = listener.getsockname()[1]
        self.address = f"{ADDRESSES.format(1)}:{port}"
        try:
            self._start("head", 1, "--head", f"--port={port}", "--num-cpus=0", "--include-dashboard=false")
            self._wait(1)
            for number, name in enumerate(names, start=2):
                self._start(name, number, f"--address={self.address}", "--num-cpus=2")
            self._wait(1 + len(names))
        except BaseException:
            self.end()
            raise

    def work(self, name: str = "head") -> Path:
        """The working folder of a machine, as seen from outside."""
        return self.folder / name / "work"

    def start(self, *arguments: str, alone: bool = False) -> subprocess.Popen[str]:
        """Start a command of ours on `head`; its output is read with `communicate`.

        Args:
            arguments: Of `halo-raft`.
            alone: On a Ray of its own instead of the cluster.
        """
        command = [sys.executable, "-m", "halo_raft.cli", *arguments]
        return subprocess.Popen(
            self._inside("head", command),
            env=self._environment("head") | ({} if alone else {"RAY_ADDRESS": self.address}),
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip

    def run(self, *arguments: str, alone: bool = False) -> str:
        """Run a command of ours on `head` to its good end; return what it said."""
        process = self.start(*arguments, alone=alone)
        said, _ = process.communicate()
        assert process.returncode == 0, said
        return said

    def kill(self, name: str) -> None:
        """Pull a machine's plug."""
        process = self._started.pop(name)
        if process.poll() is None:
            os.kill(self._first_process(process), signal.SIGKILL)  # the first of its namespace: all others go with it
        process.wait()

    def end(self) -> None:
        """End all machines and remove what they leave."""
        for name in list(self._started):
            self.kill(name)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _start(self, name: str, number: int, *options: str) -> None:
        command = ["ray", "start", "--block", f"--node-ip-address={ADDRESSES.format(number)}", "--disable-usage-stats"]
        command += ["--min-worker-port=0", "--max-worker-port=0", *options]
        own = self.folder / name
        with (own / "ray.log").open("w") as log:
            self._started[name] = subprocess.Popen(
                [*APART, "bash", "-c", SETUP, "setup", str(own), str(self.folder), *command],
                env=self._environment(name), stdout=log, stderr=log,
            )  # fmt: skip

    def _wait(self, nodes: int) -> None:
        """Wait until so many nodes are up, as the head sees them."""
        until = time.monotonic() + PATIENCE_S
        count = (
            f"import ray; ray.init({self.address!r}, log_to_driver=False, logging_level=50); print(len(ray.nodes()))"
        )
        while time.monotonic() < until:
            found = subprocess.run(
                self._inside("head", [sys.executable, "-c", count]), env=self._environment("head"),
                capture_output=True, text=True, check=False,
            )  # fmt: skip
            if found.stdout.strip().endswith(str(nodes)):
                return
            time.sleep(1)
        logs = "\n".join((self.folder / name / "ray.log").read_text() for name in self._started)
        raise AssertionError(f"waited in vain for {nodes} nodes: {found.stderr}\n{logs}")

    def _inside(self, name: str, command: list[str]) -> list[str]:
        first = self._first_process(self._started[name])
        return ["nsenter", "--target", str(first), "--mount", "--uts", "--pid", f"--wdns={self.work(name)}", *command]

    def _first_process(self, unshared: subprocess.Popen[bytes]) -> int:
        until = time.monotonic() + PATIENCE_S
        while unshared.poll() is None and time.monotonic() < until:
            if children := Path(f"/proc/{unshared.pid}/task/{unshared.pid}/children").read_text().split():
                return int(children[0])
            time.sleep(0.05)
        raise AssertionError("a machine did not start")

    def _environment(self, name: str) -> dict[str, str]:
        bare = {k: v for k, v in os.environ.items() if not k.startswith(("RAY_", "HALO_RAFT_", "XDG_"))}
        return bare | {
            "PATH": f"{Path(sys.executable).parent}:{bare['PATH']}",
            "PYTHONPATH": str(REPO / "src"),
            "HOME": str(self.folder / name / "home"),
            "RAY_AUTH_MODE": "disabled",
            "HALO_RAFT_LEDGER": "off",
        }
