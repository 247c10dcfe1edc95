"""Nobody waits in silence: what is begun is said again, a bar has one last line, and no other bars reach a file."""

from __future__ import annotations

import io
import logging
import subprocess
import sys

import pytest
from rich.console import Console

from halo_raft.terminal import console, progress
from halo_raft.terminal.exits import run_main
from halo_raft.terminal.pulse import Pulse


@pytest.fixture(autouse=True)
def nobody_else_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    """The thread that looks by itself would say a line wherever this machine is slow."""
    monkeypatch.setattr("halo_raft.terminal.pulse.LOOKS_EVERY_S", 3600.0)


@pytest.fixture
def piped() -> tuple[Pulse, io.StringIO]:
    written = io.StringIO()
    return Pulse(Console(file=written, width=120)), written


def test_what_is_begun_is_said_again_while_it_takes_long(piped: tuple[Pulse, io.StringIO]) -> None:
    pulse, written = piped
    pulse.said("  Starting engine...")
    begun = pulse._begun
    for after in (1, 14, 15.2, 20, 31):
        pulse._look(begun + after)
    assert written.getvalue().splitlines() == ["  Starting engine... 15 s", "  Starting engine... 31 s"]


def test_what_is_over_is_not_said_again(piped: tuple[Pulse, io.StringIO]) -> None:
    pulse, written = piped
    pulse.said("Starting engine...")
    pulse.said("  Passed: 3 (10.0%)")
    pulse._look(pulse._begun + 100)
    assert not written.getvalue()


def test_a_bar_says_its_own_line_whether_it_moves_or_not(piped: tuple[Pulse, io.StringIO]) -> None:
    pulse, written = piped
    pulse.said("Validating tasks...")
    with pulse.following(lambda: "3/9 verified"):
        pulse.said("  WARNING: a line meanwhile...")
        pulse._look(pulse._said + 16)
        pulse._look(pulse._said + 16)
    pulse._look(pulse._said + 16)
    assert written.getvalue().splitlines() == ["  3/9 verified"] * 2


def test_what_was_not_announced_and_where_a_bar_is_are_said_soon(piped: tuple[Pulse, io.StringIO]) -> None:
    pulse, written = piped
    pulse.said("  Model loading...", printed=False)
    pulse._look(pulse._begun + 2.6)
    with pulse.following(lambda: "0/9 verified"):
        pulse._look(pulse._said + 15)
    assert written.getvalue().splitlines() == ["  Model loading... 3 s", "  0/9 verified"]


def test_on_a_terminal_a_clock_runs_until_the_next_line() -> None:
    written = io.StringIO()
    pulse = Pulse(Console(file=written, force_terminal=True, width=120))
    pulse.said("Starting engine...")
    pulse._look(pulse._begun + 0.5)
    assert pulse._clock is None
    pulse._look(pulse._begun + 2)
    assert pulse._clock is not None
    assert "Starting engine..." in written.getvalue()
    pulse.said("Loading cached samples")
    assert pulse._clock is None


@pytest.mark.parametrize("done", [0, 2])
def test_the_last_line_of_a_stage_has_all_of_it(capsys: pytest.CaptureFixture[str], done: int) -> None:
    with progress.stage_progress(4, done, lambda: 4) as advance:
        for _ in range((4 - done) // 2):
            advance(2, 1, 30)
    assert capsys.readouterr().out.splitlines()[-1].startswith("  4/4 verified, 50.0% passed, ")


def test_a_stage_that_is_done_and_one_that_breaks_off_say_no_last_line(capsys: pytest.CaptureFixture[str]) -> None:
    with progress.stage_progress(4, 4, lambda: 4):
        pass
    assert capsys.readouterr().out == "Loading cached samples... 4 of 4 are verified\n"
    with pytest.raises(ValueError), progress.stage_progress(4, 0, lambda: 4) as advance:
        advance(2, 1, 30)
        raise ValueError
    assert "2/4" not in capsys.readouterr().out


def test_what_is_drawn_and_not_verified_yet_is_said_until_it_is() -> None:
    drawn = iter([0, 3, 3, 8, 12, 12])
    bar = progress.Bar(12, 0, "verified", lambda: next(drawn))
    said = [bar.line(), bar.line()]
    for done in (3, 4, 11, 12):
        bar.move(done, "50.0% passed")
        said.append(bar.line())
    assert said == [
        "0/12 verified",
        "0/12 verified, 3 drawn",
        "3/12 verified, 50.0% passed",
        "4/12 verified, 8 drawn, 50.0% passed",
        "11/12 verified, all drawn, 50.0% passed",
        "12/12 verified, 50.0% passed",
    ]


def test_a_bar_on_a_terminal_counts_what_is_drawn_though_nothing_is_verified(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Console(file=io.StringIO(), force_terminal=True, width=80, color_system=None)
    monkeypatch.setattr(progress, "console", terminal)
    drawn = [3]
    bar = progress.Bar(480, 0, "verified", lambda: drawn[0])
    pages = []
    for drawn[0] in (3, 120):
        with terminal.capture() as page:
            terminal.print(bar._shown.get_renderable())
        pages.append(page.get())
    assert "0/480 verified, 3 drawn" in pages[0]
    assert "0/480 verified, 120 drawn" in pages[1]


def test_steps_of_a_training_are_one_bar_and_all_in_the_log(
    capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG, "halo_raft"), progress.steps_shown() as report:
        for line in ("Loading m...", "step 0/2", "step 1/2  loss 0.9  10 tokens/s", "step 2/2  loss 0.5  10 tokens/s"):
            report(line)
        report("step 2/2  held-back loss 0.7")
    assert capsys.readouterr().out.endswith("  2/2 steps, loss 0.5  10 tokens/s\n")
    assert ("INFO", "step 2/2  held-back loss 0.7") in [(r.levelname, r.getMessage()) for r in caplog.records]
    assert [(r.levelname, r.getMessage()[:8]) for r in caplog.records if r.name == "halo_raft"][:3] == [
        ("INFO", "Loading "),
        ("DEBUG", "step 0/2"),
        ("DEBUG", "step 1/2"),
    ]


def test_a_command_makes_lines_of_other_bars_impossible() -> None:
    program = (
        "from halo_raft.terminal.exits import run_main\n"
        "def command(_):\n"
        "    from tqdm.auto import tqdm\n"
        "    from transformers.utils import logging\n"
        "    list(tqdm(range(3), desc='a foreign bar'))\n"
        "    list(logging.tqdm(range(3), desc='a foreign bar'))\n"
        "    return 0\n"
        "raise SystemExit(run_main(command, None))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "foreign" not in done.stderr + done.stdout


def test_the_pulse_ends_with_the_command() -> None:
    assert run_main(lambda _: int(console.pulse._beating != 1), None) == 0  # type: ignore[arg-type, return-value]
    assert console.pulse._beating == 0
