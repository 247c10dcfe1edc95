"""From exceptions to exit codes: a user's error is one line, ours keeps its traceback."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence

from halo_raft.errors import HaloRaftError, full_disk, in_the_way
from halo_raft.terminal.console import log, pulse
from halo_raft.terminal.logs import show_log_messages
from halo_raft.terminal.parser import nearest
from halo_raft.terminal.stopping import stoppable

NO_OTHER_BARS = ("TQDM_DISABLE", "HF_HUB_DISABLE_PROGRESS_BARS")
"""Set before libraries are loaded, for this process and those that it starts: there is one bar, ours."""


def parse(parser: argparse.ArgumentParser, argv: Sequence[str] | None) -> argparse.Namespace:
    """Parse a command line whose `key=value` settings may stand anywhere among the flags."""
    arguments, rest = parser.parse_known_args(argv)
    unknown = [word for word in rest if word.startswith("-")]
    if unknown or (rest and not hasattr(arguments, "overrides")):
        meant = nearest(unknown[0], parser) if unknown else None
        parser.error(f"unrecognized arguments: {' '.join(rest)}" + (f"; did you mean {meant}?" if meant else ""))
    if rest:
        arguments.overrides += rest
    return arguments


def run_main(command: Callable[[argparse.Namespace], int], arguments: argparse.Namespace) -> int:
    """Run a command and return its exit code: see `errors`; by a signal the process ends with 128 and its number."""
    show_log_messages()
    for name in NO_OTHER_BARS:
        os.environ.setdefault(name, "1")
    with stoppable() as stop:
        try:
            with pulse.beating():
                return command(arguments)
        except BaseException as error:
            if stop.signal is None:
                return _code_of(error)
            log.debug("stopped", exc_info=error)
        stop.end()


def _code_of(error: BaseException) -> int:
    """Print a user's error and return its exit code; raise what is a bug of ours."""
    known = error if isinstance(error, HaloRaftError) else full_disk(error) or in_the_way(error)
    if known is not None:
        print(f"error: {known}", file=sys.stderr)
        return known.exit_code
    if isinstance(error, KeyboardInterrupt):
        print("interrupted; run the same command again to go on from here", file=sys.stderr)
        return 130
    if isinstance(error, BrokenPipeError):
        return 1
    raise error
