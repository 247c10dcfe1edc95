"""What a program beside its tests may set attributes of: not of what its tests rest on.

A program that replaces what tests compare with, and puts it back when it was asked, leaves no trace for who looks at
the end. So modules of the tests, their classes, functions and ready-made objects are not the program's to change.
"""

from __future__ import annotations

import builtins
import functools
import sys
import types

from halo_raft.verifiers.functions.guard import is_mock, is_of_program
from halo_raft.verifiers.pytest_suites.templates import Refused

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

globals()["__builtins__"] = dict(vars(builtins))  # its own: a program that replaces `type` must not reach this

ALWAYS = frozenset(
    ("builtins", "genericpath", "halo_raft", "io", "ntpath", "os", "pathlib", "posix", "posixpath", "pytest", "stat",
     "_pytest", "pluggy", "unittest", "test_task", "tests", "__main__")
)  # fmt: skip
"""Modules that no program has to change."""
MAY_CHANGE = frozenset(("sys", "warnings", "logging", "signal", "threading", "socket"))
"""Modules that programs change for reasons of their own."""
OF_MOCKS = frozenset(
    ("call_args", "call_args_list", "call_count", "called", "method_calls", "mock_calls", "return_value", "side_effect")
)
_GET, _DICT = getattr, types.ModuleType.__getattribute__
_FUNCTION, _WRAPPER = types.FunctionType, types.WrapperDescriptorType


class Stores:
    """Says of an object whether a program may set its attributes.

    Args:
        used: Modules that trusted text imports.
    """

    def __init__(self, used: frozenset[str]) -> None:
        roots = {name.partition(".")[0] for name in used}
        self._roots = (roots | ALWAYS) - MAY_CHANGE
        modules = [m for name, m in [*sys.modules.items()] if name.partition(".")[0] in roots - MAY_CHANGE]
        made = (value for module in modules if module is not None for value in [*vars(module).values()])
        self._kept = {id(value): value for value in made if _is_ready_made(value)}

    def owned(self, value: Any, name: Any = "") -> Any:
        """Return an object of which a program sets an attribute.

        Raises:
            Refused: It may not.
        """
        kind = type(value)
        if issubclass(kind, types.ModuleType):
            theirs = self._is_theirs(_DICT(value, "__dict__").get("__name__"))
        elif issubclass(kind, type):
            theirs = not is_of_program(value) and self._is_theirs(type.__getattribute__(value, "__module__"))
        elif kind is _FUNCTION:
            theirs = self._is_theirs(_GET(value, "__globals__").get("__name__"))
        else:
            theirs = self._kept.get(id(value)) is value or (_of_mocks(name) and is_mock(kind))
        if theirs:
            raise Refused(f"a program beside its tests may not set attributes of {kind.__name__}s that they use")
        return value

    def _is_theirs(self, module: Any) -> bool:
        return type(module) is str and module.partition(".")[0] in self._roots

    def setter(self, found: Any) -> Any:
        """Return `__setattr__` or `__delattr__` as a program gets it."""
        if type(found) is types.MethodWrapperType:
            self.owned(found.__self__)
            return found
        if type(found) is not _WRAPPER:
            return found
        return lambda value, name, *new: found(self.owned(value, name), name, *new)


def _is_ready_made(value: Any) -> bool:
    kind = type(value)
    return not issubclass(kind, (type, types.ModuleType, _FUNCTION)) and hasattr(value, "__dict__")


def _of_mocks(name: Any) -> bool:
    return type(name) is str and (name in OF_MOCKS or name.startswith("assert_"))


def updater(real: Callable[..., Any], stores: Stores) -> Callable[..., Any]:
    """Return `functools.update_wrapper`, which copies no attributes but those that it copies by itself.

    Args:
        real: The library's own.
        stores: What may be set.
    """
    names, dicts = functools.WRAPPER_ASSIGNMENTS, functools.WRAPPER_UPDATES
    usual = {*names, *dicts}

    def update_wrapper(wrapper: Any, wrapped: Any, assigned: Any = names, updated: Any = dicts) -> Any:
        assigned, updated = ([str.__str__(name) for name in given] for given in (assigned, updated))
        foreign = issubclass(type(wrapped), type) and not is_of_program(wrapped)
        if {*assigned, *updated} - usual or foreign or issubclass(type(wrapped), types.ModuleType):
            raise Refused("a program beside its tests may not copy attributes by update_wrapper")
        if type(wrapper) is not _FUNCTION:  # whose name and documentation nothing rests on
            stores.owned(wrapper)
        return real(wrapper, wrapped, assigned, updated)

    return update_wrapper
