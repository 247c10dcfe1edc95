"""From exceptions to exit codes: a user's error is one line, ours keeps its traceback."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable

from halo_raft.errors import HaloRaftError
from halo_raft.pipelines import console


def run_main(command: Callable[[argparse.Namespace], int], arguments: argparse.Namespace) -> int:
    """Run a command and return its exit code: see `errors`; 130 when interrupted."""
    console.show_log_messages()
    try:
        return command(arguments)
    except HaloRaftError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("interrupted; run the same command again to go on from here", file=sys.stderr)
        return 130
    except BrokenPipeError:
        return 1
