"""What a program may not use that is judged in the process of its tests.

Frames lead to the tests and their expected values, and so do the source on disk and what else reaches
into a running interpreter. A function or class that solves a task has no use for any of it. The screen
reads the source; it makes cheating harder, and is one reason more why such verdicts say `in_process`.
"""

from __future__ import annotations

import ast
import re

from halo_raft.verifiers.functions.names import parse, parsed

# fmt: off
MODULES = frozenset((
    "atexit", "bdb", "builtins", "cProfile", "cgitb", "code", "codecs", "ctypes", "dis", "doctest", "faulthandler",
    "fileinput", "gc", "glob", "importlib", "inspect", "io", "linecache", "marshal", "multiprocessing", "os", "pathlib",
    "pdb", "pickle", "pkgutil", "pluggy", "posix", "profile", "py", "pytest", "runpy", "shutil", "signal", "site",
    "socket", "subprocess", "symtable", "tempfile", "thread", "threading", "tokenize", "trace", "traceback",
    "tracemalloc", "unittest", "warnings", "weakref", "zipimport",
))
"""Modules that see or change the interpreter that the tests run in, or its files."""

NAMES = frozenset((
    "__builtins__", "__closure__", "__code__", "__getattribute__", "__globals__", "__import__", "__loader__",
    "__self__", "__spec__", "__subclasses__", "__traceback__", "_current_frames", "_getframe", "ag_frame",
    "attrgetter", "breakpoint", "compile", "cr_frame", "currentframe", "eval", "exc_info", "exec", "f_back",
    "f_builtins", "f_code", "f_globals", "f_locals", "findCaller", "format_map", "Formatter", "get_coro",
    "get_stack", "gi_frame", "globals", "locals", "methodcaller", "open", "tb_frame", "tb_next", "vars",
    "with_traceback", "__match_args__", "__getattr__", "__reduce__", "__reduce_ex__", "modules", "__judge_ok__",
    "__judge_bad__", "__judge_any__", "__mro__", "mro", "settrace", "setprofile",
))
"""Names and attributes that do the same."""

OF_SYS = frozenset((
    "float_info", "getrecursionlimit", "getsizeof", "int_info", "maxsize", "setrecursionlimit", "stderr", "stdin",
    "stdout", "version_info",
))
"""What of `sys` may be used."""
PARTS = {
    "sys": OF_SYS,
    "io": frozenset(("BytesIO", "StringIO")),
    "threading": frozenset(("BoundedSemaphore", "Condition", "Event", "Lock", "RLock", "Semaphore")),
    "warnings": frozenset(("warn",)),
    "weakref": frozenset(("WeakKeyDictionary", "WeakSet", "WeakValueDictionary", "ref")),
}
"""Modules of which a part may be used: the part leads nowhere."""
MADE_UP = frozenset(("getattr", "setattr", "delattr", "hasattr"))
"""Functions that reach an attribute by a name, which has to stand there."""
# fmt: on

FILES = frozenset(("open", "io", "os", "pathlib", "shutil", "tempfile", "glob", "fileinput", "codecs"))
"""What a program needs whose tests hand it files."""
OF_FILES = frozenset(("tmp_path", "tmpdir", "open", "tempfile", "pathlib", "os", "sqlite3", "shutil", "csv"))
"""Words by which tests hand a program files."""

SPEAKS_OF = {
    **dict.fromkeys(("setenv", "delenv", "chdir"), "os"),
    **dict.fromkeys(("warns", "deprecated_call", "assertWarns", "assertWarnsRegex"), "warnings"),
}
"""Attributes by which tests speak of what a program does with a module."""

_WORD = re.compile(r"[A-Za-z_]\w*")


def allowed(trusted: str, prompt: str, solution: str) -> frozenset[str]:
    """Return what a program may use although the screen would refuse it: what trusted text uses itself.

    Args:
        trusted: Tests and set-up.
        prompt: The prompt; where it is code, its imports are the program's.
        solution: The reference; empty without one.
    """
    words: set[str] = set()
    for source in (trusted, prompt, solution):
        tree = parsed(source)
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                words |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                words.add((node.module or "").partition(".")[0])
            elif isinstance(node, ast.arg) or (isinstance(node, ast.Name) and source is solution):
                words.add(node.arg if isinstance(node, ast.arg) else node.id)
            elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                words.add(node.func.id)
            elif isinstance(node, ast.Attribute) and node.attr in SPEAKS_OF:
                words.add(SPEAKS_OF[node.attr])
    if "concurrent" in words:
        words.add("threading")
    words -= {"eval", "exec", "compile", "gc", "inspect", "ctypes", "pytest", "unittest", "builtins", "sys"} - _of(
        solution
    )
    return frozenset(words | (FILES if words & OF_FILES else set()))


def _of(solution: str) -> set[str]:
    """Return what a reference uses that even trusted tests do not make fit for a program."""
    return {n.id for n in ast.walk(parsed(solution)) if isinstance(n, ast.Name)}


def objection(code: str, allowed: frozenset[str] = frozenset()) -> str | None:
    """Return what a program uses that it may not, None if nothing; what is no Python is left to the compiler."""
    try:
        tree = parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    parents = {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
    modules = frozenset(a.asname or a.name for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names)
    found = (_objection(node, parents.get(node), modules) for node in ast.walk(tree))
    return next((name for name in found if name is not None and name.partition(".")[0] not in allowed), None)


def _objection(node: ast.AST, parent: ast.AST | None, modules: frozenset[str]) -> str | None:
    if isinstance(node, ast.Import):
        return next((a.name for a in node.names if (bool(a.asname) if a.name in PARTS else _is_closed(a.name))), None)
    if isinstance(node, ast.ImportFrom):
        part = PARTS.get(node.module or "")
        if part is None and _is_closed(node.module or ""):
            return node.module
        if named := next((a.name for a in node.names if a.name in NAMES), None):
            return named
        return node.module if part is not None and any(a.name not in part for a in node.names) else None
    if isinstance(node, ast.Attribute):
        return _of_attribute(node, modules)
    if isinstance(node, ast.Name):
        return _of_name(node, parent, modules)
    if isinstance(node, ast.MatchClass):
        return next((name for name in node.kwd_attrs if name in NAMES), None)
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return next((word for word in _WORD.findall(node.value) if word in NAMES and "_" in word), None)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in MADE_UP:
        literal = len(node.args) > 1 and isinstance(node.args[1], ast.Constant)
        return None if literal else f"{node.func.id} of a name that is made up"
    return None


def _of_attribute(node: ast.Attribute, modules: frozenset[str]) -> str | None:
    made_up = node.attr == "format" and not isinstance(node.value, ast.Constant)
    of_another = node.attr == "__dict__" and not isinstance(node.value, ast.Name)
    of_module = isinstance(node.value, ast.Name) and node.value.id in modules and node.value.id not in ("os", "sys")
    leads_on = _is_closed(node.attr) or node.attr.lstrip("_") == "sys"
    if leads_on and (of_module or node.attr.startswith("_")):
        return node.attr  # a module's own import of another: `random._os`, `enum.sys`
    if of_module and (node.value.id, node.attr) == ("re", "compile"):  # type: ignore[attr-defined]
        return None
    return node.attr if node.attr in NAMES or made_up or of_another else None


def _of_name(node: ast.Name, parent: ast.AST | None, modules: frozenset[str]) -> str | None:
    part = PARTS.get(node.id) if node.id == "sys" or node.id in modules else None
    if part is not None and not (isinstance(parent, ast.Attribute) and parent.attr in part):
        return node.id if not isinstance(parent, ast.Attribute) else f"{node.id}.{parent.attr}"
    if node.id in MADE_UP and not (isinstance(parent, ast.Call) and parent.func is node):
        return f"{node.id} by another name"
    return node.id if node.id in NAMES else None


def _is_closed(module: str) -> bool:
    return module.partition(".")[0].lstrip("_") in MODULES
