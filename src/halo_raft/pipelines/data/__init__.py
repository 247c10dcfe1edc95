"""`halo-raft data`: prepare public data, generate new, look into it, and divide it.

- `command`: the command line
- `prepare`, `listing`, `writing`: a public set or a file -> task file, prompts, SFT rows and a card
- `validate`, `findings`, `trying`: what is wrong with a file of tasks, line by line
- `generating`: tasks that a model writes
- `stats`, `split`, `prompts`: numbers with a plot, a held-out part, the questions alone
"""

from halo_raft.pipelines.data.command import add_commands

__all__ = ["add_commands"]
