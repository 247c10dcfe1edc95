"""What `globals()` and `locals()` give a program beside its tests: its own names, not the builtins that it got."""

from __future__ import annotations

from collections.abc import MutableMapping

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_VIEWS: list[tuple[Any, dict[str, Any]]] = []


def shown(names: dict[str, Any]) -> Any:
    """Return a program's names for itself: all but the builtins that it was given."""
    if "__builtins__" not in names:
        return names
    known = next((view for view, real in _VIEWS if real is names), None)
    if known is not None:
        return known

    def key(name: Any) -> str:
        name = str.__str__(name)
        if name == "__builtins__" or name.startswith("__judge_"):
            raise KeyError(name)
        return name

    class Names(MutableMapping):
        def __getitem__(self, name: Any) -> Any:
            return names[key(name)]

        def __setitem__(self, name: Any, value: Any) -> None:
            names[key(name)] = value

        def __delitem__(self, name: Any) -> None:
            del names[key(name)]

        def __iter__(self) -> Any:
            return iter([name for name in names if name != "__builtins__"])

        def __len__(self) -> int:
            return len(names) - 1

    _VIEWS.append((Names(), names))
    return _VIEWS[-1][0]


def hidden(names: Any) -> Any:
    """Return what `shown` shows."""
    return next((real for view, real in _VIEWS if view is names), names)
