"""Runs a command in a terminal of its own and draws what it shows at its end as SVG.

    .venv-docs/bin/python infra/picture.py docs/images/quickstart.svg -- make quickstart

`--keep FILE` keeps what was shown as text, and `--of FILE` draws such a file without running anything.
`--lines 1-30,58-80` takes some of it; a line of dots stands for what is left out.
"""

from __future__ import annotations

import argparse
import os
import pty
import re
import shlex
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pyte
from rich.console import Console
from rich.terminal_theme import MONOKAI
from rich.text import Text

COLUMNS, LINES = 104, 2000
_FONTS = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)


def shown_by(command: Sequence[str]) -> list[str]:
    """Run a command in a terminal; return the lines that stand there when it has ended.

    Raises:
        SystemExit: It failed.
    """
    ours, theirs = pty.openpty()
    environment = os.environ | {"COLUMNS": str(COLUMNS), "LINES": str(LINES), "TERM": "xterm"}
    screen = pyte.Screen(COLUMNS, LINES)
    stream = pyte.ByteStream(screen)
    with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=environment) as process:
        os.close(theirs)
        while True:
            try:
                read = os.read(ours, 65536)
            except OSError:  # nobody holds the other end any more
                break
            if not read:
                break
            stream.feed(read)
    if process.returncode:
        shown = "\n".join(screen.display).strip()
        raise SystemExit(f"{shlex.join(command)} ended with {process.returncode}:\n{shown}")
    lines = [line.rstrip() for line in screen.display]
    while lines and not lines[-1]:
        lines.pop()
    return lines


def chosen(lines: Sequence[str], wanted: str) -> list[str]:
    """Return the lines of ranges such as `1-30,58-80`, with dots for what is left out before each."""
    if not wanted:
        return list(lines)
    parts = []
    for one in wanted.split(","):
        first, _, last = one.partition("-")
        parts += ["  ..."] * (int(first) > 1) + list(lines[int(first) - 1 : int(last or first)])
    return parts


def drawn(lines: Sequence[str], title: str) -> str:
    """Return a terminal with these lines as SVG that loads nothing."""
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere:
        console = Console(record=True, width=COLUMNS, file=nowhere, force_terminal=True)
        for line in lines:
            prompt = line.startswith("$ ")
            console.print(Text(line, style="bold" if prompt else ""), soft_wrap=True, highlight=False)
        return _FONTS.sub("", console.export_svg(title=title, theme=MONOKAI, unique_id="halo"))


def main() -> None:
    """Run the command, or read what it showed, and write the picture."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        usage="%(prog)s PICTURE [--keep FILE] [--of FILE] [--lines RANGES] -- COMMAND ...",
    )
    parser.add_argument("picture", type=Path)
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--of", type=Path)
    parser.add_argument("--lines", default="")
    words = sys.argv[1:]
    end = words.index("--")
    arguments, command = parser.parse_args(words[:end]), words[end + 1 :]
    said = shlex.join(command)
    lines = arguments.of.read_text(encoding="utf-8").splitlines() if arguments.of else shown_by(command)
    if arguments.keep:
        arguments.keep.write_text("\n".join(lines) + "\n", encoding="utf-8")
    picture = drawn([f"$ {said}", *chosen(lines, arguments.lines)], "halo-raft")
    arguments.picture.write_text("\n".join(line.rstrip() for line in picture.splitlines()) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
