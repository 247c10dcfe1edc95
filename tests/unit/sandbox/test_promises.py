"""What a run can neither read, change nor outrun, tier by tier."""

import os
import sys
import tempfile
from pathlib import Path

import pytest

from halo_raft import sandbox
from halo_raft.sandbox import POOL, Job, KilledBy, Limits, Outcome, Run, SandboxError, View, probe, self_check

SHORT = Limits(cpu_s=2, wall_s=5)
PYTHON = [os.path.realpath(sys.executable), "-S", "-c"]


pytestmark = pytest.mark.usefixtures("tier")


def _python(code: str, limits: Limits = SHORT, **more: object) -> Outcome:
    return sandbox.run([*PYTHON, code], limits=limits, **more)  # type: ignore[arg-type]


def _memory_has(pid: int, wanted: bytes) -> bool:
    """Return whether the memory of a process contains some bytes.

    Raises:
        PermissionError: It may not be read.
    """
    with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb") as memory:
        for line in maps:
            span, rights = line.split()[:2]
            start, end = (int(edge, 16) for edge in span.split("-"))
            if rights[:2] != "rw":
                continue
            memory.seek(start)
            try:
                if wanted in memory.read(end - start):
                    return True
            except (OSError, ValueError, OverflowError):
                continue
    return False


def test_nothing_of_a_job_stays_in_the_zygote() -> None:
    marks = [f"mark-{number}-{os.urandom(8).hex()}" for number in range(3)]
    collected = ["sh", "-c", f"echo {marks[2]} > out; echo {marks[0]}"]
    outcome = sandbox.run(collected, limits=SHORT, files={"source": marks[1]}, collect=["out"])
    assert outcome.files == {"out": f"{marks[2]}\n".encode()}
    with POOL.zygote(View(probe().name)) as zygote:
        try:
            assert _memory_has(zygote.pid, b"halo")  # what is there is found
            assert [mark for mark in marks if _memory_has(zygote.pid, mark.encode())] == []
        except PermissionError:
            pytest.skip("this user may not read the zygote's memory")


TOUCH = """
import os
for path in DEVICES:
    for times in (None, (1, 1)):
        try: os.utime(path, times)
        except OSError: pass
"""


def test_times_of_devices_stay_as_they_are() -> None:
    devices = ("/dev/null", "/dev/full", "/dev/urandom")
    before = [os.stat(device).st_mtime_ns for device in devices]
    outcome = _python(f"DEVICES = {devices}\n{TOUCH}open('/dev/null', 'w').write('x')")
    assert outcome.clean, outcome.stderr
    assert [os.stat(device).st_mtime_ns for device in devices] == before


def test_names_in_closed_folders_cannot_be_asked_for(tier: str) -> None:
    if tier == "B" and os.geteuid() != 0:
        pytest.skip("an ordinary user's tier B runs as that user, whose closed folders are open to it")
    with tempfile.TemporaryDirectory(dir=Path.home()) as closed:
        Path(closed, "name").touch()
        outcome = _python(f"import os\nfor p in ({closed!r}, {closed + '/name'!r}):\n  print(os.path.lexists(p))")
    assert outcome.stdout == b"False\nFalse\n"


def test_a_program_that_sleeps_was_not_starved() -> None:
    outcome = sandbox.run(["sleep", "60"], limits=Limits(wall_s=4))
    assert outcome.killed_by is KilledBy.WALL
    assert not outcome.starved


def test_a_program_that_had_to_wait_for_its_processor_was() -> None:
    outcome = sandbox.run(["true"], limits=SHORT)
    assert not outcome.starved
    facts = {name: getattr(outcome, name) for name in outcome.__slots__}
    facts |= {"killed_by": KilledBy.WALL, "wall_s": 10.0}
    assert Outcome(**{**facts, "waited_s": 5.0}).starved
    assert not Outcome(**{**facts, "waited_s": 0.1}).starved


def test_a_folder_of_many_files_and_of_any_depth_goes_away() -> None:
    deep = "import os\nfor n in range(4000):\n  try: os.mkdir('d' * 50); os.chdir('d' * 50)\n  except OSError: break\n"
    many = "for n in range(300): open(str(n), 'w').close()\nos.chmod('.', 0)"
    assert _python(deep + many, Limits(cpu_s=20, wall_s=60)).killed_by is None
    assert _python("import os; print(os.listdir('.'))").stdout == b"[]\n"


def test_files_that_are_brought_do_not_count_against_the_folder() -> None:
    outcome = _python("print(len(open('big').read()))", Limits(file_mb=1, cpu_s=5), files={"big": b"x" * (3 << 20)})
    assert outcome.stdout == b"3145728\n", outcome


@pytest.mark.parametrize("content", [b"", b"text", b"\x7fELF\x02\x01\x01", b"#!/no/such/program\n"])
def test_a_binary_that_cannot_be_executed_is_not_our_error(content: bytes) -> None:
    outcome = sandbox.run(["./program"], limits=SHORT, files={"program": content})
    assert outcome.returncode == 126
    assert b"cannot be executed" in outcome.stderr


def test_a_program_of_ours_that_cannot_be_executed_is() -> None:
    with pytest.raises(SandboxError):
        sandbox.run(["/dev/null"], limits=SHORT)


def test_every_promise_is_kept_when_tried(tier: str) -> None:
    results = list(self_check.long(tier))
    assert [(result.name, result.said) for result in results if not result.held] == []
    assert len(results) > 15


def test_standard_input_can_be_opened_by_name() -> None:
    code = "print(open('/dev/stdin').read() + open('/dev/stdin').read())"
    assert _python(code, stdin=b"abc").stdout == b"abcabc\n"


def test_a_run_that_nobody_waits_for_is_held_to_its_limits_too() -> None:
    job = Job(argv=[*PYTHON, "import time; time.sleep(60)"], limits=Limits(wall_s=1))
    with POOL.zygote(View(probe().name)) as zygote, Run(zygote, job) as run:
        while run.killed_by is None:
            assert run.watch() < 60
        assert run.outcome().killed_by is KilledBy.WALL
    job = Job(argv=[*PYTHON, "while True: pass"], limits=Limits(cpu_s=0.5, wall_s=60))
    with POOL.zygote(View(probe().name)) as zygote, Run(zygote, job) as run:
        while run.killed_by is None:
            run.watch()
        assert run.outcome().killed_by is KilledBy.CPU
