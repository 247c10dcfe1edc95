"""Why an engine did not start, in one line: vLLM's own processes leave the cause in the log, and say "see above"."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Callable
from pathlib import Path
from textwrap import shorten

_ERROR = re.compile(r"(?:^|[\s\]])((?:\w+\.)*\w*(?:Error|Exception)): (?=\S)(.+)$", re.MULTILINE)
_ELSEWHERE = re.compile(r"root cause|see (the )?(stack )?trace|initialization failed", re.IGNORECASE)
_AFTERMATH = ("BrokenPipeError", "ConnectionResetError", "EOFError", "EngineDeadError", "ProcessLookupError")


def own_log() -> Callable[[], str]:
    """Return a function that returns what this process and its children wrote since, where that goes to files."""
    begins: dict[Path, int] = {}
    for descriptor in (1, 2):
        with contextlib.suppress(OSError):
            path = Path(os.readlink(f"/proc/self/fd/{descriptor}"))
            if path.is_file():
                begins[path] = path.stat().st_size

    def said() -> str:
        texts = []
        for path, begin in begins.items():
            with path.open("rb") as file:
                file.seek(begin)
                texts.append(file.read().decode(errors="replace"))
        return "\n".join(texts)

    return said


def why_it_failed(error: BaseException, said: str = "") -> str:
    """Return the cause of a failed start in one line.

    Args:
        error: What was raised in this process.
        said: What this process and its children wrote meanwhile.
    """
    cause = error
    while inner := cause.__cause__ or (None if cause.__suppress_context__ else cause.__context__):
        cause = inner
    own = f"{type(cause).__name__}: {cause}"
    if _ELSEWHERE.search(own):
        found = [
            f"{name.rpartition('.')[2]}: {message}"
            for name, message in _ERROR.findall(said)
            if name.rpartition(".")[2] not in _AFTERMATH and not _ELSEWHERE.search(message)
        ]
        own = found[-1] if found else own
    return shorten(own, 400)
