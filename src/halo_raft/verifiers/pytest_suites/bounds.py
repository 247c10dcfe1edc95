"""What a program beside its tests reaches by names that it makes up, or by text that it runs, while it runs.

The screen refuses what a source says; what it does not say is decided here, in the program's process: it gets
builtins of its own, in which `getattr` looks at the name and at what it finds, and a hook refuses frames.
"""

from __future__ import annotations

import ast
import builtins
import secrets
import sys
import types
import warnings

from halo_raft.verifiers.functions.guard import is_of_program
from halo_raft.verifiers.pytest_suites.library import MEMORY, bound, check_unpickled, lend
from halo_raft.verifiers.pytest_suites.own_names import hidden, shown
from halo_raft.verifiers.pytest_suites.screen import BOUNDED, NAMES, PARTS, is_closed, objection
from halo_raft.verifiers.pytest_suites.stores import Stores
from halo_raft.verifiers.pytest_suites.templates import Refused, formatter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

globals()["__builtins__"] = dict(vars(builtins))  # its own: a program that replaces `isinstance` must not reach this

ATTRIBUTE, OWNED = (secrets.token_bytes(16) for _ in range(2))
"""Stand in a program's code until functions take their place: constants, which no name of the program's hides."""
PROGRAM = "solution.py"
_FRAMES = frozenset(("tb_frame", "gi_frame", "cr_frame", "ag_frame"))
_READERS = ("/_pytest/", "/unittest/", "/traceback.py", "/inspect.py", "/asyncio/", "/halo_raft/", "/dataclasses.py")
_COMPILERS = ("/_pytest/", "/halo_raft/", "/ast.py", "<frozen ", "/linecache.py")
_TESTS = ("tests.py", "test_task.py", "setup.py")
_EVENTS = MEMORY | {
    *("compile", "object.__getattr__", "sys._getframe", "gc.get_objects", "gc.get_referrers", "code.__new__"),
    "pickle.find_class",
}
_GETFRAME, _GETATTR, _SETATTR, _IMPORT = sys._getframe, getattr, setattr, builtins.__import__
_DELATTR, _COMPILE, _EVAL, _EXEC = delattr, compile, eval, exec


class _Bounded(ast.NodeTransformer):
    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        self.generic_visit(node)
        is_read = isinstance(node.ctx, ast.Load)
        decided = node.attr in BOUNDED or is_closed(node.attr)
        if is_read and (not decided or isinstance(node.value, ast.Constant)):
            return node
        asked = ast.Call(ast.Constant(ATTRIBUTE if is_read else OWNED), [node.value, ast.Constant(node.attr)], [])
        ast.fix_missing_locations(ast.copy_location(asked, node))
        if is_read:
            return asked
        node.value = asked
        return node


class Bounds:
    """A program's builtins, and what they let it reach.

    Args:
        allowed: See `screen.allowed`.
        patched: Builtins that the tests replace: the program has to see that.
        used: Modules that trusted text imports.
    """

    def __init__(self, allowed: frozenset[str], patched: frozenset[str], used: frozenset[str]) -> None:
        self.allowed = allowed
        self.stores = Stores(used)
        self._refused = NAMES - allowed - {"open"}
        self._made: list[types.CodeType] = []
        own: dict[str, Callable[..., Any]] = {
               "getattr": self.attribute, "setattr": self._set, "delattr": self._delete, "hasattr": self._has,
               "vars": self._vars, "globals": self._globals, "locals": self._locals, "eval": self._eval,
               "exec": self._exec, "compile": self._compile,
               "__import__": self._import}  # fmt: skip
        self.builtins = dict(vars(builtins))
        self.builtins |= {name: _plain(name, function) for name, function in own.items()}
        self.builtins |= {name: _forward(name) for name in patched}

    def compiled(self, source: Any, mode: str = "exec", flags: int = 0) -> types.CodeType:
        """Return a program's text as code in which what is asked for is looked at."""
        tree = source if isinstance(source, ast.AST) else ast.parse(source, PROGRAM, mode)
        limit = sys.getrecursionlimit()
        sys.setrecursionlimit(max(limit, 20_000))
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", SyntaxWarning)  # constants that are called
                code = self._filled(_COMPILE(_Bounded().visit(tree), PROGRAM, mode, flags, True))
        finally:
            sys.setrecursionlimit(limit)
        self._made.append(code)
        return code

    def _filled(self, code: types.CodeType) -> types.CodeType:
        """Return code in which functions stand where their constants stood."""
        functions = {ATTRIBUTE: self.attribute, OWNED: self.stores.owned}
        consts = (
            self._filled(c) if isinstance(c, types.CodeType) else functions.get(c, c) if type(c) is bytes else c
            for c in code.co_consts
        )
        return code.replace(co_consts=tuple(consts))

    def attribute(self, value: Any, name: Any, *default: Any) -> Any:
        """Return an attribute, as `getattr` does, where it does not lead to the tests."""
        name = str.__str__(name)
        kind = type(value)
        is_module = issubclass(kind, types.ModuleType)
        if name in self._refused or (name == "__dict__" and not self._may_look_into(value)):
            raise Refused(f"a program beside its tests may not ask for {name}")
        if name == "__subclasses__" and not (isinstance(value, type) and is_of_program(value)):
            raise Refused("a program beside its tests may ask its own classes alone for __subclasses__")
        part = PARTS.get(_name_of(value)) if is_module else None
        leads_on = is_module and (name in ("modules", "open") or (part is not None and name not in part))
        if leads_on and not {name, _name_of(value)} & self.allowed:
            raise Refused(f"a program beside its tests may not ask {_name_of(value)} for {name}")
        found = _GETATTR(value, name, *default)
        if found is str.format or found is str.format_map:
            return formatter(None, name)
        if name in ("format", "format_map") and type(found) is types.BuiltinMethodType:
            return formatter(found.__self__, name) if issubclass(type(found.__self__), str) else found
        if name in ("__setattr__", "__delattr__"):
            return self.stores.setter(found)
        if name in ("__getattribute__", "__getattr__"):
            return lambda *given: self.attribute(*given) if len(given) > 1 else self.attribute(value, *given)
        return self._checked(found)

    def _may_look_into(self, value: Any) -> bool:
        return is_of_program(value) if issubclass(type(value), type) else not issubclass(type(value), types.ModuleType)

    def _checked(self, found: Any) -> Any:
        if issubclass(type(found), types.ModuleType):
            name = _name_of(found)
            if (is_closed(name) or name == "sys") and name.partition(".")[0].lstrip("_") not in self.allowed:
                raise Refused(f"a program beside its tests may not use {name}")
        return found

    def _has(self, value: Any, name: Any) -> bool:
        try:
            self.attribute(value, name)
        except AttributeError:
            return False
        return True

    def _set(self, value: Any, name: Any, new: Any) -> None:
        name = str.__str__(name)
        if name in NAMES or name.startswith("__judge_"):
            raise Refused(f"a program beside its tests may not set {name}")
        _SETATTR(self.stores.owned(value, name), name, new)

    def _delete(self, value: Any, name: Any) -> None:
        name = str.__str__(name)
        _DELATTR(self.stores.owned(value, name), name)

    def _vars(self, *value: Any) -> Any:
        return self.attribute(value[0], "__dict__") if value else shown(_caller().f_locals)

    def _globals(self) -> Any:
        return shown(_caller().f_globals)

    def _locals(self) -> Any:
        return shown(_caller().f_locals)

    def _import(self, name: str, names: Any = None, local: Any = None, wanted: Any = (), level: int = 0) -> Any:
        module = _IMPORT(name, names, local, wanted, level)
        if name == "inspect":
            lend(module, self)
        inside = vars(module)
        whole = "*" in (wanted or ()) and "__all__" not in inside
        for each in inside if whole else wanted or ():
            self._checked(inside.get(each))
        return module

    def _compile(self, source: Any, filename: Any = "", mode: str = "exec", flags: int = 0, *_: Any) -> types.CodeType:
        self.screen(source, strict=False)
        return self.compiled(source, mode, flags & ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)

    def screen(self, source: Any, strict: bool = True) -> None:
        """Refuse a text that is about to run; strictly where it is not compiled by `compiled`.

        Raises:
            Refused: It may not.
        """
        if used := objection(source if isinstance(source, ast.AST) else _text(source), self.allowed, strict):
            raise Refused(f"a text that a program runs may not use {used}")

    def _eval(self, source: Any, names: Any = None, local: Any = None) -> Any:
        return self._run(_EVAL, source, "eval", names, local)

    def _exec(self, source: Any, names: Any = None, local: Any = None) -> Any:
        return self._run(_EXEC, source, "exec", names, local)

    def _run(self, run: Callable[..., Any], source: Any, mode: str, names: Any, local: Any) -> Any:
        if isinstance(source, types.CodeType):
            if not any(made is source for made in self._made):
                raise Refused("a program beside its tests may not run code that it made itself")
        else:
            source = self._compile(_text(source).lstrip(" \t") if mode == "eval" else source, mode=mode)
        if names is None:
            frame = _caller(4)
            return run(source, frame.f_globals, frame.f_locals if local is None else hidden(local))
        real = hidden(names)
        if real is not names:
            return run(source, real, None if local is None else hidden(local))
        used = {"__builtins__": self.builtins, **names}
        try:
            return run(source, used, local)
        finally:
            if "__builtins__" not in names:
                del used["__builtins__"]
            dict.clear(names)
            dict.update(names, used)


def _plain(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that has no `__self__`."""

    def builtin(*args: Any, **kwargs: Any) -> Any:
        return function(*args, **kwargs)

    builtin.__name__ = builtin.__qualname__ = name
    return builtin


def _forward(name: str) -> Any:
    real = vars(builtins).get(name)
    if not callable(real) or isinstance(real, type):
        return real
    return lambda *args, **kwargs: vars(builtins)[name](*args, **kwargs)


def _caller(depth: int = 3) -> Any:
    """Return the frame of the program that called one of its builtins, so many frames away."""
    frame = _GETFRAME(depth)
    if frame.f_code.co_filename != PROGRAM:
        raise Refused("only a program itself may ask for its names")
    return frame


def _name_of(module: Any) -> str:
    return str(types.ModuleType.__getattribute__(module, "__dict__").get("__name__"))


def _text(source: Any) -> str:
    return bytes(source).decode() if isinstance(source, bytes | bytearray) else str.__str__(source)


def _sets(source: str) -> bool:
    """Return whether a text sets attributes; one that is no Python does not."""
    try:
        nodes = [*ast.walk(ast.parse(source))]
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return any(isinstance(node, ast.Attribute) and not isinstance(node.ctx, ast.Load) for node in nodes)


def install(bounds: Bounds) -> None:
    """Bound what the standard library reaches for the program, and refuse it frames; once and for all."""
    bound(bounds)
    busy: list[int] = []

    def hook(event: str, given: tuple[Any, ...]) -> None:
        if event not in _EVENTS or busy or (event == "object.__getattr__" and given[1] not in _FRAMES):
            return
        busy.append(1)
        try:
            file = _GETFRAME(1).f_code.co_filename
        finally:
            busy.pop()
        if event == "compile":
            if not any(r in file for r in _COMPILERS) and file not in _TESTS and isinstance(given[0], str | bytes):
                bounds.screen(given[0])
                if "/dataclasses.py" not in file and _sets(_text(given[0])):
                    raise Refused("a text that the library runs for a program may not set attributes")
            return
        if event == "pickle.find_class":
            return check_unpickled(bounds, given[0], given[1], file)
        if event in MEMORY:
            if "ctypes" not in bounds.allowed and "/ctypes/" not in file:
                raise Refused(f"a program beside its tests may not use {event}")
            return
        reads_frame = event.startswith("gc.") or given[-1] in _FRAMES
        fits = any(r in file for r in _READERS) if reads_frame else file.startswith(("/", "<frozen "))
        if not fits and file not in _TESTS:
            raise Refused(f"a program beside its tests may not use {event}")

    sys.addaudithook(hook)
