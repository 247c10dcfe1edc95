"""From exceptions to exit codes: a user's error is one line, ours keeps its traceback."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence

from halo_raft.errors import HaloRaftError, full_disk, in_the_way
from halo_raft.terminal.console import log
from halo_raft.terminal.logs import show_log_messages
from halo_raft.terminal.stopping import stoppable


def parse(parser: argparse.ArgumentParser, argv: Sequence[str] | None) -> argparse.Namespace:
    """Parse a command line whose `key=value` settings may stand anywhere among the flags."""
    arguments, rest = parser.parse_known_args(argv)
    if any(word.startswith("-") for word in rest) or (rest and not hasattr(arguments, "overrides")):
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    if rest:
        arguments.overrides += rest
    return arguments


def run_main(command: Callable[[argparse.Namespace], int], arguments: argparse.Namespace) -> int:
    """Run a command and return its exit code: see `errors`; by a signal the process ends with 128 and its number."""
    show_log_messages()
    with stoppable() as stop:
        try:
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
