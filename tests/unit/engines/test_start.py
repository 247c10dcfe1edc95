"""The cause of a failed start is found, in one line, where vLLM left it."""

import pytest

from halo_raft.engines.start import own_log, why_it_failed

WORKERS = """
(Worker_TP0 pid=7) ERROR 11-28 12:00:00 [multiproc_executor.py:900] Traceback (most recent call last):
(Worker_TP0 pid=7) ERROR 11-28 12:00:00 [multiproc_executor.py:900]   File "worker.py", line 3, in init_device
(Worker_TP0 pid=7) ERROR 11-28 12:00:00 [multiproc_executor.py:900] torch.OutOfMemoryError: CUDA out of memory.
(EngineCore pid=6) Exception: WorkerProc initialization failed due to an exception in a background process. \
See stack trace for root cause.
BrokenPipeError: [Errno 32] Broken pipe
"""
POINTS_ELSEWHERE = RuntimeError("Engine core initialization failed. See root cause above. Failed core proc(s): {}")


def test_a_cause_of_its_own_is_told():
    assert why_it_failed(ValueError("Free memory on device is 3/24 GiB"), WORKERS) == (
        "ValueError: Free memory on device is 3/24 GiB"
    )


def test_the_innermost_cause_counts():
    try:
        try:
            raise OSError("no such file")
        except OSError as inner:
            raise RuntimeError("load failed") from inner
    except RuntimeError as error:
        assert why_it_failed(error) == "OSError: no such file"


def test_a_cause_in_another_process_is_read_from_the_log():
    assert why_it_failed(POINTS_ELSEWHERE, WORKERS) == "OutOfMemoryError: CUDA out of memory."


@pytest.mark.parametrize("log", ["", "BrokenPipeError: [Errno 32] Broken pipe"])
def test_without_a_log_the_error_is_told_as_it_is(log):
    assert why_it_failed(POINTS_ELSEWHERE, log).startswith("RuntimeError: Engine core initialization failed.")


def test_many_lines_become_one():
    assert "\n" not in why_it_failed(ValueError("a\nb\n" + "c " * 900))


def test_only_what_was_written_since_is_read(tmp_path, monkeypatch):
    log = tmp_path / "worker.err"
    log.write_text("ValueError: of an earlier start\n")
    monkeypatch.setattr("halo_raft.engines.start.os.readlink", lambda path: str(log))
    said = own_log()
    with log.open("a") as file:
        file.write("ValueError: of this one\n")
    assert "of this one" in said()
    assert "earlier" not in said()
