"""Token-exact LoRA fine-tuning in Ray Train, used by RAFT and SFT alike.

`dataset`, `examples` and `batches` say what is trained on, `trainer` how a step is computed, `scaling` how
much of the adapter is kept, `loop` is one worker's training, `finetune` runs it in Ray, `visiting` brings to
a node of the cluster what it reads, `stalls` ends one that stands still, `saving` makes the adapter folder
appear whole, `card` describes it. Importing the package loads neither torch nor ray. Selecting samples and serving
adapters happen elsewhere.
"""

from halo_raft.train.card import ModelCard, render_card
from halo_raft.train.finetune import finetune
from halo_raft.train.job import TRAINING_FILE, FinetuneJob, FinetuneResult, LossPoint, loss_ends, read_training

__all__ = [
    "TRAINING_FILE",
    "FinetuneJob",
    "FinetuneResult",
    "LossPoint",
    "ModelCard",
    "finetune",
    "loss_ends",
    "read_training",
    "render_card",
]
