"""What is asked of a compiler, and what is said meanwhile."""

from pathlib import Path

import pytest

from halo_raft.errors import ConfigError
from halo_raft.verifiers.native import prepared_cc, toolchain_go
from halo_raft.verifiers.native.toolchains import output_of


def make_program(path: Path, script: str) -> str:
    path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    path.chmod(0o755)
    return str(path)


def test_the_mend_that_a_compiler_names_is_passed_on(tmp_path: Path) -> None:
    script = "echo 'error: no default is configured' >&2; echo \"help: run 'rustup default stable'\" >&2; exit 1"
    program = make_program(tmp_path / "rustc", script)
    with pytest.raises(ConfigError, match=r"fails: error: no default is configured; run 'rustup default stable'$"):
        output_of(program, "--print", "sysroot")


def test_what_a_machine_prepares_once_is_announced_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    for log in (prepared_cc.log, toolchain_go.log):
        monkeypatch.setattr(log, "info", lambda text, program: said.append(text % program))
    monkeypatch.setenv("HALO_RAFT_CACHE", str(tmp_path / "cache"))
    compiler = prepared_cc.Compiler(make_program(tmp_path / "g++", "exit 0"), "1", (), "gcc")
    go = make_program(tmp_path / "go", "echo packagefile")
    for _ in range(2):
        prepared_cc.prepare.__wrapped__(compiler)
        prepared_cc.prepare_lean.__wrapped__(compiler, announcing=False)
        toolchain_go._standard_library.__wrapped__(go, "1")
    assert said == [
        *2 * [f"Precompiling headers for {compiler.program} (once on this machine)..."],
        f"Compiling the standard library of {go} (once on this machine)...",
    ]
