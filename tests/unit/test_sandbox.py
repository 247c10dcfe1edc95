import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from halo_raft.config.schema import SandboxConfig
from halo_raft.sandbox import KilledBy, Limits, Outcome, SandboxError, box, probe, run, run_python

SHORT = Limits(cpu_s=2, wall_s=5, output_kb=64)
PYTHON = [sys.executable, "-S", "-c"]


@pytest.fixture(autouse=True)
def own_tempdir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Every test leaves the folder for work folders empty."""
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    yield folder
    assert list(folder.iterdir()) == []


@pytest.fixture(params=[True, False], ids=["own_uid", "shared_uid"])
def uid_mode(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    if request.param and not probe().own_uid:
        pytest.skip("needs root, to give each run a user id of its own")
    monkeypatch.setattr(box, "_own_uid", lambda: request.param)
    return request.param


def alive(mark: str) -> list[int]:
    """Return the live processes that carry `mark` on their command line."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                command = (entry / "cmdline").read_bytes()
            except OSError:
                continue
            if mark.encode() in command and int(entry.name) != os.getpid():
                found.append(int(entry.name))
    return found


def wait_until(condition: Callable[[], bool], seconds: float = 10) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.02)
    return condition()


def test_output_status_and_stdin() -> None:
    outcome = run(["sh", "-c", "cat; echo err >&2; exit 3"], limits=SHORT, stdin=b"in\x00put")
    assert (outcome.stdout, outcome.stderr, outcome.returncode, outcome.signal) == (b"in\x00put", b"err\n", 3, None)
    assert outcome.killed_by is None
    assert not outcome.clean
    assert outcome.wall_s > 0


def test_outcome_can_travel_between_workers() -> None:
    outcome = run(["true"], limits=SHORT)
    assert outcome.clean
    assert pickle.loads(pickle.dumps(outcome)) == outcome


def test_stdin_is_empty_without_input() -> None:
    assert run(["cat"], limits=SHORT).stdout == b""


def test_large_stdin_is_delivered_whole() -> None:
    data = b"x" * 3_000_000
    assert run(["wc", "-c"], limits=SHORT, stdin=data).stdout.split() == [b"3000000"]


def test_result_channel_is_apart_from_stdout() -> None:
    outcome = run(["sh", "-c", "echo fake; echo real >&3"], limits=SHORT)
    assert (outcome.stdout, outcome.result) == (b"fake\n", b"real\n")


def test_files_in_and_out() -> None:
    outcome = run(
        ["sh", "-c", "cat a/b.txt; echo out > c; ln -s /etc/passwd d; mkdir e; ln -s /etc f"],
        limits=SHORT,
        files={"a/b.txt": "h\u00e9\udc80", "x": b"\xff"},
        collect=["c", "d", "e", "f/passwd", "nothing"],
    )
    assert outcome.stdout == "h\u00e9?".encode()
    assert outcome.files == {"c": b"out\n"}


@pytest.mark.parametrize("name", ["/etc/x", "../x", "a/../../x", ""])
def test_files_stay_inside(name: str) -> None:
    with pytest.raises(ValueError, match="inside"):
        run(["true"], limits=SHORT, files={name: "x"})


def test_environment_is_an_allow_list(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "secret")
    outcome = run(["env"], limits=SHORT, env={"GOFLAGS": "-mod=mod"})
    assert b"secret" not in outcome.stdout
    assert b"GOFLAGS=-mod=mod" in outcome.stdout


def test_no_other_descriptor_is_open() -> None:
    with open("/dev/null") as extra:
        os.set_inheritable(extra.fileno(), True)
        outcome = run(["ls", "/proc/self/fd"], limits=SHORT)
    assert {int(fd) for fd in outcome.stdout.split()} <= {0, 1, 2, 3, 4}  # 4 is the listing itself


@pytest.mark.parametrize(
    "code", ["while True: pass", "import signal\nsignal.signal(signal.SIGXCPU, lambda *a: 0)\nwhile True: pass"]
)
def test_cpu_limit(code: str) -> None:
    outcome = run([*PYTHON, code], limits=Limits(cpu_s=0.3, wall_s=30))
    assert outcome.killed_by is KilledBy.CPU
    assert 0.25 < outcome.cpu_s < 2


def test_wall_limit_ends_what_ignores_signals() -> None:
    outcome = run(["sh", "-c", "trap '' TERM INT HUP; sleep 9999"], limits=Limits(wall_s=0.4))
    assert outcome.killed_by is KilledBy.WALL
    assert outcome.signal == signal.SIGKILL


def test_memory_limit() -> None:
    outcome = run([*PYTHON, "x = 'x' * (1 << 30)"], limits=Limits(memory_mb=200))
    assert b"MemoryError" in outcome.stderr


def test_file_size_limit(own_tempdir: Path) -> None:
    outcome = run(["sh", "-c", "head -c 3000000 /dev/zero > big; wc -c < big"], limits=Limits(file_mb=1))
    assert outcome.stdout.split() == [b"1048576"]


@pytest.mark.parametrize("stream", ["1", "2"])
def test_endless_output_is_cut(stream: str) -> None:
    outcome = run(["sh", "-c", f"yes >&{stream}"], limits=Limits(output_kb=10, wall_s=60))
    assert outcome.killed_by is KilledBy.OUTPUT_LIMIT
    assert len(outcome.stdout) + len(outcome.stderr) == 10 * 1024


def test_output_below_the_cap_is_complete() -> None:
    outcome = run(["head", "-c", "900000", "/dev/zero"], limits=Limits(output_kb=1024))
    assert outcome.clean
    assert len(outcome.stdout) == 900_000


def test_fork_bomb_is_held() -> None:
    if not probe().own_uid:
        pytest.skip("needs root, to give each run a user id of its own")
    forks = "while n < 200:\n  try:\n    if os.fork() == 0: time.sleep(99)\n    n += 1\n  except OSError: break\n"
    code = f"import os, time\nn = 0\n{forks}print(n)"
    outcome = run([*PYTHON, code], limits=Limits(processes=20))
    assert int(outcome.stdout) < 20


@pytest.mark.parametrize("mark", ["9871.25", "9872.25"])
def test_no_descendant_survives(uid_mode: bool, mark: str) -> None:
    script = f"(setsid sleep {mark} &); (setsid sh -c 'setsid sleep {mark} & setsid sleep {mark} & wait' &); sleep 0.2"
    outcome = run(["sh", "-c", script], limits=SHORT)
    assert outcome.returncode == 0
    assert alive(mark) == []


def test_descendants_that_hold_the_pipes_do_not_hold_us(uid_mode: bool) -> None:
    started = time.monotonic()
    outcome = run(["sh", "-c", "sleep 9873.25 & echo done"], limits=Limits(wall_s=30))
    assert outcome.stdout == b"done\n"
    assert time.monotonic() - started < 20
    assert alive("9873.25") == []


def test_killing_the_supervisor_passes_nothing(uid_mode: bool) -> None:
    outcome = run(["sh", "-c", "kill -9 $PPID; sleep 9874.25"], limits=Limits(wall_s=1))
    assert not outcome.clean
    assert outcome.signal == signal.SIGKILL
    assert alive("9874.25") == []


def test_stopping_the_supervisor_is_outlived(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(box, "_own_uid", lambda: False)
    monkeypatch.setattr(box, "GRACE_S", 0.3)
    outcome = run(["sh", "-c", "kill -STOP $PPID; sleep 9875.25"], limits=Limits(wall_s=0.5))
    assert not outcome.clean
    assert alive("9875.25") == []


def test_work_folder_goes_even_when_nested_deep_or_locked() -> None:
    deep = "import os\nfor _ in range(1500):\n  os.mkdir('d'); os.chdir('d')"
    assert run([*PYTHON, deep], limits=SHORT).clean
    assert run(["sh", "-c", "mkdir -p a/b; touch a/b/c; chmod 0 a/b a"], limits=SHORT).clean


def test_interrupt_leaves_nothing() -> None:
    def interrupt() -> None:
        if wait_until(lambda: bool(alive("9876.25"))):
            os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        run(["sleep", "9876.25"], limits=Limits(wall_s=60))
    thread.join()
    assert alive("9876.25") == []


def test_a_killed_worker_takes_its_candidate_along(tmp_path: Path) -> None:
    script = "from halo_raft.sandbox import *; run(['sleep', '9877.' + '25'], limits=Limits(wall_s=60))"
    worker = subprocess.Popen([sys.executable, "-c", script], env={**os.environ, "TMPDIR": str(tmp_path)})
    try:
        assert wait_until(lambda: bool(alive("9877.25")), 60)
    finally:
        worker.kill()
        worker.wait()
    assert wait_until(lambda: not alive("9877.25"))


def test_no_descriptor_leaks() -> None:
    run(["true"], limits=SHORT)
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(5):
        run(["sh", "-c", "kill -9 $$"], limits=SHORT)
        with pytest.raises(SandboxError):
            run(["/nonexistent"], limits=SHORT)
    assert len(os.listdir("/proc/self/fd")) == before


def test_many_threads_at_once() -> None:
    outcomes: list[Outcome] = []
    threads = [
        threading.Thread(target=lambda i=i: outcomes.append(run(["echo", str(i)], limits=Limits(wall_s=60))))
        for i in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(int(outcome.stdout) for outcome in outcomes) == list(range(8))


def test_missing_program_is_our_error() -> None:
    with pytest.raises(SandboxError, match="not found"):
        run(["no-such-program"], limits=SHORT)
    with pytest.raises(SandboxError, match="FileNotFoundError"):
        run(["/no/such/program"], limits=SHORT)


def test_run_python_needs_a_module() -> None:
    with pytest.raises((SandboxError, ModuleNotFoundError)):
        run_python("halo_raft.no_such_harness", {}, limits=SHORT)


def test_host_is_out_of_reach_of_an_own_uid(monkeypatch: pytest.MonkeyPatch) -> None:
    if not probe().own_uid:
        pytest.skip("needs root, to give each run a user id of its own")
    script = "id -u; kill -0 $PPID && echo reached; cat /proc/$PPID/environ && echo read; touch /usr/x && echo wrote"
    outcome = run(["sh", "-c", script], limits=SHORT)
    assert int(outcome.stdout) > 65535
    assert outcome.stdout.count(b"\n") == 1


def test_tier_is_named_and_explained() -> None:
    tier = probe()
    assert tier.name == "C"
    assert "network" in tier.reason
    assert probe() is tier


def test_limits_from_config() -> None:
    limits = Limits.from_config(SandboxConfig(cpu_s=1.5, memory_mb=100))
    assert (limits.cpu_s, limits.memory_mb, limits.wall_s) == (1.5, 100, 15)


@pytest.mark.parametrize("field", ["cpu_s", "wall_s", "memory_mb", "processes"])
def test_limits_must_be_positive(field: str) -> None:
    with pytest.raises(ValueError, match=field):
        Limits(**{field: 0})
