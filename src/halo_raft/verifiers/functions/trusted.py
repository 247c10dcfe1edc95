"""A task's trusted code, cut to what each end needs: helpers of the prompt, and what of the set-up the program sees.

Runs in the trusted worker. Tests stay with the judge, and so does what the set-up makes for them alone.
"""

from __future__ import annotations

import ast
import functools
import marshal
import re

from halo_raft.verifiers.functions.names import defined, parsed, used

_HAS_CLASSES = re.compile(r"\bclass\b").search
Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


@functools.lru_cache(maxsize=1024)
def helpers(prompt: str, under_test: str | None) -> str:
    """Return the code of a prompt without the functions that it leaves for the program to write."""
    tree = parsed(prompt)
    if not tree.body and prompt.strip():
        tree = parsed(f"{prompt.rstrip()}\n    pass\n")
    code = any(isinstance(node, Definition | ast.Import | ast.ImportFrom) for node in tree.body)
    if not code or "\n" not in prompt.strip():
        return ""  # prose may happen to be Python
    kept = [node for node in tree.body if not (isinstance(node, Definition) and _is_left(node, under_test))]
    return ast.unparse(ast.Module(kept, []))


def left_open(prompt: str) -> list[str]:
    """Return the functions that a prompt which is code leaves for the program to write."""
    return [n.name for n in parsed(prompt).body if isinstance(n, Definition) and _is_left(n, None)]


def _is_left(node: ast.stmt, under_test: str | None) -> bool:
    """Return whether a definition is a stub."""
    if isinstance(node, ast.ClassDef):
        methods = [inner for inner in node.body if isinstance(inner, Definition)]
        return node.name == under_test or (bool(methods) and all(_is_left(inner, None) for inner in methods))
    if not isinstance(node, Definition):
        return False
    return node.name == under_test or all(_is_nothing(inner) for inner in node.body)


def _is_nothing(node: ast.stmt) -> bool:
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return True
    raises = isinstance(node, ast.Raise) and node.exc is not None and "NotImplementedError" in ast.unparse(node.exc)
    return isinstance(node, ast.Pass) or raises


@functools.lru_cache(maxsize=1024)
def visible(setup: str, tests: str, prompt: str, solution: str, targets: tuple[str, ...]) -> str:
    """Return the part of the set-up that runs before the program, in its process.

    What the tests use stays with them, but for classes and for what the prompt or the reference speaks of;
    what the set-up asks of the program cannot run before it.

    Args:
        setup: Trusted code, the prompt's helpers left out.
        tests: The tests.
        prompt: The prompt, which may speak of what the program is to use.
        solution: The reference, which may use it; empty without one.
        targets: Names that the program has to define.
    """
    tree = parsed(setup)
    tests_tree = parsed(tests if _HAS_CLASSES(tests) else "")
    if not tree.body and not tests_tree.body:
        return ""
    read = used(tests)
    speaks = re.findall(r"`(\w+)`|\b(\w+)\(", prompt[:100_000])
    told = used(prompt) | used(solution) | frozenset(name for pair in speaks for name in pair)
    shared = [node for node in tests_tree.body if isinstance(node, ast.ClassDef) and _is_record(node)]
    needed = {name for node in shared for name in _names(node)[1]}
    imports = [n for n in tests_tree.body if isinstance(n, ast.Import | ast.ImportFrom) and _names(n)[0] & needed]
    nodes = [*tree.body, *imports, *shared]
    facts = [(node, *_names(node)) for node in nodes]
    early = [fact for fact in facts if not fact[2] & set(targets)]
    kept = [fact for fact in early if _is_for_program(fact[0], fact[1], read, told)]
    while True:
        wanted = {name for _, _, uses in kept for name in uses}
        more = [fact for fact in early if fact not in kept and fact[1] & wanted]
        if not more:
            break
        kept += more
    order = [fact[0] for fact in facts if fact in kept]
    return ast.unparse(ast.Module(order, []))


def _names(node: ast.stmt) -> tuple[frozenset[str], frozenset[str]]:
    """Return what a statement binds and what it reads."""
    source = ast.unparse(node)
    return defined(source), used(source)


def _is_for_program(node: ast.stmt, binds: frozenset[str], read: frozenset[str], told: frozenset[str]) -> bool:
    if isinstance(node, ast.Import | ast.ImportFrom | ast.ClassDef):
        return True
    return not binds & read or bool(binds & told)


def _is_record(node: ast.ClassDef) -> bool:
    """Return whether a class of the tests is one of values that the program may be given, and no test itself."""
    if node.name.startswith("Test") or any(isinstance(inner, ast.Assert) for inner in ast.walk(node)):
        return False
    is_enum = any(ast.unparse(base).rpartition(".")[2].endswith(("Enum", "Flag")) for base in node.bases)
    return "TestCase" not in ast.unparse(node) and (is_enum or all(map(_holds_no_values, node.body)))


def _holds_no_values(node: ast.stmt) -> bool:
    """Return whether a statement of a class says nothing that a test may expect."""
    if isinstance(node, ast.Assign | ast.AnnAssign):
        return node.value is None or isinstance(node.value, ast.Constant)
    return isinstance(node, Definition | ast.Pass) or (
        isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    )


@functools.lru_cache(maxsize=1024)
def class_names(*sources: str) -> tuple[str, ...]:
    """Return the names of the classes that trusted sources define at top level."""
    return tuple(
        n.name for source in filter(_HAS_CLASSES, sources) for n in parsed(source).body if isinstance(n, ast.ClassDef)
    )


@functools.lru_cache(maxsize=1024)
def compiled(source: str) -> bytes | None:
    """Return trusted code, marshalled, or None where it is not Python."""
    try:
        return marshal.dumps(compile(source, "setup.py", "exec", dont_inherit=True))
    except (SyntaxError, ValueError):
        return None


@functools.lru_cache(maxsize=1024)
def halves(setup: str, targets: tuple[str, ...]) -> tuple[str, str]:
    """Return the part of a set-up that asks nothing of the program, and the rest, which has to follow it."""
    facts = [(node, *_names(node)) for node in parsed(setup).body]
    late: set[str] = set(targets)
    rest: list[ast.stmt] = []
    for node, binds, uses in facts:
        if uses & late:
            rest.append(node)
            late |= binds
    first = [node for node, _, _ in facts if node not in rest]
    return ast.unparse(ast.Module(first, [])), ast.unparse(ast.Module(rest, []))
