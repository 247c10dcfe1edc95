"""What an object that stays with the program is an instance of, where a test asks for a class that both ends have."""

from __future__ import annotations

import sys
import types

from halo_raft.verifiers.functions.kinds import TYPE_NAMES
from halo_raft.verifiers.functions.proxies import Handle

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    from halo_raft.verifiers.functions.remote import Candidate


def kinship(candidate: Candidate) -> Callable[[Any, Any], bool]:
    """Return the `isinstance` of tests.

    An object that a class of the program's made is asked for built-in classes too: its class may derive from
    one. Whatever object the program has is asked for the classes of trusted text.
    """

    def of_kind(value: Any, kinds: Any) -> bool:
        if isinstance(value, kinds):
            return True
        if type(value) is not Handle:
            return False
        is_open = object.__getattribute__(value, "_is_open")()
        return any(
            candidate.ask("isinstance", value, kind) is True
            for kind in _each(kinds)
            if (is_open and kind in TYPE_NAMES) or candidate.classes.get(getattr(kind, "__name__", "")) is kind
        )

    case = sys.modules.get("unittest.case")
    if case is not None and not candidate.plain:
        vars(case)["isinstance"] = of_kind
    return of_kind


def _each(kinds: Any) -> Iterator[type]:
    if isinstance(kinds, tuple):
        for kind in kinds:
            yield from _each(kind)
    elif isinstance(kinds, types.UnionType):
        yield from _each(kinds.__args__)
    elif isinstance(kinds, type):
        yield kinds
