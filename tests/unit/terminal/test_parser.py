"""Every command's `--help` shows defaults, groups and an example that it takes; bash completes its words."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess

import pytest

from halo_raft import cli
from halo_raft.terminal.parser import Parser, bash_completion, commands_of

PARSER = cli.build_parser()
COMMANDS = {name: command for name, command in commands_of(PARSER) if command.get_default("run")}


def test_all_commands_are_here() -> None:
    assert {"raft train", "sft train", "benchmark full", "sweep best", "data generate", "verify", "test"} <= set(
        COMMANDS
    )


@pytest.mark.parametrize("name", COMMANDS)
def test_its_example_is_a_line_that_it_takes(name: str) -> None:
    *_, line = COMMANDS[name].format_help().strip().splitlines()
    program, *words = shlex.split(line.partition(" > ")[0])
    assert (program, " ".join(words[: len(name.split())])) == ("halo-raft", name)
    PARSER.parse_args(words)


@pytest.mark.parametrize("name", COMMANDS)
def test_each_word_of_a_command_says_what_it_is(name: str) -> None:
    unsaid = [action.dest for action in COMMANDS[name]._actions if not action.help]
    assert unsaid == ([] if name != "completion" else ["shell"])


@pytest.mark.parametrize(
    ("name", "flags"),
    [
        ("raft train", "--heldout --verifier --system-prompt --min-samples"),
        ("sft train", "--max-samples --patience"),
        ("benchmark run", "--verifier --limit --k --output"),
        ("benchmark full", "--k --heldout"),
        ("benchmark export", "--format"),
        ("sweep run", "--parallel --study --storage"),
        ("verify", "--verifier --workers"),
        ("test", "--level"),
    ],
)
def test_what_is_done_without_a_flag_is_said_beside_it(name: str, flags: str) -> None:
    helps = {flag: str(a.help) for a in COMMANDS[name]._actions for flag in a.option_strings}
    for flag in flags.split():
        assert re.search(r"when not given|default|0: never|in place of the one", helps[flag]), (flag, helps[flag])


def test_settings_are_in_groups_with_the_schemas_defaults() -> None:
    said = " ".join(COMMANDS["raft train"].format_help().split())
    for group in ("model, data and output:", "generating:", "judging and keeping:", "training:", "the run:"):
        assert group in said
    assert "samples drawn of each prompt (sampling.samples_per_prompt; default 8)" in said
    assert "peak learning rate of the first cycle (training.learning_rate; default 5e-05)" in said
    assert "run folder (output_dir; default models/raft)" in said
    assert "default models/sft" in " ".join(COMMANDS["sft train"].format_help().split())


def test_defaults_of_a_command_are_those_that_it_takes() -> None:
    said = " ".join(COMMANDS["benchmark run"].format_help().split())
    assert "sampling temperature (sampling.temperature; default 0.2)" in said
    assert "so many samples a task (sampling.samples_per_prompt; default 1)" not in said
    assert "default results/full_benchmark" in " ".join(COMMANDS["benchmark full"].format_help().split())


def test_defaults_of_other_flags_are_shown_once() -> None:
    parser = Parser(prog="p")
    parser.add_argument("--number", type=int, default=0, help="a number")
    parser.add_argument("--share", default=0.2, help="a share (default 0.2)")
    parser.add_argument("--on", action="store_true", help="on")
    said = " ".join(parser.format_help().split())
    assert "a number (default 0)" in said
    assert said.count("default") == 2


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("--lr", "--learning-rate"),
        ("--lr=1e-4", "--learning-rate"),
        ("--samples", "--samples-per-prompt"),
        ("--temprature", "--temperature"),
        ("--zzz", None),
    ],
)
def test_an_unknown_flag_is_refused_with_the_nearest_one(
    typed: str, meant: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(["raft", "train", typed, "0.5"])
    assert ended.value.code == 2
    said = capsys.readouterr().err.splitlines()[-1]
    assert said.endswith(f"did you mean {meant}?") if meant else "did you mean" not in said


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["benchmrak", "run"], "'benchmrak'"),
        (["benchmark", "rnu"], "; did you mean run?"),
        (["zzz"], "invalid choice: 'zzz'"),
    ],
)
def test_an_unknown_command_is_refused_with_the_nearest_one(words, said, capsys):
    with pytest.raises(SystemExit) as ended:
        cli.main(words)
    assert ended.value.code == 2
    line = capsys.readouterr().err.splitlines()[-1]
    assert said in line and line.endswith("did you mean benchmark?") == (words[0] == "benchmrak")


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")
@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("halo-raft be", ["benchmark"]),
        ("halo-raft benchmark ex", ["export"]),
        ("halo-raft raft train --model m --samples", ["--samples-per-prompt"]),
        ("halo-raft raft train --from-stage ", ["select", "train"]),
        ("halo-raft benchmark export r.json --form", ["--format"]),
        ("halo-raft raft train --model mod", []),
    ],
)
def test_bash_completes(typed: str, offered: list[str]) -> None:
    words = typed.split(" ")
    script = f"{bash_completion(PARSER)}\nCOMP_WORDS=({shlex.join(words)}); COMP_CWORD={len(words) - 1}\n"
    script += '_halo_raft; printf "%s\\n" "${COMPREPLY[@]}"'
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split() == offered, done.stderr
