"""`halo-raft verify`: a file of completions in, a verdict a line out."""

from halo_raft.pipelines.verify.command import add_arguments, main, run

__all__ = ["add_arguments", "main", "run"]
