"""Templates of a program beside its tests: `"{0.name}".format(value)` asks for attributes, as `getattr` does."""

from __future__ import annotations

import _string  # type: ignore[import-not-found]
import logging

from halo_raft.verifiers.pytest_suites.screen import NAMES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_PLAIN = frozenset(("__class__", "__name__", "__doc__", "__module__", "__qualname__"))


class Refused(AttributeError):
    """A program asked for what leads to its tests."""


def formatter(value: Any, name: str) -> Callable[..., str]:
    """Return `value.format`, or for None `str.format`, which looks at the attributes that a template asks for."""

    def format(*args: Any, **kwargs: Any) -> str:
        template = str.__str__(args[0] if value is None else value)
        _check_template(template)
        rest = args[1:] if value is None else args
        return str.format(template, *rest, **kwargs) if name == "format" else str.format_map(template, *rest)

    return format


def _check_template(template: str) -> None:
    try:
        parts = [*_string.formatter_parser(template)]
    except ValueError:
        return  # the real one says so
    for _, field, spec, _ in parts:
        if field:
            for is_attribute, key in _string.formatter_field_name_split(field)[1]:
                if is_attribute and (key in NAMES or (key.startswith("__") and key not in _PLAIN)):
                    raise Refused(f"a template of a program beside its tests may not ask for {key}")
        if spec and "{" in spec:
            _check_template(spec)


def bound_logging() -> None:
    """Have `logging` look at the templates that a program gives it; it is the library's one way to fill them."""

    def fill(self: Any, record: Any) -> str:
        return formatter(self._fmt, "format")(**{**(self._defaults or {}), **record.__dict__})

    logging.StrFormatStyle._format = fill  # type: ignore[attr-defined]
