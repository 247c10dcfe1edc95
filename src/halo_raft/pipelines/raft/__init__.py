"""`halo-raft raft train`: reward-ranked fine-tuning, cycle by cycle.

- `command`: the command line, and the loop over cycles
- `plan`: everything that can be wrong, looked at before an engine starts
- `cycle`: one run and what a cycle of it does
- `cycle_plan`, `rounds`, `recheck`, `kept`, `training`, `heldout`, `card`: its stages
- `further`, `parts`: what further rounds ask, and how parts of the samples fared
- `tracked`: what of a run goes to the tracker
"""

from halo_raft.pipelines.raft.command import add_arguments, main, run, train

__all__ = ["add_arguments", "main", "run", "train"]
