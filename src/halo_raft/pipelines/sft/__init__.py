"""`halo-raft sft train`: rows of questions and answers in, a LoRA adapter out."""

from halo_raft.pipelines.sft.command import add_arguments, main, run, train

__all__ = ["add_arguments", "main", "run", "train"]
