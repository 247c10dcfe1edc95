"""Where the tests of a Python task stand: outside of the program's process, or beside the program in it.

The task decides, never an answer: outside where its reference passes outside, else beside it; without a
reference by the form of its tests.
"""

from __future__ import annotations

import ast
import functools
import sys
from collections.abc import Callable, Hashable, Iterator

from halo_raft.verifiers.base import IN_PROCESS, OUTSIDE, Mode, VerifyResult
from halo_raft.verifiers.functions.changed import changes_answers
from halo_raft.verifiers.functions.instrument import Suite
from halo_raft.verifiers.functions.kept import hands_coroutines, keeps_arguments
from halo_raft.verifiers.functions.names import PROGRAM, dotted, text

NONE = "none"
REMEMBERED = 4096

# fmt: off
RUNNING = frozenset((
    "eval", "exec", "compile", "pickle.loads", "pickle.load", "marshal.loads", "dill.loads", "cloudpickle.loads",
    "joblib.load", "yaml.load", "yaml.unsafe_load", "os.system", "os.popen", "subprocess.run", "subprocess.call",
    "subprocess.check_output", "subprocess.Popen", "subprocess.check_call", "subprocess.getoutput", "runpy.run_path",
    "runpy.run_module", "importlib.import_module", "__import__", "timeit.timeit",
))
"""Calls that run what they are given."""
SEEDING = frozenset(("random.seed", "np.random.seed", "numpy.random.seed", "seed", "torch.manual_seed"))
FILES = frozenset((
    "open", "os.path.exists", "os.path.isfile", "os.path.isdir", "os.path.getsize", "os.listdir", "os.remove",
    "os.mkdir", "os.makedirs", "os.rmdir", "os.unlink", "os.chdir", "sqlite3.connect", "glob.glob",
    "TemporaryDirectory", "NamedTemporaryFile", "mkdtemp",
))
# fmt: on
SHARED_FIXTURES = {
    **dict.fromkeys(
        ("tmp_path", "tmpdir", "tmp_path_factory", "tmpdir_factory"), "files that it shares with the program"
    ),
    **dict.fromkeys(
        ("capfd", "capfdbinary", "caplog", "recwarn", "monkeypatch", "mocker"), "the program's own process"
    ),
}
LOOKED_INTO = frozenset((
    "__code__", "__globals__", "__closure__", "__dict__", "__class__", "__mro__", "__bases__", "__members__",
    "__dataclass_fields__", "__slots__", "__abstractmethods__",
))  # fmt: skip
_OF_FUNCTIONS = frozenset((
    "asyncio.iscoroutinefunction", "inspect.iscoroutinefunction", "inspect.isasyncgenfunction",
    "inspect.isgeneratorfunction", "inspect.signature", "inspect.getfullargspec", "inspect.isabstract",
))  # fmt: skip
"""Calls that ask a function what it is made of."""
_OF_CLASSES = frozenset((
    "dataclasses.fields", "dataclasses.is_dataclass", "dataclasses.asdict", "dataclasses.astuple",
    "dataclasses.replace", "inspect.isabstract", "inspect.getmembers", "typing.get_type_hints", "vars",
))  # fmt: skip
"""Calls that ask an object, or a class, what it is made of."""
OF_TESTS = frozenset(("self", "cls", "e", "err", "error", "exc", "ex", "info.value", "exc_info.value", "excinfo.value"))
"""What tests, and the judge's own exceptions, are called as a rule."""
THREADS = frozenset(("threading.Thread", "threading.Timer", "concurrent.futures.ThreadPoolExecutor"))
CROSSING = sys.stdlib_module_names | {"numpy", "pytest", "hypothesis", PROGRAM}
"""Modules whose values cross, or that bring none."""
OF_ENUMS = frozenset(("Enum", "IntEnum", "StrEnum", "Flag", "IntFlag"))
PATCHED_FROM_OUTSIDE = frozenset(("builtins.input", "builtins.print", "sys.stdout", "sys.stderr", "sys.stdin"))
"""What a test may patch for a program in another process."""


_known: dict[Hashable, Mode] = {}


def by_reference(
    key: Hashable, suite: Suite, outside: Callable[[], VerifyResult], beside: Callable[[], VerifyResult]
) -> Mode:
    """Return the mode of a task that has a reference; found once per process and task.

    Args:
        key: What stands for the task.
        suite: Its tests.
        outside: Judges the reference outside.
        beside: Judges the reference beside its tests.
    """
    if key not in _known:
        found, is_sure = _by_reference(suite, outside, beside)
        if not is_sure:
            return found
        while len(_known) >= REMEMBERED:
            del _known[next(iter(_known))]
        _known[key] = found
    return _known[key]


def _by_reference(
    suite: Suite, outside: Callable[[], VerifyResult], beside: Callable[[], VerifyResult]
) -> tuple[Mode, bool]:
    """Return the mode, and whether the machine had the time to find it out."""
    form = by_form(suite)
    first = None if form.reason in (_RUNS, _KEEPS, _CHANGES, _IN_THREADS) else outside()
    if first is not None and first.success:
        return Mode(OUTSIDE, "its reference passes outside"), True
    second = beside()
    if second.success:
        why = form.reason if form.name == IN_PROCESS else "its reference passes beside its tests alone"
        return Mode(IN_PROCESS, why), first is None or not first.starved
    told = first or second
    why = f"its reference passes neither outside nor beside its tests ({told.kind}: {told.details})"
    return Mode(NONE, why), not (second.starved or (first is not None and first.starved))


_LOOKS_INTO = "its tests look into the program's functions and classes"
_RUNS = "its tests run what the program returns"
_CHANGES = "its tests change what the program's objects hold"
_IN_THREADS = "its tests use the program in several threads"
"""One after the other is how an answer comes from outside; what passes there in threads passes by chance."""
_KEEPS = "its tests look at what they handed to the program and it goes on using"


def by_form(suite: Suite) -> Mode:
    """Return the mode that the form of the tests asks for."""
    return _by_form(suite.setup, suite.source, suite.terms.targets, suite.terms.classes)


@functools.lru_cache(maxsize=1024)
def _by_form(setup: str, source: str, targets: tuple[str, ...], classes: frozenset[str]) -> Mode:
    nodes = text(f"{setup}\n{source}").nodes
    reason = next(_reasons(nodes, targets), None)
    if reason is None and hands_coroutines(nodes, targets):
        reason = "its tests hand coroutines to the program"
    if reason is None and keeps_arguments(nodes, targets, classes):
        reason = _KEEPS
    if reason is None and changes_answers(nodes, classes):
        reason = _CHANGES
    if reason is None and classes and _names_types(nodes):
        reason = _LOOKS_INTO
    return Mode(IN_PROCESS, reason) if reason else Mode(OUTSIDE, "its tests call, compare and ask")


def _reasons(nodes: tuple[ast.AST, ...], targets: tuple[str, ...]) -> Iterator[str]:
    """Yield why tests have to stand beside the program."""
    aliases = {a.asname: a.name for n in nodes if isinstance(n, ast.Import) for a in n.names if a.asname}
    froms = {
        (a.asname or a.name): f"{n.module}.{a.name}"
        for n in nodes
        if isinstance(n, ast.ImportFrom) and n.module
        for a in n.names
    }
    for node in nodes:
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield from (f"its tests use objects of {root}" for root in _roots(node) if root not in CROSSING)
        elif isinstance(node, ast.Call):
            yield from _of_call(node, aliases, froms)
            yield from _of_classes(node, aliases, froms, targets)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from (f"its tests use {SHARED_FIXTURES[a.arg]}" for a in node.args.args if a.arg in SHARED_FIXTURES)
        elif isinstance(node, ast.ClassDef):
            if any(ast.unparse(base).rpartition(".")[2] in targets for base in node.bases):
                yield "its tests derive classes from the program's"
            decorators = [d for part in (node, *node.body) for d in getattr(part, "decorator_list", ())]
            if any(ast.unparse(decorator).partition("(")[0] in targets for decorator in decorators):
                yield "its tests have the program decorate classes of their own, or methods"
        elif isinstance(node, ast.Assign) and any(map(_is_of_mock, node.targets)):
            yield "its tests hand objects to the program that mock others"
        elif _looks_into(node, targets):
            yield _LOOKS_INTO


def _names_types(nodes: tuple[ast.AST, ...]) -> bool:
    """Return whether a test asks for the name of the class of what is no exception that it caught."""
    caught = {node.name for node in nodes if isinstance(node, ast.ExceptHandler)}
    for node in nodes:
        kind = node.value if isinstance(node, ast.Attribute) and node.attr in ("__name__", "__qualname__") else None
        if isinstance(kind, ast.Call) and dotted(kind.func) == "type" and kind.args:
            asked = kind.args[0]
            if not (isinstance(asked, ast.Name) and asked.id in caught) and dotted(asked) not in OF_TESTS - {"e"}:
                return True
    return False


def _roots(node: ast.Import | ast.ImportFrom) -> list[str]:
    """Return the top-level modules that a statement imports."""
    if isinstance(node, ast.Import):
        return [alias.name.partition(".")[0] for alias in node.names]
    return [node.module.partition(".")[0]] if node.module and not node.level else []


def _is_of_mock(target: ast.expr) -> bool:
    """Return whether a test says what a method of a mock does; a mock that is only called can stand outside."""
    says = isinstance(target, ast.Attribute) and target.attr in ("return_value", "side_effect")
    return says and isinstance(target.value, ast.Attribute) and target.value.attr != "return_value"  # type: ignore[attr-defined]


def _looks_into(node: ast.AST, targets: tuple[str, ...]) -> bool:
    """Return whether a test asks an object what it is made of, or whether a type is a class of the program's."""
    if isinstance(node, ast.Attribute):
        return node.attr in LOOKED_INTO and dotted(node.value) not in OF_TESTS
    if not isinstance(node, ast.Compare):
        return False
    sides = (node.left, *node.comparators)
    types = any(isinstance(side, ast.Call) and dotted(side.func) == "type" for side in sides)
    return types and any(isinstance(side, ast.Name) and side.id in targets for side in sides)


def _of_classes(
    node: ast.Call, aliases: dict[str, str], froms: dict[str, str], targets: tuple[str, ...]
) -> Iterator[str]:
    name = _name_of(node, aliases, froms)
    first, second = (*node.args, None, None)[:2]
    asked = second.value if isinstance(second, ast.Constant) else None
    if name in _OF_CLASSES or (name in ("hasattr", "getattr") and asked in LOOKED_INTO):
        yield _LOOKS_INTO
    elif name in _OF_FUNCTIONS:
        if isinstance(first, ast.Name) and first.id in targets:
            yield _LOOKS_INTO
    elif name == "issubclass" and isinstance(first, ast.Name) and first.id in targets:
        if not (isinstance(second, ast.Name) and second.id in targets):
            yield _LOOKS_INTO
    elif name == "isinstance" and second is not None:
        kinds = second.elts if isinstance(second, ast.Tuple) else [second]
        if any(ast.unparse(kind).rpartition(".")[2] in OF_ENUMS for kind in kinds):
            yield _LOOKS_INTO


def _of_call(node: ast.Call, aliases: dict[str, str], froms: dict[str, str]) -> Iterator[str]:
    name = _name_of(node, aliases, froms)
    if name in RUNNING:
        yield _RUNS
    elif name in FILES or name.startswith(("shutil.", "tempfile.")):
        yield "its tests use files that they share with the program"
    elif name in THREADS:
        yield _IN_THREADS
    elif name in SEEDING:
        yield "its tests seed random numbers for the program"
    elif name.endswith(("patch", "patch.object", "patch.dict", "patch.multiple")) and "patch" in name.split("."):
        what = node.args[0].value if node.args and isinstance(node.args[0], ast.Constant) else None
        if what not in PATCHED_FROM_OUTSIDE:
            yield "its tests patch what the program uses"
    elif name.endswith(("assertLogs", "assertWarns", "pytest.warns", "catch_warnings")):
        yield "its tests look for warnings or logs of the program's process"


def _name_of(node: ast.Call, aliases: dict[str, str], froms: dict[str, str]) -> str:
    """Return the full name of what is called, as far as imports tell."""
    name = dotted(node.func) if isinstance(node.func, ast.Name | ast.Attribute) else ""
    first, dot, rest = name.partition(".")
    return f"{aliases.get(first, froms.get(first, first))}{dot}{rest}"
