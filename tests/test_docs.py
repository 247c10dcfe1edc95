"""README and docs say what is so: commands parse, files and settings exist, quoted lines are in the source."""

from __future__ import annotations

import ast
import importlib
import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from halo_raft import cli, verifiers
from halo_raft.config import RaftConfig, SftConfig, SweepConfig, load
from halo_raft.config.reference import page, settings
from halo_raft.terminal.exits import parse

REPO = Path(__file__).resolve().parents[1]
PAGES = [REPO / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md", "bench/README.md")] + sorted(
    (REPO / "docs").glob("*.md")
)
SOURCE = REPO / "src" / "halo_raft"

YOURS = {"my_sft.yaml", "best.yaml", "raft.yaml", "configs/memory.yaml"}
"""Configurations that the docs speak of and that are the reader's own: made by a command, or written by hand."""
UPPER = re.compile(r"\b[A-Z]{3,}(?:_[A-Z]+)*\b")
"""Words that stand for the reader's own."""

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
_SPAN = re.compile(r"`([^`\n]+)`")
_HEADING = re.compile(r"^(#{1,4}) +(.+)$", re.MULTILINE)
_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
_KEY = re.compile(r"^((?:[a-z_]+\.)+[a-z_]+)(?:=.*)?$")
SECTIONS = {name for config in (RaftConfig, SftConfig, SweepConfig) for name in config.model_fields}


def text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def lines_of_shell(path: Path) -> Iterator[str]:
    """Yield each command line of a page's shell blocks, lines that go on joined."""
    for language, block in _FENCE.findall(text(path)):
        if language == "bash":
            yield from filter(None, block.replace("\\\n", " ").splitlines())


def spans(path: Path) -> list[str]:
    """Return what stands between single backticks, outside of blocks."""
    return _SPAN.findall(_FENCE.sub("", text(path)).replace("\\|", "|"))


def command_lines() -> list[str]:
    """Return all command lines of ours on all pages, in blocks and between backticks."""
    found = []
    for path in PAGES:
        for line in (*lines_of_shell(path), *spans(path)):
            found += [part.strip() for part in re.split(r"&&|;(?= )", line)]
    starts = ("halo-raft ", "python -m halo_raft.", "pipelines/", "make ", "python bench/")
    return sorted({line for line in found if line.startswith(starts)})


def words_of(line: str) -> list[str]:
    """Return the words of a command line: no comment, nothing behind a pipe or in brackets, one of `a|b`."""
    line = re.sub(r"(\w+)(?:\|\w+)+", r"\1", line)
    words = shlex.split(line.replace("…", ""), comments=True)
    ends = [number for number, word in enumerate(words) if word in ("|", ">", "&")]
    return words[: ends[0]] if ends else words


def as_ours(words: list[str]) -> list[str] | None:
    """Return a command line as words of `halo-raft`; None where it is none of ours."""
    if words[0] == "halo-raft":
        return words[1:]
    if words[:2] == ["python", "-m"] and words[2].startswith("halo_raft.pipelines."):
        name = words[2].rpartition(".")[2]
        return [*{"raft": ["raft", "train"], "sft": ["sft", "train"]}.get(name, [name]), *words[3:]]
    if words[0].startswith("pipelines/") and words[0].endswith(".sh"):
        name = Path(words[0]).stem
        return [*{"raft": ["raft", "train"], "sft": ["sft", "train"]}.get(name, [name]), *words[1:]]
    return None


COMMANDS = [line for line in command_lines() if as_ours(words_of(line)) is not None]


def test_there_are_commands_to_look_at():
    assert len(COMMANDS) > 60
    assert "halo-raft init mine" in COMMANDS and any("pipelines/sft.sh" in line for line in COMMANDS)


@pytest.mark.parametrize("line", COMMANDS)
def test_each_command_line_parses(line, capsys):
    words = as_ours(words_of(line))
    if "COMMAND" in words:
        words = ["raft", "train", *words[1:]]
    bare = [word for word in words if not word.startswith("-")]
    if words[:1] == ["sweep"]:
        from halo_raft.pipelines.sweep import with_default_command

        words = with_default_command(words)
    try:
        arguments = parse(cli.build_parser(words), words)
    except SystemExit as end:
        said = capsys.readouterr()
        if end.code and len(bare) == len(words) <= 2 and "the following arguments are required" in said.err:
            return  # only the name of a command: `data prepare`
        assert end.code in (0, None), said.err
        return
    config = getattr(arguments, "config", None)
    if config and not UPPER.search(str(config)) and str(config) not in YOURS:
        assert (REPO / config).is_file(), f"there is no {config}"
    settings_given = [word for word in getattr(arguments, "overrides", []) if not UPPER.search(word.split("=")[0])]
    if settings_given and words[0] in ("raft", "sft", "sweep", "benchmark", "verify"):
        load({"sft": SftConfig, "sweep": SweepConfig}.get(words[0], RaftConfig), None, settings_given)


LOOKING = [line for line in COMMANDS
           if re.search(r"configs/.*--dry-run|data prepare --list$|config \w+ configs/", line)]  # fmt: skip


@pytest.mark.parametrize("line", LOOKING)
def test_commands_that_only_look_run(line, monkeypatch, tmp_path):
    assert len(LOOKING) >= 3
    for name in ("configs", "data", "bench"):
        (tmp_path / name).symlink_to(REPO / name)
    monkeypatch.chdir(tmp_path)
    assert cli.main(as_ours(words_of(line))) == 0
    assert {path.name for path in tmp_path.iterdir()} <= {"configs", "data", "bench", "mlruns"}


def test_the_first_run_of_the_start_page_runs_up_to_its_training(monkeypatch, tmp_path, capsys):
    monkeypatch.chdir(tmp_path)
    lines = [line for line in lines_of_shell(REPO / "docs" / "index.md") if "halo-raft" in line]
    assert lines[0].startswith("halo-raft init mine && cd mine") and "--dry-run" not in lines[-1]
    for line in lines[:-1]:
        words = words_of(line.partition("&&")[0])
        assert cli.main(as_ours(words)) == 0, capsys.readouterr().err
        if "&& cd mine" in line:
            monkeypatch.chdir(tmp_path / "mine")
    assert "# Plan" in capsys.readouterr().out
    assert as_ours(words_of(lines[-2]))[:-1] == as_ours(words_of(lines[-1])), "what was looked over is what is run"


def test_what_make_and_scripts_are_told_exists():
    targets = set(re.findall(r"^([a-z-]+):", text(REPO / "Makefile"), re.MULTILINE))
    for line in command_lines():
        words = words_of(line)
        if words[0] == "make":
            assert set(words[1:]) <= targets, line
        elif words[0].startswith("pipelines/") and re.fullmatch(r"[\w/]+\.sh", words[0]):
            assert (REPO / words[0]).is_file(), line
        elif words[0] == "python" and words[1].startswith("bench/"):
            assert (REPO / words[1]).is_file(), line
            flags = {word for word in words if word.startswith("--")}
            assert all(f'"{flag}"' in text(REPO / words[1]) for flag in flags), line


def test_each_setting_that_is_named_exists():
    known = {s.key for config in (RaftConfig, SftConfig, SweepConfig) for s in settings(config)}
    known |= {name.rpartition(".")[0] for name in known}
    other = {name for config in (RaftConfig, SftConfig) for s in settings(config) for name in s.also}
    wrong = []
    for path in PAGES:
        for span in spans(path):
            match = _KEY.match(span)
            named = match is not None and not re.search(r"\.(py|md|sh|yaml|jsonl)$", match[1])
            if named and match[1].partition(".")[0] in SECTIONS:
                wrong += [f"{path.name}: {span}"] * (match[1] not in known | other)
    assert wrong == []


def test_the_reference_has_every_setting_with_its_meaning():
    for config in (RaftConfig, SftConfig, SweepConfig):
        unsaid = [s.key for s in settings(config) if not s.meaning]
        assert unsaid == [], "write a docstring below each of these in src/halo_raft/config"
        left_out = [s.key for s in settings(config) if f"| `{s.key}` |" not in page()]
        assert left_out == []


def test_the_reference_in_the_docs_is_fresh():
    command = "halo-raft config reference > docs/configuration.md"
    assert text(REPO / "docs" / "configuration.md").rstrip() == page().rstrip(), command


def test_the_reference_says_defaults_bounds_and_other_names():
    by_key = {s.key: s for s in settings(SftConfig)}
    assert by_key["lora.r"].default == "16", "SFT's own, not the section's"
    raft = page()
    assert "| `training.learning_rate` | `5e-05` | number > 0, < 1 |" in raft
    assert "| `--learning-rate`, `learning_rate` |" in raft
    assert "`training.batch_size`" in raft, "the guide's name"


def templates() -> list[str]:
    """Return every text in the source, values in it as `…`."""
    found = []
    for path in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(text(path))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.append(re.sub(r"%[sdr]", "…", node.value))
            elif isinstance(node, ast.JoinedStr):
                found.append("".join(v.value if isinstance(v, ast.Constant) else "…" for v in node.values))
    return found


def test_each_line_that_troubleshooting_quotes_is_in_the_source():
    quoted = [line for language, block in _FENCE.findall(text(REPO / "docs" / "troubleshooting.md"))
              if language == "text" for line in block.splitlines()]  # fmt: skip
    assert len(quoted) > 50
    there = templates()
    for line in quoted:
        parts = [part for part in line.split("…") if part.strip(" .,:;")]
        constant = re.compile(".*".join(map(re.escape, parts)), re.DOTALL)
        assert sum(map(len, parts)) > 10 and any(constant.search(known) for known in there), line


def test_python_and_yaml_on_the_pages_are_sound():
    seen = 0
    for path in PAGES:
        for language, block in _FENCE.findall(text(path)):
            if language == "python":
                for node in ast.walk(ast.parse(block, filename=str(path))):
                    if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("halo_raft"):
                        module = importlib.import_module(node.module)
                        assert all(hasattr(module, name.name) for name in node.names), f"{path.name}: {node.module}"
                        seen += 1
            elif language == "yaml":
                load(RaftConfig, None, [f"{key}={json.dumps(value)}" for key, value in yaml.safe_load(block).items()])
                seen += 1
    assert seen >= 4


def test_every_verifier_has_a_row():
    rows = text(REPO / "docs" / "verifiers.md").split("## Rewards")[0]
    missing = [name for name in verifiers.REGISTRY.names() if not re.search(rf"^\|[^|]*`{name}`", rows, re.MULTILINE)]
    assert missing == []


def slug(heading: str) -> str:
    """Return a heading's anchor, as code forges and the site make it."""
    plain = re.sub(r"[`*]|\]\([^)]*\)|\[", "", heading).strip().lower()
    return re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")


@pytest.mark.parametrize("path", [*PAGES, REPO / "CHANGELOG.md", *sorted((REPO / "bench/results").glob("*.md"))],
                         ids=lambda path: path.name)  # fmt: skip
def test_links_lead_to_files_and_headings_that_are_there(path):
    for link in _LINK.findall(_FENCE.sub("", text(path))):
        if "://" in link:
            continue
        name, _, anchor = link.partition("#")
        target = (path.parent / name).resolve() if name else path
        assert target.exists(), f"{link}: no such file"
        if anchor:
            headings = {slug(heading) for _, heading in _HEADING.findall(_FENCE.sub("", text(target)))}
            assert anchor in headings, f"{link}: no such heading"


def test_the_site_has_every_page():
    nav = text(REPO / "mkdocs.yml")
    for path in (REPO / "docs").glob("*.md"):
        assert re.search(rf": {re.escape(path.name)}$", nav, re.MULTILINE), f"{path.name} is not in mkdocs.yml"
