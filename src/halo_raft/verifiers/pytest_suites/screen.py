"""What a program may not use that is judged in the process of its tests.

Frames lead to the tests and their expected values, and so do the source on disk and what else reaches
into a running interpreter. A function or class that solves a task has no use for any of it. The screen
reads the source, and `bounds` looks at what names are made of while it runs; both make cheating harder, and are one
reason more why such verdicts say `in_process`.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from halo_raft.verifiers.functions.names import parse, parsed

# fmt: off
MODULES = frozenset((
    "atexit", "bdb", "builtins", "cProfile", "cgitb", "code", "codeop", "codecs", "ctypes", "dis", "doctest",
    "faulthandler", "fileinput", "gc", "glob", "halo_raft", "idlelib", "imp", "importlib", "inspect", "io", "linecache",
    "logging.config", "marshal", "multiprocessing", "os", "pathlib", "pdb", "pickle", "pkgutil", "pluggy", "posix",
    "profile", "py", "pydoc", "pytest", "rlcompleter", "runpy", "shelve", "shutil", "signal", "site", "socket",
    "subprocess", "symtable", "sysconfig", "tempfile", "test", "test_task", "thread", "threading", "tokenize", "trace",
    "traceback", "tracemalloc", "unittest", "warnings", "weakref", "xmlrpc", "zipimport",
))
"""Modules that see or change the interpreter that the tests run in, or its files."""

NAMES = frozenset((
    "__array_interface__", "__array_struct__", "__builtins__", "__closure__", "__code__", "__globals__", "__import__",
    "__kwdefaults__", "__loader__", "__spec__", "__traceback__", "_convert_", "_current_frames", "_getframe",
    "_task_get_stack", "ag_frame", "base_tasks", "breakpoint", "CodeType", "cr_frame", "currentframe", "f_back",
    "f_builtins", "f_code", "f_globals", "f_locals", "findCaller", "Formatter", "get_coro", "get_stack", "gi_frame",
    "global_enum", "open", "StackSummary", "tb_frame", "tb_next", "walk_stack", "walk_tb", "with_traceback",
    "__match_args__", "__judge_ok__", "__judge_bad__", "__judge_any__", "_Path__repr", "create_subprocess_exec",
    "create_subprocess_shell", "settrace", "setprofile",
))
"""Names and attributes that do the same."""
BOUNDED = frozenset((
    "attrgetter", "compile", "eval", "exec", "exc_info", "format", "format_map", "globals", "locals", "methodcaller",
    "modules", "mro", "open", "sys", "builtins", "vars", "__dict__", "__getattr__", "__getattribute__", "__mro__",
    "__reduce__", "__reduce_ex__", "__self__", "__subclasses__", "__setattr__", "__delattr__",
))
"""Names and attributes that may, by what they are asked of: looked at while the program runs; see `bounds`."""

OF_SYS = frozenset((
    "argv", "byteorder", "exc_info", "exit", "float_info", "getdefaultencoding", "getrecursionlimit", "getsizeof",
    "int_info", "intern", "maxsize", "maxunicode", "platform", "setrecursionlimit", "stderr", "stdin", "stdout",
    "version", "version_info",
))
"""What of `sys` may be used."""
PARTS = {
    "sys": OF_SYS,
    "codecs": frozenset(("decode", "encode")),
    "inspect": frozenset((
        "Parameter", "Signature", "cleandoc", "getdoc", "getfullargspec", "isabstract", "isawaitable", "isclass",
        "iscoroutine", "iscoroutinefunction", "isfunction", "isgenerator", "isgeneratorfunction", "ismethod",
        "signature",
    )),
    "io": frozenset(("BytesIO", "StringIO", "TextIOWrapper")),
    "threading": frozenset((
        "Barrier", "BoundedSemaphore", "Condition", "Event", "Lock", "RLock", "Semaphore", "Thread", "Timer", "local",
    )),
    "traceback": frozenset(("format_exc", "format_exception", "format_exception_only", "print_exc", "print_exception")),
    "warnings": frozenset(("catch_warnings", "filterwarnings", "resetwarnings", "simplefilter", "warn")),
    "weakref": frozenset(("WeakKeyDictionary", "WeakSet", "WeakValueDictionary", "proxy", "ref")),
}
"""Modules of which a part may be used: the part leads nowhere."""
MADE_UP = frozenset(("getattr", "setattr", "delattr", "hasattr"))
"""Functions that reach an attribute by a name, which has to stand in a text that tests run."""
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

PATCHED = re.compile(r"\bbuiltins\b\W{1,4}(\w+)")
"""A builtin that tests speak of, as they do to replace it."""
_AS_SCRIPT = ("__name__ == '__main__'", "'__main__' == __name__")
_WORD = re.compile(r"[A-Za-z_]\w*")


def allowed(trusted: str, prompt: str, solution: str) -> frozenset[str]:
    """Return what a program may use although the screen would refuse it: what trusted text uses itself.

    Args:
        trusted: Tests and set-up.
        prompt: The prompt; where it is code, its imports are the program's.
        solution: The reference; empty without one.
    """
    words = {*PATCHED.findall(trusted)}
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


def objection(code: str | ast.AST, allowed: frozenset[str] = frozenset(), strict: bool = False) -> str | None:
    """Return what a program uses that it may not, None if nothing; what is no Python is left to the compiler.

    Args:
        code: Its source.
        allowed: What it may use all the same.
        strict: Whether nothing looks at it while it runs, so that whatever may lead on is refused.
    """
    try:
        tree = code if isinstance(code, ast.AST) else parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    nodes = [*_walk(tree)]
    parents = {child: node for node in nodes for child in ast.iter_child_nodes(node)}
    modules = frozenset(a.asname or a.name for n in nodes if isinstance(n, ast.Import) for a in n.names)
    found = (
        _objection(node, parents.get(node), modules) or (strict and _strictly(node, parents.get(node)))
        for node in nodes
    )
    return next((name for name in found if name and name.partition(".")[0] not in allowed), None)


def _walk(tree: ast.AST) -> Iterator[ast.AST]:
    """Yield the nodes of a program but for what it would do as a script: its `__name__` is the module's."""
    named = any(isinstance(n, ast.Name) and n.id == "__name__" and isinstance(n.ctx, ast.Store) for n in ast.walk(tree))
    body = [*tree.body] if isinstance(tree, ast.Module) else [tree]
    for node in body:
        if named or not (isinstance(node, ast.If) and ast.unparse(node.test) in _AS_SCRIPT):
            yield from ast.walk(node)
        else:
            yield from (inner for other in node.orelse for inner in ast.walk(other))


def _objection(node: ast.AST, parent: ast.AST | None, modules: frozenset[str]) -> str | None:
    if isinstance(node, ast.Import):
        return next((a.name for a in node.names if (bool(a.asname) if a.name in PARTS else is_closed(a.name))), None)
    if isinstance(node, ast.ImportFrom):
        part = PARTS.get(node.module or "")
        if part is None and is_closed(node.module or ""):
            return node.module
        if named := next((a.name for a in node.names if a.name in NAMES), None):
            return named
        return node.module if part is not None and any(a.name not in part for a in node.names) else None
    if isinstance(node, ast.Attribute):
        return _of_attribute(node, modules)
    if isinstance(node, ast.Name):
        return _of_name(node, parent, modules)
    if isinstance(node, ast.MatchClass):
        return next((name for name in node.kwd_attrs if name in NAMES | BOUNDED), None)
    if said := next((text for _, text in ast.iter_fields(node) if _is_judges(text)), None):
        return str(said)
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return next((word for word in _WORD.findall(node.value) if word in NAMES and "_" in word), None)
    return None


_UNBOUNDED = BOUNDED - {"__setattr__", "__delattr__"}
"""Those of them that no text of the library's own uses."""


def _strictly(node: ast.AST, parent: ast.AST | None) -> str | None:
    """Return what is refused beside where nothing bounds it."""
    if isinstance(node, ast.Attribute):
        made_up = node.attr in ("format", "__dict__") and not isinstance(node.value, ast.Constant)
        leads_on = node.attr.startswith("_") and is_closed(node.attr)
        return node.attr if made_up or leads_on or node.attr in _UNBOUNDED - {"format", "__dict__", "compile"} else None
    if isinstance(node, ast.Name):
        called = isinstance(parent, ast.Call) and parent.func is node
        return node.id if node.id in _UNBOUNDED or (node.id in MADE_UP and not called) else None
    if isinstance(node, ast.ImportFrom):
        return next((a.name for a in node.names if a.name in BOUNDED), None)
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return next((word for word in _WORD.findall(node.value) if word in BOUNDED and "_" in word), None)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in MADE_UP:
        literal = len(node.args) > 1 and isinstance(node.args[1], ast.Constant)
        return None if literal else f"{node.func.id} of a name that is made up"
    return None


def _of_attribute(node: ast.Attribute, modules: frozenset[str]) -> str | None:
    of_module = isinstance(node.value, ast.Name) and node.value.id in modules and node.value.id not in ("os", "sys")
    leads_on = is_closed(node.attr) or node.attr.lstrip("_") == "sys"
    if leads_on and of_module:
        return node.attr  # a module's own import of another: `random._os`, `enum.sys`
    if node.attr == "open":
        return node.attr if of_module else None
    if node.attr == "Formatter" and ast.unparse(node.value) == "logging":
        return None
    return node.attr if node.attr in NAMES else None


def _of_name(node: ast.Name, parent: ast.AST | None, modules: frozenset[str]) -> str | None:
    part = PARTS.get(node.id) if node.id == "sys" or node.id in modules else None
    if part is not None and not (isinstance(parent, ast.Attribute) and parent.attr in part):
        return node.id if not isinstance(parent, ast.Attribute) else f"{node.id}.{parent.attr}"
    if node.id == "__match_args__" and isinstance(parent, ast.Assign) and isinstance(parent.value, ast.Tuple):
        fits = (isinstance(e, ast.Constant) and e.value not in NAMES | BOUNDED for e in parent.value.elts)
        return None if all(fits) else node.id
    return node.id if node.id in NAMES else None


def _is_judges(name: object) -> bool:
    return isinstance(name, str) and name.startswith("__judge_")


def is_closed(module: str) -> bool:
    """Return whether a module is one that sees or changes what programs may not."""
    return module in MODULES or module.partition(".")[0].lstrip("_") in MODULES
