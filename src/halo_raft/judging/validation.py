"""Can a task's tests tell right from wrong? Looked at before anything is generated for it.

The reference has to pass, where there is one; a stub, an object that equals everything and `exit(0)`
must not. What cannot be built for a task (programs of a signature that is not known) is not tried.
"""

from __future__ import annotations

import ast
import builtins
import logging
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace

from halo_raft.errors import DataError
from halo_raft.judging.answer import Answer, as_completion
from halo_raft.judging.known import Known, ledger_folder
from halo_raft.judging.policy import JudgingPolicy
from halo_raft.judging.verdicts import judge_all
from halo_raft.records import Task, Verdict, VerdictKind
from halo_raft.tasks import TaskSet
from halo_raft.verifiers.base import Mode
from halo_raft.verifiers.python_suites.packages import without_package

log = logging.getLogger(__name__)

REFERENCE = "reference"

PYTHON_CHEATS = {
    "a stub that returns None": "def {name}(*args, **kwargs):\n    return None\n",
    "an object that equals everything": (
        "class Anything:\n"
        "    def __init__(self, *args, **kwargs): pass\n"
        "    def __hash__(self): return 0\n"
        "    def __call__(self, *args, **kwargs): return self\n"
        "    def __ne__(self, other): return False\n"
        "    def __eq__(self, other): return True\n"
        "    __lt__ = __le__ = __gt__ = __ge__ = __contains__ = __eq__\n"
        "    __getattr__ = __getitem__ = __abs__ = __round__ = __sub__ = __rsub__ = __call__\n\n"
        "def {name}(*args, **kwargs):\n    return Anything()\n"
    ),
    "exit(0)": "import os\n\ndef {name}(*args, **kwargs):\n    os._exit(0)\n",
}
"""What must not pass: name -> definition of one function that the tests call."""

BODIES = {
    "c": {"a stub": "    return 0;\n}\n", "exit(0)": "    exit(0);\n}\n"},
    "cpp": {"a stub": "    return {};\n}\n", "exit(0)": "    std::exit(0);\n}\n"},
    "rust": {"a stub": "    Default::default()\n}\n", "exit(0)": "    std::process::exit(0)\n}\n"},
    "go": {"a stub": '    panic("stub")\n}\n'},
}
"""Ends of a function that the prompt opens, by language."""

EMPTY_PROGRAMS = {
    "python": "pass\n",
    "c": "int main(void) { return 0; }\n",
    "cpp": "int main() { return 0; }\n",
    "rust": "fn main() {}\n",
    "go": "package main\n\nfunc main() {}\n",
}
"""Programs that read nothing and print nothing."""


@dataclass(frozen=True, slots=True)
class Check:
    """A program that is tried on a task: the reference, or something that must not pass."""

    task_id: str
    role: str
    completion: str

    @property
    def sample_id(self) -> str:
        """Name among the answers that are judged."""
        return f"{self.task_id}: {self.role}"


def beyond_us(policy: JudgingPolicy, tasks: Mapping[str, Task]) -> dict[str, str]:
    """Return task_id -> reason for the tasks whose answers we cannot judge, sound as they may be."""
    verifier = policy.create()
    return {task_id: f"it {reason}" for task_id, task in tasks.items() if (reason := verifier.refusal(task))}


def modes(policy: JudgingPolicy, tasks: Iterable[Task]) -> dict[str, Mode]:
    """Return task_id -> where its tests stand, and why; tries references in this process where forms do not say it."""
    verifier = policy.create()
    return {task.task_id: mode for task in tasks if (mode := verifier.mode_of(task))}


@contextmanager
def _unseen(total: int) -> Iterator[Callable[[int], None]]:
    yield lambda number: None


def broken_tasks(
    policy: JudgingPolicy,
    tasks: Mapping[str, Task],
    *,
    workers: Callable[[int], int],
    niceness: int = 0,
    show: Callable[[int], AbstractContextManager[Callable[[int], None]]] = _unseen,
) -> dict[str, str]:
    """Return task_id -> reason for the tasks whose tests cannot tell right from wrong.

    Nothing is found where the verifier is the user's own: what it accepts, nobody knows. A task that we fail to
    judge, for a reason that is not its own, is not broken.

    Args:
        policy: By which the tasks' answers will be judged.
        tasks: Task id -> task; those without tests, and those `beyond_us`, are not looked at.
        workers: As in `judge_all`. What is in the ledger costs nothing.
        niceness: As in `judge_all`.
        show: Shows how far it is, given how many programs are tried; yields what counts them.
    """
    if ":" in policy.verifier:
        return {}
    judged = tasks.keys() - beyond_us(policy, tasks)
    checks = [check for i, task in tasks.items() if i in judged and task.has_tests for check in checks_of(task)]
    if not checks:
        return {}
    answers = [Answer(check.sample_id, check.task_id, check.completion) for check in checks]
    known = Known(policy, tasks, ledger_folder())
    verdicts: dict[str, Verdict] = {}
    with show(len(answers)) as advance:
        for new in judge_all(policy, tasks, answers, known=known, workers=workers, niceness=niceness):
            verdicts |= {v.sample_id: v for v in new}
            advance(len(new))
    broken: dict[str, str] = {}
    for check in checks:
        if reason := objection(check, verdicts[check.sample_id]):
            broken.setdefault(check.task_id, reason)
    return broken


def without(task_set: TaskSet, broken: Mapping[str, str]) -> TaskSet:
    """Return the set without its broken tasks; its name and hash stay those of what was read.

    Raises:
        DataError: None is left.
    """
    left = tuple(task for task in task_set.tasks if task.task_id not in broken)
    if not left:
        first = next(task.task_id for task in task_set.tasks)
        raise DataError(f"{task_set.name}: every task is broken (the first, {first}: {broken[first]})")
    return replace(task_set, tasks=left)


def checks_of(task: Task) -> Iterator[Check]:
    """Yield what is tried on a task, the reference first."""
    if task.solution is not None:
        yield Check(task.task_id, REFERENCE, as_completion(task.solution))
    for role, program in _cheats(task):
        yield Check(task.task_id, role, as_completion(program))


def _cheats(task: Task) -> Iterator[tuple[str, str]]:
    if not task.tests and not task.test_list:
        if program := EMPTY_PROGRAMS.get(task.language):
            yield "a program that prints nothing", program
    elif task.language == "python":
        for role, definition in PYTHON_CHEATS.items():
            if names := functions_under_test(task):
                yield role, "\n".join(definition.replace("{name}", name) for name in names)
    elif task.prompt.rstrip().endswith("{"):
        for role, body in BODIES.get(task.language, {}).items():
            yield role, f"{task.prompt.rstrip()}\n{body}"


def functions_under_test(task: Task) -> list[str]:
    """Return what the candidate has to define: the entry point, and what the tests call but nobody defines."""
    names = {task.entry_point: None} if task.entry_point else {}
    source = "\n".join(task.test_list) if task.test_list else task.tests or ""
    try:
        tree = ast.parse(source)
        own = set(dir(builtins)) | _defined(tree) | _defined(ast.parse(task.test_setup or ""))
    except (SyntaxError, ValueError):
        return list(names)
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id not in own:
            names[node.func.id] = None
        elif isinstance(node, ast.ImportFrom) and node.module == "solution":
            names |= dict.fromkeys(alias.name for alias in node.names if alias.name != "*")
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "solution":
            names[node.attr] = None
    return list(names)


def _defined(tree: ast.Module) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.arg):
            names.add(node.arg)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        elif isinstance(node, ast.alias):
            names.add((node.asname or node.name).partition(".")[0])
    return names


def objection(check: Check, verdict: Verdict) -> str | None:
    """Say what a check's verdict tells against its task, None if nothing."""
    if verdict.kind is VerdictKind.INFRA:
        if verdict.details.startswith(DataError.__name__):  # what a verifier raises about the task itself
            return f"it cannot be judged ({verdict.details})"
        log.warning("task %s: %s could not be judged: %s", check.task_id, check.role, verdict.details)
        return None
    if check.role != REFERENCE:
        return f"{check.role} passes its tests" if verdict.success else None
    if verdict.success:
        return None
    if package := re.search(r"ModuleNotFoundError: No module named '(\w+)", verdict.details):
        return f"it cannot be judged here: its reference {without_package(package[1])}"
    if missing := re.search(r"NameError: name '(\w+)' is not defined", verdict.details):
        return f"broken upstream: its tests need `{missing[1]}`, which neither they nor its reference define"
    return f"broken upstream: its reference does not pass ({verdict.kind}: {verdict.details})"
