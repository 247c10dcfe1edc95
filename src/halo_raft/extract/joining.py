"""Several blocks of one answer -> one program: the block that answers, and what it needs of the others.

The answer is the last block that defines the entry point and is no mere demo or sketch of it. Imports, helpers and
constants that it uses and does not bring are taken from the other blocks; what they run is not.
"""

from __future__ import annotations

import ast
import builtins
import dataclasses
import re
import sys
from collections.abc import Iterable, Sequence

from halo_raft.extract.bare import defines
from halo_raft.extract.fences import Block
from halo_raft.extract.languages import FAMILY, NATIVE, SHELL
from halo_raft.extract.trees import PARSED_CHARS, parsed

MAX_BLOCKS = 100

_Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
_READS_INPUT = re.compile(
    r"\binput\s*\(|\bstdin\b|\bopen\s*\(\s*0|\bcin\b|\bscanf\s*\(|\bgetline\s*\(|\bgets\s*\(|\bgetchar|\bScan(?:f|ln)?\s*\(|"
    r"\bbufio\."
)
_MAIN = {
    "c": re.compile(r"\bmain\s*\("),
    "cpp": re.compile(r"\bmain\s*\("),
    "rust": re.compile(r"\bfn\s+main\s*\("),
    "go": re.compile(r"\bfunc\s+main\s*\("),
}
_PREAMBLE_LINE = re.compile(
    r"\s*(?:#\s*(?:include|define|pragma)\b|using\b|use\b|import\b|extern crate\b|typedef\b|//|$|[)\"])"
)
_NATIVE_NAME = re.compile(
    r"^(?:(?:pub(?:\([a-z]+\))?\s+)?(?:fn|struct|enum|trait|class|union|type|const|static|func|namespace)\s+(\w+)|"
    r"(?!return\b|else\b)[\w:<>,*&\[\] ]{1,200}[\s*&](\w+)\s*\([^;\n]{0,300}\)[^;\n]{0,40}\{)",
    re.MULTILINE,
)


def program_of(
    blocks: Sequence[Block], language: str, entry_point: str | None, names: Sequence[str] = ()
) -> Block | None:
    """Return the program that fenced blocks make together, None where none can be one.

    Args:
        blocks: In the order of the answer.
        language: Canonical language of the program.
        entry_point: What the tests call first of all.
        names: Whatever else they use of the program.
    """
    usable = [block for block in blocks if block.tag != SHELL and block.code.strip()][-MAX_BLOCKS:]
    right = [block for block in usable if block.tag in ("", language, *FAMILY.get(language, ()))]
    main = _main_block(usable, right, language, entry_point)
    if main is None or len(right) < 2:
        return main
    others = [block for block in right if block is not main]
    if language == "python":
        return dataclasses.replace(main, code=_with_python_parts(main.code, others, entry_point, names))
    if language in NATIVE and not (entry_point and not defines(main.code, entry_point, language)):
        return dataclasses.replace(main, code=_with_native_parts(main.code, others, language, entry_point))
    return main


def _main_block(usable: list[Block], right: list[Block], language: str, entry_point: str | None) -> Block | None:
    if entry_point:
        defining = [block for block in right if defines(block.code, entry_point, language)]
        if len(defining) == 1:
            return defining[0]
        if defining:
            real = [block for block in defining if not _is_demo(block.code, language, entry_point)]
            whole = [block for block in real if language != "python" or parsed(block.code)]
            return (whole or real or defining)[-1]
    else:
        programs = [block for block in right if _is_program(block.code, language)]
        if programs:
            return programs[-1]
    exact = [block for block in usable if block.tag == language]
    cousins = [block for block in usable if block.tag in FAMILY.get(language, ())]
    untagged = [block for block in usable if block.tag == ""]
    for group in (exact, cousins, untagged, usable):
        if group:
            return max(group, key=lambda block: len(block.code))
    return None


def _is_program(code: str, language: str) -> bool:
    """Return whether code is a whole program that reads its input."""
    main = _MAIN.get(language)
    return _READS_INPUT.search(code) is not None and (main is None or main.search(code) is not None)


def _is_demo(code: str, language: str, entry_point: str) -> bool:
    """Return whether a block only shows the entry point's head, without anything that it does."""
    if language != "python":
        return (
            re.search(rf"\b{re.escape(entry_point)}[^{{;]{{0,500}}\{{\s*(?://[^\n]*\s*|\.\.\.\s*)*\}}", code)
            is not None
        )
    tree = parsed(code)
    if tree is None:
        return False
    last = next((n for n in reversed(tree.body) if isinstance(n, _Definition) and n.name == entry_point), None)
    if isinstance(last, ast.ClassDef):
        return all(_is_empty(n) for n in last.body if not isinstance(n, _Definition)) and all(
            all(map(_is_empty, n.body)) for n in last.body if isinstance(n, _Definition)
        )
    return last is not None and all(map(_is_empty, last.body))


def _is_empty(node: ast.stmt) -> bool:
    match node:
        case ast.Pass() | ast.Expr(value=ast.Constant()):
            return True
        case ast.Raise(exc=ast.Name(id=name) | ast.Call(func=ast.Name(id=name))):
            return name == "NotImplementedError"
    return False


def _with_python_parts(code: str, others: Sequence[Block], entry_point: str | None, names: Sequence[str]) -> str:
    """Put before `code` what it needs of other blocks, and what of them the tests may ask for."""
    main = parsed(code)
    if main is None:
        return code
    parts = _Parts([(tree, block.code) for block in others if (tree := parsed(block.code)) is not None])
    own = bound(main.body)
    wanted = [*free_names(main.body), *names]
    taken = parts.take(wanted, own)
    spare = (
        n for n in parts.functions() if n not in own and n not in taken and not n.startswith(("test", "main", "_"))
    )
    for name in spare if entry_point else ():
        extra = parts.take([name], own | taken.keys())
        if all(map(_is_harmless, extra.values())):
            taken |= extra
    head = parts.source_of(taken.values())
    if not head:
        return code
    future = re.match(r"(?:\s*(?:#[^\n]*)?\n)*from __future__[^\n]*\n", code)
    return f"{future[0]}{head}\n{code[future.end() :]}" if future else f"{head}\n{code}"


class _Parts:
    """The definitions of some blocks; a later one takes the place of an earlier one."""

    def __init__(self, trees: Sequence[tuple[ast.Module, str]]) -> None:
        self._source: dict[ast.stmt, str] = {}
        self._by_name: dict[str, ast.stmt] = {}
        for tree, code in trees:
            for node in tree.body:
                if isinstance(node, _Definition | ast.Import | ast.ImportFrom | ast.Assign | ast.AnnAssign):
                    self._source[node] = code
                    self._by_name |= dict.fromkeys(bound([node]), node)

    def functions(self) -> list[str]:
        """Return the names of plain functions that do something."""
        plain = ((n, node) for n, node in self._by_name.items() if isinstance(node, ast.FunctionDef))
        return [n for n, node in plain if not node.decorator_list and not all(map(_is_empty, node.body))]

    def take(self, wanted: Iterable[str], own: Iterable[str]) -> dict[str, ast.stmt]:
        """Return the definitions of the wanted names, and of what those need in turn."""
        taken: dict[str, ast.stmt] = {}
        queue, left = list(wanted), set(own)
        while queue:
            name = queue.pop()
            node = self._by_name.get(name)
            if name in left or name in taken or node is None:
                continue
            taken[name] = node
            queue += free_names([node])
        return taken

    def source_of(self, nodes: Iterable[ast.stmt]) -> str:
        chosen = set(nodes)
        return "\n".join(_segment(self._source[n], n) for n in self._source if n in chosen)


def _segment(code: str, node: ast.stmt) -> str:
    decorators = node.decorator_list if isinstance(node, _Definition) else []
    first = min([node.lineno, *(d.lineno for d in decorators)])
    return "\n".join(code.split("\n")[first - 1 : node.end_lineno])


def _is_harmless(node: ast.stmt) -> bool:
    """Return whether a definition that nobody asked for can do no harm when it is loaded."""
    if isinstance(node, ast.Import):
        return all(alias.name.partition(".")[0] in sys.stdlib_module_names for alias in node.names)
    if isinstance(node, ast.ImportFrom):
        return (node.module or "").partition(".")[0] in sys.stdlib_module_names
    if isinstance(node, ast.Assign | ast.AnnAssign):
        return not any(isinstance(inner, ast.Call) for inner in ast.walk(node))
    return isinstance(node, _Definition) and not node.decorator_list


def bound(body: Sequence[ast.stmt]) -> set[str]:
    """Return the names that statements define, import or assign in their own scope."""
    names: set[str] = set()
    queue: list[ast.AST] = list(body)
    while queue:
        node = queue.pop()
        if isinstance(node, _Definition):
            names.add(node.name)
            continue
        if isinstance(node, ast.alias):
            names.add(node.asname or node.name.partition(".")[0])
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        elif isinstance(node, ast.ExceptHandler) and node.name:
            names.add(node.name)
        queue += ast.iter_child_nodes(node)
    return names


def free_names(body: Sequence[ast.stmt]) -> list[str]:
    """Return the names that statements read and neither they nor Python define anywhere, in order."""
    stored = set(vars(builtins))
    read: dict[str, None] = {}
    for statement in body:
        for node in ast.walk(statement):
            match node:
                case ast.Name(id=name, ctx=ast.Load()):
                    read[name] = None
                case ast.Name(id=name):
                    stored.add(name)
                case ast.arg(arg=name):
                    stored.add(name)
                case ast.alias(name=name, asname=asname):
                    stored.add(asname or name.partition(".")[0])
                case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                    stored.add(name)
    return [name for name in read if name not in stored]


def _with_native_parts(code: str, others: Sequence[Block], language: str, entry_point: str | None) -> str:
    """Put before `code` the includes, and the helpers that it uses, of blocks that are no programs themselves."""
    own = _native_names(code)
    parts = []
    for block in others:
        names = _native_names(block.code)
        if "main" in names or (entry_point and entry_point in names) or names & own:
            continue
        only_preamble = all(_PREAMBLE_LINE.match(line) for line in block.code.split("\n"))
        used = any(re.search(rf"\b{re.escape(name)}\b", code) for name in names)
        if only_preamble or used:
            parts.append(block.code.rstrip())
    if language == "go" and parts and re.search(r"^package\s", code, re.MULTILINE):
        return code  # its own imports have to come first
    return "\n".join([*parts, code]) if parts else code


def _native_names(code: str) -> set[str]:
    return {name for match in _NATIVE_NAME.finditer(code[:PARSED_CHARS]) for name in match.groups() if name}
