"""Whether a chat that grew leaves room for its answer."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

from halo_raft import models, prompts
from halo_raft.sampling.engine_pool import Compute

TEMPLATE_BYTES = 512
"""What a chat template may add to a prompt."""


class Room:
    """The context of a model, less what an answer may take.

    Args:
        compute: Model and engine.
        max_new_tokens: Of an answer.
    """

    def __init__(self, compute: Compute, max_new_tokens: int) -> None:
        self._model = compute.model
        self._tokens = compute.engine.max_model_len - max_new_tokens

    def holds(self, chat: Sequence[dict[str, str]]) -> bool:
        """Return whether a chat and a whole answer fit; the tokenizer is loaded where bytes do not say it.

        Raises:
            ConfigError: The tokenizer is not to be had.
        """
        size = sum(len(message["content"].encode("utf-8", "surrogatepass")) for message in chat) + TEMPLATE_BYTES
        return size <= self._tokens or len(prompts.token_ids(chat, self._tokenizer)) <= self._tokens

    @functools.cached_property
    def _tokenizer(self) -> Any:
        model = self._model
        return models.load_tokenizer(model.name, model.checkpoint, trust_remote_code=model.trust_remote_code)
