"""Sweeps: many RAFT runs over a search space, chosen by Optuna, computed in Ray.

`command` reads the command line, `conduct` opens what a sweep needs, `winner` writes what it found. `driver` asks
and tells; `study` is the only one that knows Optuna, `runner` and `trial` the only ones that know Ray; `space` and
`reuse` are pure; `tracked` logs to MLflow.
"""

from halo_raft.pipelines.sweep.command import add_commands, main, with_default_command

__all__ = ["add_commands", "main", "with_default_command"]
