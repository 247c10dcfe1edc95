"""What the standard library looks up, loads or evaluates for a program beside its tests, by names that it is given."""

from __future__ import annotations

import _operator
import argparse
import builtins
import functools
import operator
import sys
import types
import typing

from halo_raft.verifiers.pytest_suites.screen import BOUNDED, NAMES, PARTS, is_closed
from halo_raft.verifiers.pytest_suites.stores import updater
from halo_raft.verifiers.pytest_suites.templates import Refused, bound_logging

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Protocol

    from halo_raft.verifiers.pytest_suites.stores import Stores

    class Bounds(Protocol):
        """What a program may reach; `bounds.Bounds` is it."""

        allowed: frozenset[str]
        builtins: dict[str, Any]
        stores: Stores

        def attribute(self, value: Any, name: Any, *default: Any) -> Any:
            """See `bounds.Bounds.attribute`."""

        def screen(self, source: Any) -> None:
            """See `bounds.Bounds.screen`."""


globals()["__builtins__"] = dict(vars(builtins))  # its own: a program that replaces `type` must not reach this

FOREIGN = frozenset(("halo_raft", "test_task", "tests", "__main__"))
"""Modules that hold what is not the program's."""
MEMORY = frozenset(
    ("ctypes.cdata", "ctypes.cdata/buffer", "ctypes.dlsym", "ctypes.dlsym/handle", "ctypes.string_at",
     "ctypes.wstring_at", "ctypes.call_function", "ctypes.addressof")
)  # fmt: skip
"""Events by which a program reaches memory that is not its own."""
_EVAL, _COMPILE, _SETATTR = eval, compile, setattr
_UNPICKLED_BY = ("/multiprocessing/", "/concurrent/", "/halo_raft/")


def bound(bounds: Bounds) -> None:
    """Have the library ask `bounds` for what a program names; once and for all."""

    def attrgetter(*names: str) -> Callable[[Any], Any]:
        def one(value: Any, path: str) -> Any:
            for name in str.__str__(path).split("."):
                value = bounds.attribute(value, name)
            return value

        return lambda value: one(value, names[0]) if len(names) == 1 else tuple(one(value, name) for name in names)

    def methodcaller(name: str, *args: Any, **kwargs: Any) -> Callable[[Any], Any]:
        return lambda value: bounds.attribute(value, name)(*args, **kwargs)

    for module in (operator, _operator):
        for function in (attrgetter, methodcaller):
            _SETATTR(module, function.__name__, function)
    functools.update_wrapper = updater(functools.update_wrapper, bounds.stores)
    for name in ("getattr", "setattr", "hasattr"):
        vars(argparse)[name] = bounds.builtins[name]  # whose actions ask any object for any attribute
    lend(typing, bounds)
    if "inspect" in sys.modules:
        lend(sys.modules["inspect"], bounds)
    bound_logging()


def lend(module: types.ModuleType, bounds: Bounds) -> None:
    """Give a module that evaluates annotations an `eval` that looks at the names in them."""

    def evaluate(source: Any, names: Any = None, local: Any = None) -> Any:
        if isinstance(source, types.CodeType):
            code = source
        else:
            bounds.screen(source)
            code = _COMPILE(source, "<annotation>", "eval")
        spaces = [space for space in (local, names) if space is not None]
        for name in _names_in(code):
            found = next((space[name] for space in spaces if name in space), None)
            if is_foreign(found) or (found is None and (is_closed(name) or name.lstrip("_") == "sys")):
                raise Refused(f"an annotation of a program beside its tests may not name {name}")
        return _EVAL(code, names, local)

    vars(module)["eval"] = evaluate


def _names_in(code: types.CodeType) -> set[str]:
    inner = (name for const in code.co_consts if isinstance(const, types.CodeType) for name in _names_in(const))
    return {*code.co_names, *inner}


def is_foreign(value: Any) -> bool:
    """Return whether a value is a module that is closed, or a function of one."""
    kind = type(value)
    if issubclass(kind, types.ModuleType):
        name = types.ModuleType.__getattribute__(value, "__dict__").get("__name__")
        return is_closed(str(name)) or str(name).partition(".")[0] in FOREIGN | {"sys"}
    if kind not in (types.FunctionType, types.BuiltinFunctionType):
        return False
    module = str(getattr(value, "__module__", ""))
    name = str(getattr(value, "__name__", ""))
    return (is_closed(module) and name not in PARTS.get(module, ())) or module.partition(".")[0] in FOREIGN


def check_unpickled(bounds: Bounds, module: Any, name: Any, file: str) -> None:
    """Refuse what a pickle of a program's names, where the program itself may not name it.

    Args:
        bounds: Those of the program.
        module: Where the pickle says that it is.
        name: Its name; dots lead on to attributes.
        file: Of the code that unpickles.

    Raises:
        Refused: It may not.
    """
    if any(part in file for part in _UNPICKLED_BY):
        return
    module, parts = str.__str__(module), str.__str__(name).split(".")
    root = module.partition(".")[0]
    closed = root in FOREIGN or root in ("sys", "posix", "nt") or (is_closed(module) and module != "builtins")
    own = module == "builtins" and bounds.builtins.get(parts[0]) is not vars(builtins).get(parts[0])
    leads_on = any(part in NAMES | BOUNDED or is_closed(part) for part in parts)
    if (closed and root not in bounds.allowed and module not in ("_codecs", "codecs")) or own or leads_on:
        raise Refused(f"what a program beside its tests unpickles may not name {module}.{name}")
