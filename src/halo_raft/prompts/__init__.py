"""What a model is asked, in which words: the counterpart of `extract` (completion -> code). Pure functions.

- `chat`: task -> chat messages -> token ids
- `stub`: a task that asks in words as a function to complete
- `turns`: what a further round adds to a chat: a failed answer with its verdict, or the reference
"""

from halo_raft.prompts.chat import (
    LANGUAGE_NAMES,
    is_code,
    messages,
    rendered,
    shown_tests,
    system_prompt,
    token_ids,
)
from halo_raft.prompts.stub import function_stub
from halo_raft.prompts.turns import REPAIRABLE, feedback, hinted, repair_asked

__all__ = [
    "LANGUAGE_NAMES",
    "REPAIRABLE",
    "feedback",
    "function_stub",
    "hinted",
    "is_code",
    "messages",
    "rendered",
    "repair_asked",
    "shown_tests",
    "system_prompt",
    "token_ids",
]
