"""What a user changed since a folder was begun, and what of the folder depends on it."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from typing import Any

STAGES = ("generation", "verification", "selection", "training", "measuring")
"""Of a RAFT run, in their order: what one makes the later ones use."""

_FIRST_USED = {
    "verifier": "verification",
    "verifier settings": "verification",
    "sandbox settings": "verification",
    "selection settings": "selection",
    "ablate settings": "selection",
    "lora settings": "training",
    "training settings": "training",
    "held-out tasks": "measuring",
    "heldout settings": "measuring",
}
"""Keys of a fingerprint that are no matter for the first stage."""

_HASH_DIGITS = 16


def changed_keys(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """Return the keys whose values differ."""
    keys = dict.fromkeys((*old, *new))
    return [key for key in keys if old.get(key) != new.get(key)]


def described(old: Mapping[str, Any], new: Mapping[str, Any], keys: Collection[str]) -> list[str]:
    """Return each change under its name in the config, with both values where people can read them."""
    return [text for key in keys for text in _changes(key.removesuffix(" settings"), old.get(key), new.get(key))]


def stages_touched(keys: Collection[str]) -> list[str]:
    """Return the stages of a RAFT run that depend on some of the keys."""
    first = min((STAGES.index(_FIRST_USED.get(key, STAGES[0])) for key in keys), default=len(STAGES))
    return list(STAGES[first:])


def _changes(name: str, old: Any, new: Any) -> Iterator[str]:
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in changed_keys(old, new):
            yield from _changes(f"{name}.{key}", old.get(key), new.get(key))
    elif _is_hash(old) and _is_hash(new):
        yield f"{name}: not the same as before"
    else:
        yield f"{name}: {_short(old)}, now {_short(new)}"


def _is_hash(value: Any) -> bool:
    digits = isinstance(value, str) and len(value) >= _HASH_DIGITS
    return digits and all(c in "0123456789abcdef" for c in value)


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= 48 else text[:45] + "..."
