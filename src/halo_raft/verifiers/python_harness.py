"""What runs beside a Python candidate: it loads the code, runs the tests and reports each of them.

This source runs inside the sandbox, in the candidate's own process, so it imports nothing of ours and
nothing that is slow to import. It makes cheating hard, not impossible; that is why verdicts from here
say `integrity: in_process`. Tests arrive compiled, with their comparisons rewritten (`python_suite`).

Report lines on the private channel: `TOKEN EVENT ID CLASS DETAIL`, events in order `ready`, then
`ok`/`bad` per test, then `done`; or one of `syntax`, `load`, `abort` where things end early.
"""

from __future__ import annotations

import _operator as operator
import _weakref
import builtins
import marshal
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:  # importing `typing` itself would add 8 ms to each run
    from collections.abc import Callable
    from types import ModuleType
    from typing import Any

DETAIL_CHARS = 200
MAX_DEPTH = 60
HEAP_TYPE = 1 << 9  # Py_TPFLAGS_HEAPTYPE: set for every class that Python code can make
PLAIN = frozenset(map(id, (int, float, str, bool, bytes, complex, type(None), bytearray, type(...), range)))
EXIT, GETPID, WRITE = os._exit, os.getpid, os.write  # before a candidate can replace them
DELEGATES = frozenset(map(id, (type(type.__dict__), _weakref.ProxyType, _weakref.CallableProxyType)))
OPERATIONS = {
    "Eq": operator.eq,
    "NotEq": operator.ne,
    "Lt": operator.lt,
    "LtE": operator.le,
    "Gt": operator.gt,
    "GtE": operator.ge,
    "Is": operator.is_,
    "IsNot": operator.is_not,
    "In": lambda item, container: item in container,
    "NotIn": lambda item, container: item not in container,
}


class Opaque(Exception):
    """The value is, or holds, an object whose class can answer as it likes."""


def main(payload: dict[str, Any], fd: int) -> None:
    """Judge one candidate and end the process.

    Args:
        payload: `token`, `path`, `setup` (code or None), `sources` (the first that compiles is the
            candidate), `entry_point`, `targets`, `imports`, `tests` (marshalled code), `calls`.
        fd: Write end of the private channel.
    """
    report = _reporter(fd, payload["token"])
    sys.path.extend(payload["path"])
    for name in ("settrace", "setprofile"):
        delattr(sys, name)
    pristine = dict(vars(builtins))
    trusted = _trusted_modules(payload["imports"])
    code = _compile_first(payload["sources"], report)
    tests_code = marshal.loads(payload["tests"])
    names = _load(code, payload, report)
    tests = _tests_namespace(names, payload, pristine, trusted, report)
    report("ready")
    try:
        exec(tests_code, tests)
        for name, takes_candidate in payload["calls"]:
            tests[name](*([tests[payload["entry_point"]]] if takes_candidate else []))
    except BaseException as error:
        _stop(report, "abort", error)
    report("done")
    EXIT(0)


def _reporter(fd: int, token: str) -> Callable[..., None]:
    """Return the only writer of the channel. It holds its own references, and works in this process only."""
    write, getpid, exit_now, owner = WRITE, GETPID, EXIT, GETPID()

    def report(event: str, number: int = 0, error: BaseException | None = None) -> None:
        if getpid() != owner:
            exit_now(1)  # a fork of the candidate must not vote
        detail = "-" if error is None else _describe(error)
        write(fd, f"{token} {event} {number} {detail}\n".encode("utf-8", "replace"))

    return report


def _describe(error: BaseException) -> str:
    """Return the error's class (`wrong`, `memory`, `runtime`), type and message on one line."""
    kind = type(error)
    group = "wrong" if kind is AssertionError else "memory" if issubclass(kind, MemoryError) else "runtime"
    try:
        message = str(error)[:DETAIL_CHARS]
    except BaseException:
        message = ""
    line = f"{group} {kind.__name__}: {message}" if message else f"{group} {kind.__name__}"
    return "\\n".join(line.splitlines())


def _stop(report: Callable[..., None], event: str, error: BaseException) -> None:
    report(event, 0, error)
    report("done")
    EXIT(0)


def _trusted_modules(names: list[str]) -> dict[str, ModuleType]:
    """Import what the tests import before the candidate can change it, and keep copies."""
    copies = {}
    for name in names:
        try:
            module = __import__(name)
        except ImportError:
            continue
        copies[name] = type(sys)(name)
        copies[name].__dict__.update(module.__dict__)
    return copies


def _compile_first(sources: list[str], report: Callable[..., None]) -> Any:
    first: BaseException | None = None
    for source in sources:
        try:
            return compile(source, "solution.py", "exec", dont_inherit=True)
        except (SyntaxError, ValueError, OverflowError, RecursionError, MemoryError) as error:
            first = first or error
    _stop(report, "syntax", first or SyntaxError("no code"))
    raise SystemExit


def _load(code: Any, payload: dict[str, Any], report: Callable[..., None]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Run set-up and candidate as one module; return its names and the set-up's own."""
    module = type(sys)("solution")
    sys.modules["solution"] = module
    names = module.__dict__
    names["__builtins__"] = builtins
    setup = payload["setup"] and marshal.loads(payload["setup"])
    try:
        late = False
        if setup:
            try:
                exec(setup, names)
            except NameError:
                late = True  # it uses what the candidate defines
        names.pop(payload["entry_point"], None)
        own = {} if late else dict(names)
        exec(code, names)
        if late:
            exec(setup, names)
    except BaseException as error:
        _stop(report, "load", error)
    return names, own


def _tests_namespace(
    loaded: tuple[dict[str, Any], dict[str, Any]],
    payload: dict[str, Any],
    pristine: dict[str, Any],
    trusted: dict[str, ModuleType],
    report: Callable[..., None],
) -> dict[str, Any]:
    """Build the globals of the tests: trusted names win over the candidate's, builtins are untouched."""
    names, setup = loaded
    entry_point = payload["entry_point"]
    if entry_point and entry_point not in names:
        _stop(report, "load", NameError(f"name {entry_point!r} is not defined"))
    tests = {name: value for name, value in names.items() if name not in pristine or name in payload["targets"]}
    tests.update(setup)
    for name in payload["targets"]:
        if name in tests and name not in setup and callable(tests[name]) and not isinstance(tests[name], type):
            tests[name] = _proxy(tests[name])
    real_import = pristine["__import__"]

    def import_trusted(name: str, *rest: Any) -> Any:
        return trusted[name] if name in trusted else real_import(name, *rest)

    tests["__builtins__"] = {**pristine, "__import__": import_trusted}
    tests["__name__"] = "tests"
    tests["__judge_any__"] = BaseException
    tests["__judge_ok__"] = lambda number: report("ok", number)
    tests["__judge_bad__"] = lambda number, error: report("bad", number, error)
    tests["__judge_compare__"] = _compare
    tests["__judge_operand__"] = _operand
    return tests


def _proxy(function: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap the function under test: subclasses of primitives come back as the primitives they are."""
    owner, getpid, exit_now = GETPID(), GETPID, EXIT

    def call(*args: Any, **kwargs: Any) -> Any:
        value = function(*args, **kwargs)
        if getpid() != owner:
            exit_now(1)
        try:
            return _plain(value)
        except Opaque:
            return value

    return call


def _compare(names: tuple[str, ...], values: tuple[Any, ...]) -> bool:
    """Evaluate `values[0] names[0] values[1] names[1] ...` with nothing but built-in comparisons."""
    return all(_compare_two(name, values[index], values[index + 1]) for index, name in enumerate(names))


def _compare_two(name: str, left: Any, right: Any) -> Any:
    operation = OPERATIONS[name]
    if name in ("Is", "IsNot"):
        return operation(left, right)
    opaque = 0
    try:
        left = _plain(left)
    except Opaque:
        opaque += 1
    try:
        right = _plain(right)
    except Opaque:
        opaque += 1
    if opaque == 0 or (opaque == 2 and type(left) is type(right)):
        return operation(left, right)
    if name in ("Eq", "In"):
        return False
    if name in ("NotEq", "NotIn"):
        return True
    raise TypeError(f"{type(left).__name__} and {type(right).__name__} have no trusted order")


def _operand(value: Any) -> Any:
    """Return an operand of arithmetic inside an assert.

    Raises:
        TypeError: Its class could answer as it likes.
    """
    try:
        return _plain(value)
    except Opaque:
        raise TypeError(f"{type(value).__name__} is no number") from None


def _plain(value: Any, depth: int = 0) -> Any:
    """Return `value` with every subclass of a primitive turned into that primitive.

    Raises:
        Opaque: It is, or holds, an object of a class that Python code made.
    """
    kind = type(value)
    if id(kind) in PLAIN:
        return value
    if depth > MAX_DEPTH:
        raise Opaque
    deeper = depth + 1
    for base in type.mro(kind):
        if base is list or base is tuple:
            items = [_plain(item, deeper) for item in base.__iter__(value)]
            return items if base is list else tuple(items)
        if base is set or base is frozenset:
            return base([_plain(item, deeper) for item in base.__iter__(value)])
        if base is dict:
            return {_plain(k, deeper): _plain(v, deeper) for k, v in dict.items(value)}
        if base is int:
            return int.__index__(value)
        if base is float:
            return float.__pos__(value)
        if base is str:
            return str.__str__(value)
        if base is bytes:
            return bytes.__getitem__(value, slice(None)) + b""
    if type.__dict__["__flags__"].__get__(kind) & HEAP_TYPE or id(kind) in DELEGATES or kind.__name__ == "ndarray":
        raise Opaque
    if kind.__name__ in ("deque", "dict_keys", "dict_values", "dict_items"):
        for item in kind.__iter__(value):
            _plain(item, deeper)
    return value
