"""Whether a folder is an adapter that can be loaded, found out without loading it."""

from __future__ import annotations

import json
from pathlib import Path

_LENGTH_BYTES = 8
"""Before the header of a safetensors file stands its length; behind it the tensors, and nothing else."""


def has_weights(adapter: Path) -> bool:
    """Return whether a folder is an adapter with its weights, neither of them damaged as a crash damages files."""
    try:
        config = json.loads((adapter / "adapter_config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(config, dict) and any(_is_whole(path) for path in adapter.glob("adapter_model.*"))


def _is_whole(weights: Path) -> bool:
    """Return whether a file of weights has a header that can be read, and all that this tells of."""
    try:
        size = weights.stat().st_size
        if weights.suffix != ".safetensors" or not weights.is_file():
            return weights.is_file() and size > 0
        with weights.open("rb") as file:
            length = int.from_bytes(file.read(_LENGTH_BYTES), "little")
            header = json.loads(file.read(length)) if length <= size else {}
        ends = [tensor["data_offsets"][1] for name, tensor in header.items() if name != "__metadata__"]
        return bool(ends) and _LENGTH_BYTES + length + max(ends) == size
    except (OSError, ValueError, TypeError, KeyError, IndexError, AttributeError):
        return False
