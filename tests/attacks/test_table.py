"""The table is what it claims to be: big enough, unambiguous, and its false passes fool a naive harness."""

import contextlib
import os
import shutil
import socket
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from redteam.attack import Facts
from redteam.naive import HARNESSES, with_preamble
from redteam.table import ATTACKS, THEMES
from redteam.tasks import KINDS_OF_TASKS, TASKS

COMPILERS = {"cpp": "g++", "c": "gcc", "rust": "rustc", "go": "go"}
FOOLING = [name for name, attack in ATTACKS.items() if attack.fools]


def test_every_name_is_unique() -> None:
    names = Counter(row.name for theme in THEMES for row in theme.ROWS)
    assert [name for name, count in names.items() if count > 1] == []


def test_every_task_has_a_name_of_its_own() -> None:
    names = Counter(name for tasks in KINDS_OF_TASKS for name in tasks)
    assert [name for name, count in names.items() if count > 1] == []
    assert set(names) == set(TASKS)


def test_the_table_covers_every_language() -> None:
    languages = Counter(TASKS[attack.task].task.language for attack in ATTACKS.values())
    least = {"python": 110, "cpp": 20, "c": 4, "rust": 12, "go": 12}
    assert {name: count for name, count in least.items() if languages[name] < count} == {}
    assert len(ATTACKS) >= 160


def test_every_row_names_what_exists() -> None:
    for attack in ATTACKS.values():
        assert attack.task in TASKS, attack.name
        assert attack.fools in ("", *HARNESSES), attack.name


FIRST = {TASKS[name].task.language: name for name in reversed(TASKS)}
"""The first task of each language; to compile for the others takes a second or two each."""
HONEST = [
    pytest.param(name, marks=() if name == FIRST[language] or language == "python" else pytest.mark.slow)
    for name, language in ((name, target.task.language) for name, target in TASKS.items())
]


@pytest.mark.parametrize("name", HONEST)
def test_the_honest_solution_passes_naively(name: str, tmp_path: Path) -> None:
    target = TASKS[name]
    _needs_compiler(target.task.language)
    code = with_preamble(target.honest, target)
    harness = "contains" if target.verifier == "execution" else "status"
    harness = "native" if target.verifier in ("gcc", "rust", "go") else harness
    assert HARNESSES[harness](code, target, tmp_path)


@pytest.fixture(scope="module")
def facts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Facts]:
    """What an attacker of the naive harness finds: a sibling's folder, a secret, listening sockets."""
    canary = tmp_path_factory.mktemp("canary")
    secret = {**os.environ, "HALO_RAFT_TEST_SECRET": "redteam-secret-of-the-naive-harness"}
    (canary / "secret.txt").write_text("secret")
    home = tmp_path_factory.mktemp("home")
    (home / "token").write_text("token")
    with contextlib.ExitStack() as stack:
        worker = stack.enter_context(subprocess.Popen(["sleep", "600"], env=secret))
        stack.callback(worker.kill)
        tcp = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        abstract = stack.enter_context(socket.socket(socket.AF_UNIX))
        name = f"redteam-naive-{os.getpid()}"
        abstract.bind(f"\0{name}")
        abstract.listen()
        port = int(tcp.getsockname()[1])
        yield Facts(
            canary=str(canary), home=str(home), worker=worker.pid, bystander=worker.pid, port=port, abstract=name
        )


@pytest.mark.slow
@pytest.mark.parametrize("name", FOOLING)
def test_a_false_pass_fools_a_naive_harness(
    name: str, facts: Facts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    attack = ATTACKS[name]
    target = TASKS[attack.task]
    _needs_compiler(target.task.language)
    monkeypatch.setenv("HALO_RAFT_TEST_SECRET", "redteam-secret-of-the-naive-harness")
    code = with_preamble(facts.fill(attack.code), target)
    assert HARNESSES[attack.fools](code, target, tmp_path)


def _needs_compiler(language: str) -> None:
    program = COMPILERS.get(language)
    if program and shutil.which(program) is None:
        pytest.skip(f"no {program} on this machine")
