"""`halo-raft verify` as a user meets it: real judges, real Ray workers that die, runs that are cut off."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from halo_raft import cli, tasks
from halo_raft.pipelines.verify import command as verify_module

TASKS = [
    {"task_id": f"t{n}", "prompt": "Add.", "entry_point": "add", "test_list": [f"assert add({n}, 1) == {n + 1}"]}
    for n in range(8)
]
GOOD = "```python\ndef add(a, b):\n    return a + b\n```"
BAD = "def add(a, b):\n    return a - b\n"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A working directory with tasks, a few samples, and a ledger of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HALO_RAFT_LEDGER", str(tmp_path / "ledger"))
    write("tasks.jsonl", TASKS)
    write("samples.jsonl", [{"task_id": "t1", "completion": c} for c in (GOOD, BAD, GOOD)])
    (tmp_path / "empty.jsonl").write_text("")
    (tmp_path / "broken.jsonl").write_text('{"task_id": "t1", "completion": ""}\n{"task_id"\n')
    return tmp_path


def write(name, rows):
    Path(name).write_text("".join(json.dumps(row) + "\n" for row in rows))


def read(name="out.jsonl"):
    return [json.loads(line) for line in Path(name).read_text().splitlines()]


def verify(*arguments, tasks_file="tasks.jsonl", samples="samples.jsonl", output="out.jsonl"):
    named = ["--tasks", tasks_file] if tasks_file else []
    return cli.main(["verify", *named, "--samples", samples, "--output", output, *arguments])


def test_verdicts_come_in_the_order_of_the_samples(folder, capsys):
    assert verify() == 0
    assert [(v["sample_id"], v["kind"], v["cached"]) for v in read()] == [
        ("t1#0", "passed", False),
        ("t1#1", "wrong", False),
        ("t1#2", "passed", True),
    ]
    printed = capsys.readouterr().out
    for expected in ("2 of 3 samples (66.7%)", "1 of 1 tasks solved", "tier", "1 are copies"):
        assert expected in printed


def test_the_summary_as_json_is_all_of_standard_output(folder, capsys):
    assert verify("--json") == 0
    summary = json.loads(capsys.readouterr().out)
    assert (summary["samples"], summary["passed"], summary["infra"]) == (3, 2, 0)
    assert counted(summary) == (2, 1, 0), "a copy was not judged"
    assert summary["kinds"] == {"passed": 2, "wrong": 1}
    assert summary["verifier"] == "mbpp"
    assert summary["pass_at_1"]["mean"] == pytest.approx(2 / 3)


def test_a_sample_is_counted_as_judged_or_as_known_or_as_on_disk(folder, capsys):
    assert verify() == 0
    capsys.readouterr()
    assert verify("--json") == 0
    assert counted(json.loads(capsys.readouterr().out)) == (0, 0, 3)
    assert verify("--json", output="again.jsonl") == 0
    assert counted(json.loads(capsys.readouterr().out)) == (0, 3, 0), "the ledger knows them"
    assert verify("--json", "--no-ledger", output="anew.jsonl") == 0
    assert counted(json.loads(capsys.readouterr().out)) == (3, 0, 0)


def counted(summary):
    return summary["judged_now"], summary["known"], summary["on_disk"]


def test_a_finished_run_is_not_done_again_and_changed_inputs_are_refused(folder, capsys, monkeypatch):
    assert verify() == 0
    first = Path("out.jsonl").read_text()
    monkeypatch.setattr(verify_module, "judge_all", None)
    assert verify() == 0
    assert Path("out.jsonl").read_text() == first
    monkeypatch.undo()
    monkeypatch.chdir(folder)
    write("samples.jsonl", [{"task_id": "t1", "completion": BAD}])
    assert verify() == 3
    assert "samples: not the same as before" in (error := capsys.readouterr().err)
    assert "--fresh" in error
    assert verify("sandbox.cpu_s=2") == 3
    assert verify("--fresh") == 0
    assert [v["kind"] for v in read()] == ["wrong"]


def test_a_run_that_was_cut_off_goes_on_and_a_torn_line_is_cut(folder, capsys):
    assert verify("--no-ledger") == 0
    kept = Path("out.verify/verdicts.jsonl")
    lines = kept.read_bytes().splitlines(keepends=True)
    kept.write_bytes(lines[0] + lines[1][:50])
    whole = Path("out.jsonl").read_text()
    Path("out.jsonl").unlink()
    assert verify("--no-ledger") == 0
    assert "1 of 3 are verified" in capsys.readouterr().out
    assert [v["kind"] for v in read()] == [json.loads(v)["kind"] for v in whole.splitlines()]
    assert read()[0] == json.loads(lines[0])


def test_the_canonical_solutions_pass_in_both_harnesses_forms(folder):
    problems = tasks.load("humaneval").tasks[:6]
    write("h.jsonl", [{"task_id": t.task_id, "completion": t.solution} for t in problems])
    write("e.jsonl", [{"task_id": t.task_id, "solution": t.prompt + t.solution} for t in problems])
    for form, samples in (("humaneval", "h.jsonl"), ("evalplus", "e.jsonl")):
        assert verify("--format", form, tasks_file=None, samples=samples, output=f"{form}.jsonl") == 0
        assert [v["kind"] for v in read(f"{form}.jsonl")] == ["passed"] * 6


def test_broken_tasks_are_named_when_asked(folder, capsys):
    write("tasks.jsonl", [{**TASKS[1], "solution": BAD}])
    assert verify("--validate", "--json") == 0
    broken = json.loads(capsys.readouterr().out)["broken_tasks"]
    assert "its reference does not pass" in broken["t1"]


def test_a_pytest_suite_of_ones_own_judges_every_task(folder):
    Path("suite.py").write_text("from solution import add\n\n\ndef test_add():\n    assert add(20, 3) == 23\n")
    assert verify("verifier.test_file=suite.py") == 0
    assert [(v["kind"], v["verifier"], v["integrity"]) for v in read()] == [
        ("passed", "pytest", "outside"),
        ("wrong", "pytest", "outside"),
        ("passed", "pytest", "outside"),
    ]


@pytest.mark.parametrize(
    ("arguments", "code", "expected"),
    [
        (("verifier.test_file=none.py",), 3, "verifier.test_file: none.py cannot be read"),
        ({"samples": "none.jsonl"}, 3, "none.jsonl: cannot be read"),
        ({"samples": "empty.jsonl"}, 3, "empty.jsonl: holds no samples"),
        ({"samples": "broken.jsonl"}, 3, "broken.jsonl:2: is not JSON"),
        ({"samples": "tasks.jsonl"}, 3, "tasks.jsonl:1: has no completion"),
        ({"tasks_file": "none.jsonl"}, 3, "none.jsonl is no file and no task source"),
        ({"tasks_file": "humaneval"}, 3, "samples.jsonl:1: task_id 't1' is none of the 164 tasks of humaneval"),
        ({"tasks_file": None}, 2, "verify needs --tasks"),
        ({"output": "."}, 3, "--output: . is a folder"),
        ({"output": "tasks.jsonl/out.jsonl"}, 3, "cannot be written"),
        (("--verifier", "gccc"), 3, "unknown verifier 'gccc'; there are:"),
        (("--verifier", "no_such:V"), 3, "cannot be imported"),
        (("--workers", "-1"), 2, "--workers -1"),
        (("sandbox.cpu=1",), 2, "unknown key sandbox.cpu"),
    ],
)
def test_a_mistake_is_one_line_and_an_exit_code(folder, capsys, arguments, code, expected):
    assert (verify(**arguments) if isinstance(arguments, dict) else verify(*arguments)) == code
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert line.startswith("error: ")
    assert expected in line
    assert not Path("out.verify").exists()


OWN = """
from halo_raft.verifiers import Verifier, VerifyResult


def your_check(code):
    if "explode" in code:
        raise ValueError("the check exploded")
    return "return" in code


class MyVerifier(Verifier):
    def verify(self, code: str) -> VerifyResult:
        # Your verification logic
        success = your_check(code)
        return VerifyResult(
            success=success,
            reward=1.0 if success else 0.0,
            details="Custom verification"
        )
"""


def test_the_guides_own_verifier_works_with_its_import_changed_alone(folder, capsys):
    Path("my_verifier_of_test.py").write_text(OWN)
    assert verify("--verifier", "my_verifier_of_test:MyVerifier") == 0
    assert [(v["kind"], v["details"], v["integrity"]) for v in read()] == [
        ("passed", "Custom verification", "user")
    ] * 3


def test_an_exception_in_it_is_infra_with_its_traceback_in_the_log_and_never_a_reward(folder, capsys):
    Path("my_other_of_test.py").write_text(OWN)
    write("samples.jsonl", [{"task_id": "t1", "completion": c} for c in (GOOD, "explode")])
    command = ("--verifier", "my_other_of_test:MyVerifier")
    assert verify(*command) == 5
    good, bad = read()
    assert (good["kind"], bad["kind"], "reward" in bad) == ("passed", "infra", False)
    log = Path("out.verify/logs/raft.log").read_text()
    assert "Traceback (most recent call last)" in log
    assert "ValueError: the check exploded" in log
    printed = capsys.readouterr()
    assert "1 of 2 samples could not be judged" in printed.err
    assert "Traceback" not in printed.out + printed.err
    Path("my_other_of_test.py").write_text(OWN.replace('"explode" in code', "False"))
    del sys.modules["my_other_of_test"]
    assert verify(*command, "--fresh") == 0


@pytest.mark.parametrize("read_too", ["samples.jsonl", "tasks.jsonl", "v.yaml"])
def test_a_file_that_is_read_is_not_written_over(folder, capsys, read_too):
    Path("v.yaml").write_text("sandbox: {cpu_s: 5}\n")
    Path("link.jsonl").symlink_to(read_too)
    before = Path(read_too).read_bytes()
    for output in (read_too, "link.jsonl", f"../{folder.name}/{read_too}"):
        assert verify("--config", "v.yaml", "--fresh", output=output) == 3
        assert f"is the file of --{read_too.replace('v.yaml', 'config').partition('.')[0]}" in capsys.readouterr().err
    assert Path(read_too).read_bytes() == before
    assert not list(Path().glob("*.verify"))


def test_what_an_earlier_version_had_judged_is_taken_over(folder, capsys):
    assert verify() == 0
    Path("out.verify/verdicts.jsonl").rename("out.verify/cycle_0_verified.jsonl")
    before = Path("out.jsonl").read_bytes()
    Path("out.jsonl").unlink()
    assert verify() == 0
    assert "3 of 3 are verified" in capsys.readouterr().out
    assert Path("out.jsonl").read_bytes() == before


SECRET = "def add(a, b):\n    open({mark!r}, 'w').close()\n    return a + b\n"


@pytest.mark.slow
def test_a_node_with_limits_alone_judges_nothing_that_nobody_allowed(folder, tmp_path, monkeypatch):
    """Two raylets, one of them held to tier C: the other does its work."""
    from ray.cluster_utils import Cluster

    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")  # for cluster and commands alike
    mark = tmp_path.parent / "a-candidate-was-here"
    write("samples.jsonl", [{"task_id": f"t{n % 8}", "completion": SECRET.format(mark=str(mark))} for n in range(32)])
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    try:
        cluster.add_node(num_cpus=1, env_vars={"HALO_RAFT_SANDBOX_TIER": "C"})
        command = [sys.executable, "-m", "halo_raft.cli", "verify", "--tasks", "tasks.jsonl", "--output", "out.jsonl"]
        command += ["--samples", "samples.jsonl", "--workers", "4", "--no-ledger"]
        environment = os.environ | {"RAY_ADDRESS": cluster.address}
        done = subprocess.run(command, env=environment, capture_output=True, text=True)
    finally:
        cluster.shutdown()
    assert done.returncode == 0, done.stderr
    assert "a node judges nothing: sandbox: " in done.stdout
    assert {v["tier"] for v in read()} <= {"A", "B"} and {v["kind"] for v in read()} == {"runtime"}
    assert not mark.exists(), "a program ran where only limits held it"


@pytest.fixture
def many(folder):
    """Samples that take a moment each, no two alike, with the right verdict known."""
    slow = "import time\n\ndef add(a, b):\n    time.sleep(0.1)\n    return a + b + {off}  # {n}\n"
    rows = [
        {"task_id": f"t{n % 8}", "completion": f"```python\n{slow.format(off=n % 3 == 0, n=n)}```"} for n in range(120)
    ]
    write("samples.jsonl", rows)
    return ["wrong" if n % 3 == 0 else "passed" for n in range(120)]


@pytest.mark.slow
def test_a_ray_worker_that_is_killed_in_its_batch_loses_no_row(many, ray_session, capsys):
    killed = []

    def kill_one():
        kept = Path("out.verify/verdicts.jsonl")
        while not killed:
            if kept.is_file() and kept.stat().st_size:
                killed.append(_verify_workers()[0])
                os.kill(killed[0], signal.SIGKILL)
            time.sleep(0.05)

    thread = threading.Thread(target=kill_one, daemon=True)
    thread.start()
    assert verify("--workers", "2", "--no-ledger") == 0
    thread.join()
    assert killed
    assert [v["kind"] for v in read()] == many
    on_disk = [v["sample_id"] for v in read("out.verify/verdicts.jsonl")]
    assert len(on_disk) == len(set(on_disk)) == len(many)


@pytest.mark.slow
def test_a_command_that_is_killed_goes_on_where_it_stopped(many, folder, capsys):
    command = [sys.executable, "-m", "halo_raft.cli", "verify", "--tasks", "tasks.jsonl", "--samples", "samples.jsonl"]
    command += ["--output", "out.jsonl", "--workers", "0", "--no-ledger"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    kept = Path("out.verify/verdicts.jsonl")
    while not (kept.is_file() and kept.read_bytes().count(b"\n") >= 5):
        assert process.poll() is None
        time.sleep(0.05)
    process.kill()
    process.wait()
    before = kept.read_bytes()
    before = before[: before.rfind(b"\n") + 1]
    assert not Path("out.jsonl").exists()
    assert verify("--workers", "0", "--no-ledger") == 0
    assert kept.read_bytes().startswith(before)
    assert [v["kind"] for v in read()] == many


def _verify_workers():
    """Return the processes that verify below this one: Ray's workers of this session, not of another."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            name = path.read_bytes()
            if name.startswith(b"ray::") and b"Verify" in name and _is_below(os.getpid(), int(path.parent.name)):
                found.append(int(path.parent.name))
        except OSError:
            continue  # it ended meanwhile
    return found


def _is_below(ancestor, pid):
    while pid > 1:
        if pid == ancestor:
            return True
        pid = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    return False
