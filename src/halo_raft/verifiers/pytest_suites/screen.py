"""What a program may not use that is judged in the process of its tests.

Frames lead to the tests and their expected values, and so do the source on disk and what else reaches
into a running interpreter. A function or class that solves a task has no use for any of it. The screen
reads the source; it makes cheating harder, and is one reason more why such verdicts say `in_process`.
"""

from __future__ import annotations

import ast
import re

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
    "f_builtins", "f_code", "f_globals", "f_locals", "findCaller", "format_map", "Formatter", "get_coro", "get_stack",
    "gi_frame", "globals", "locals", "methodcaller", "open", "tb_frame", "tb_next", "vars", "with_traceback",
))
"""Names and attributes that do the same."""

OF_SYS = frozenset((
    "float_info", "getrecursionlimit", "getsizeof", "int_info", "maxsize", "setrecursionlimit", "stderr", "stdin",
    "stdout", "version_info",
))
"""What of `sys` may be used."""
# fmt: on

_WORD = re.compile(r"[A-Za-z_]\w*")


def objection(code: str) -> str | None:
    """Return what a program uses that it may not, None if nothing; what is no Python is left to the compiler."""
    try:
        tree = ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    parents = {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
    return next((found for node in ast.walk(tree) if (found := _objection(node, parents.get(node)))), None)


def _objection(node: ast.AST, parent: ast.AST | None) -> str | None:
    if isinstance(node, ast.Import):
        return next((a.name for a in node.names if _is_closed(a.name) or (a.name == "sys" and a.asname)), None)
    if isinstance(node, ast.ImportFrom):
        if _is_closed(node.module or ""):
            return node.module
        closed = (a.name for a in node.names if a.name in NAMES or (node.module == "sys" and a.name not in OF_SYS))
        return next(closed, None)
    if isinstance(node, ast.Attribute):
        made_up = node.attr == "format" and not isinstance(node.value, ast.Constant)
        of_another = node.attr == "__dict__" and not isinstance(node.value, ast.Name)
        return node.attr if node.attr in NAMES or made_up or of_another else None
    if isinstance(node, ast.Name):
        if node.id == "sys" and not (isinstance(parent, ast.Attribute) and parent.attr in OF_SYS):
            return "sys" if not isinstance(parent, ast.Attribute) else f"sys.{parent.attr}"
        return node.id if node.id in NAMES else None
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return next((word for word in _WORD.findall(node.value) if word in NAMES and "_" in word), None)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("getattr", "setattr"):
        named = len(node.args) > 1 and isinstance(node.args[1], ast.Constant)
        return None if named else f"{node.func.id} of a name that is made up"
    return None


def _is_closed(module: str) -> bool:
    return module.partition(".")[0].lstrip("_") in MODULES
