"""halo-raft: reward-ranked fine-tuning (RAFT) of code models on your own machines."""

__version__ = "0.1.0"
