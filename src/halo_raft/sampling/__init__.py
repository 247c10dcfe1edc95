"""Drafts in, judged samples on disk: generation and verification as one streaming flow.

- `drafts`: what is to be drawn, under ids that last
- `flow`: one stage of samples through engines and verification workers; `generate` and `sink` are its ends
- `engine_pool`: the engines of a command, and what they are built from
- `plan`: tasks, wording, sampling and policy together
- `room`: whether a chat that grew leaves room for its answer
- `session`: Ray and engines, started when first needed
"""

from halo_raft.sampling.drafts import FUNCTION, Draft, Wording, draft_samples, forms_of, request, sample_id
from halo_raft.sampling.engine_pool import Compute
from halo_raft.sampling.flow import Stage
from halo_raft.sampling.generate import Origin
from halo_raft.sampling.plan import SamplingPlan, check_prompts_fit, drawn_as
from halo_raft.sampling.room import TEMPLATE_BYTES, Room
from halo_raft.sampling.session import Session, StageTime

__all__ = [
    "FUNCTION",
    "TEMPLATE_BYTES",
    "Compute",
    "Draft",
    "Origin",
    "Room",
    "SamplingPlan",
    "Session",
    "Stage",
    "StageTime",
    "Wording",
    "check_prompts_fit",
    "draft_samples",
    "drawn_as",
    "forms_of",
    "request",
    "sample_id",
]
