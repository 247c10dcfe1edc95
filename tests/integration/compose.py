"""The services of infra/compose.yaml on this machine: their own commands, environments and packages, no containers.

What a container brings is put in by hand: a folder for a volume, a free port for a port, an address for a name.
Works as root and as an ordinary user.
"""

from __future__ import annotations

import contextlib
import glob
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import yaml

REPO = Path(__file__).resolve().parents[2]
PATIENCE_S = 300
GIVEN = {"POSTGRES_PASSWORD": "only-for-this-test", "RAY_AUTH_TOKEN": "only-for-this-test-" + "0" * 32}
"""What compose.yaml asks its user for."""

HEAD, WORKER = "127.0.8.1", "127.0.8.2"
SMALL = ("--object-store-memory=200000000", "--min-worker-port=0", "--max-worker-port=0", "--disable-usage-stats")


def missing() -> str:
    """Return why the services cannot be started here; empty if they can."""
    if not _postgres("initdb"):
        return "PostgreSQL is not installed; infra/postgres.sh installs it"
    if os.geteuid() == 0 and not shutil.which("setpriv"):
        return "PostgreSQL refuses to run as root, and setpriv is missing"
    return ""


def _postgres(program: str) -> str | None:
    """Return the path of one of PostgreSQL's programs; Debian has them in a folder for each version."""
    found = sorted(glob.glob(f"/usr/lib/postgresql/*/bin/{program}"))
    return found[-1] if found else shutil.which(program)


class Compose:
    """PostgreSQL, an MLflow server, a Ray head and a Ray worker, started when entered and ended with all of theirs."""

    def __init__(self) -> None:
        # sockets' names may not be long
        self.folder = Path(tempfile.mkdtemp(prefix="halo-compose-", dir="/tmp"))
        self.folder.chmod(0o711)
        self.results, self.log = self.folder / "results", self.folder / "services.log"
        text = (REPO / "infra" / "compose.yaml").read_text()
        text = re.sub(r"\$\{(\w+)(?::[?-]([^}]*))?\}", lambda m: GIVEN.get(m[1], m[2] or ""), text)
        self.services: dict[str, Any] = yaml.safe_load(text)["services"]
        self.ports = dict(zip(("postgres", "mlflow", "ray", "dashboard", "one", "two"), _free_ports(6), strict=True))
        self.mlflow = f"http://127.0.0.1:{self.ports['mlflow']}"
        self.dashboard = f"http://127.0.0.1:{self.ports['dashboard']}"
        self._running: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Compose:
        try:
            self._start_postgres()
            self._start("mlflow", self._here(self.services["mlflow"]["command"]), healthy=f"{self.mlflow}/health")
            head = [*self._here(self.services["ray-head"]["command"]), f"--port={self.ports['ray']}"]
            head += [f"--dashboard-port={self.ports['dashboard']}", f"--temp-dir={self.folder / 'head'}"]
            head += [f"--node-ip-address={HEAD}", f"--dashboard-agent-listen-port={self.ports['one']}"]
            self._start("ray-head", [*head, *SMALL])
            self._wait_for_nodes(1)
            worker = self._here(self.services["ray-worker"]["command"])
            worker += [f"--node-ip-address={WORKER}", f"--dashboard-agent-listen-port={self.ports['two']}"]
            worker += [f"--temp-dir={self.folder / 'worker'}"]  # nothing shared: Ray removes what is there of a job
            self._start("ray-worker", [*worker, *SMALL])
            self._wait_for_nodes(2)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for process in reversed(self._running):
            with contextlib.suppress(ProcessLookupError):
                if process is self._running[0]:  # PostgreSQL waits for its clients at SIGTERM, and ends them itself
                    process.send_signal(signal.SIGINT)
                else:
                    os.killpg(process.pid, signal.SIGTERM)
            try:
                process.wait(timeout=30)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def submit(self, *words: str | Path) -> str:
        """Submit a job by one of our scripts, follow it to its good end and return what was said."""
        environment = self.environment("ray-head") | {"RAY_ADDRESS": self.dashboard}
        until = time.monotonic() + PATIENCE_S
        while True:
            done = subprocess.run(words, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
            if "No available agent" not in done.stdout or time.monotonic() > until:  # the part that takes jobs is last
                break
            time.sleep(1)
        assert done.returncode == 0, done.stdout + self.log.read_text()[-5000:]
        return done.stdout

    def query(self, sql: str) -> str:
        """Return what PostgreSQL answers, as text."""
        words = [_postgres("psql"), self.environment("mlflow")["MLFLOW_SERVER_URI"], "-Atc", sql]
        return subprocess.run(words, check=True, capture_output=True, text=True).stdout.strip()

    def environment(self, service: str) -> dict[str, str]:
        """Return the environment of a service: compose.yaml's, with what stands here for its names and volumes."""
        bare = {k: v for k, v in os.environ.items() if not k.startswith(("RAY_", "HALO_RAFT_", "MLFLOW_"))}
        written = {name: self._placed(value) for name, value in self.services[service]["environment"].items()}
        here = {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "PYTHONPATH": f"{REPO / 'src'}:{os.environ.get('PYTHONPATH', '')}",
            "TMPDIR": str(self.folder),
            "HALO_RAFT_LEDGER": "off",
            "RAY_worker_niceness": "0",
        }
        return bare | here | written

    def _placed(self, text: str) -> str:
        """Return a text of compose.yaml with the addresses and folders of this machine."""
        ports = self.ports
        for written, here in {
            "@postgres/": f"@127.0.0.1:{ports['postgres']}/",
            "http://mlflow:5000": self.mlflow,
            "--host 0.0.0.0": "--host 127.0.0.1",
            "--dashboard-host 0.0.0.0": "--dashboard-host 127.0.0.1",
            "--port 5000": f"--port {ports['mlflow']}",
            "/artifacts": str(self.folder / "artifacts"),
            "/results": str(self.results),
            "ray-head:6379": f"{HEAD}:{ports['ray']}",
        }.items():
            text = text.replace(written, here)
        return text.replace("$$", "$")

    def _here(self, command: str) -> list[str]:
        return shlex.split(self._placed(command))

    def _start_postgres(self) -> None:
        """Start the server as the image does: a database of its own, by the user and password of the environment."""
        wanted, data = self.services["postgres"]["environment"], self.folder / "postgres"
        data.mkdir()
        secret = self.folder / "password"
        secret.write_text(wanted["POSTGRES_PASSWORD"])
        user: list[str] = []
        if os.geteuid() == 0:
            user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
            for path in (data, secret):
                shutil.chown(path, "postgres", "postgres")
        make = [_postgres("initdb"), "-D", str(data / "db"), "-U", wanted["POSTGRES_USER"], "--pwfile", str(secret)]
        subprocess.run([*user, *make, "--auth=scram-sha-256"], check=True, capture_output=True, cwd=data)
        port = str(self.ports["postgres"])
        self._start("postgres", [*user, _postgres("postgres"), "-D", str(data / "db"), "-h", "127.0.0.1",
                                 "-p", port, "-k", str(data)])  # fmt: skip
        server = f"postgresql://{wanted['POSTGRES_USER']}:{wanted['POSTGRES_PASSWORD']}@127.0.0.1:{port}/postgres"
        create = [_postgres("psql"), server, "-qc", f"create database {wanted['POSTGRES_DB']}"]
        self._wait(lambda: subprocess.run(create, capture_output=True).returncode == 0, "PostgreSQL")

    def _start(self, service: str, words: list[Any], healthy: str = "") -> None:
        environment = self.environment(service) if service != "postgres" else dict(os.environ)
        with self.log.open("ab") as log:
            options: dict[str, Any] = {"stdout": log, "stderr": log, "cwd": self.folder, "start_new_session": True}
            self._running.append(subprocess.Popen(words, env=environment, **options))
        if healthy:
            check = [sys.executable, "-c", f"import urllib.request as u; u.urlopen({healthy!r})"]
            self._wait(lambda: subprocess.run(check, capture_output=True).returncode == 0, service)

    def _wait_for_nodes(self, number: int) -> None:
        count = (
            f"import ray; ray.init('{HEAD}:{self.ports['ray']}', log_to_driver=False, logging_level=50); "
            "print(sum(node['Alive'] for node in ray.nodes()))"
        )

        def there() -> bool:
            asked = subprocess.run(
                [sys.executable, "-c", count], env=self.environment("ray-head"), capture_output=True, text=True
            )
            return asked.stdout.strip().endswith(str(number))

        self._wait(there, f"{number} Ray nodes")

    def _wait(self, there: Any, what: str) -> None:
        until = time.monotonic() + PATIENCE_S
        while not there():
            alive = all(process.poll() is None for process in self._running)
            assert alive and time.monotonic() < until, f"{what} did not come up:\n{self.log.read_text()[-5000:]}"
            time.sleep(0.5)


def _free_ports(number: int) -> list[int]:
    with contextlib.ExitStack() as open_together:
        found = [open_together.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(number)]
        return [listener.getsockname()[1] for listener in found]
