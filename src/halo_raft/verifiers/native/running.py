"""Runs a finished program on a case: its input, its stack, and where contests put both.

Programs find `ONLINE_JUDGE` defined, a stack as large as their memory allows, and the task's own files where it
names some.
"""

from __future__ import annotations

import dataclasses
import os
import sys
from collections.abc import Mapping

from halo_raft import sandbox
from halo_raft.records import Task
from halo_raft.sandbox import Limits, Outcome
from halo_raft.verifiers.native.cases import Case

ENVIRONMENT = {"ONLINE_JUDGE": "1"}
WITH_STACK = 'ulimit -S -s "$1" 2>/dev/null || ulimit -S -s hard 2>/dev/null; shift; exec "$@"'
"""Sets the size of the stack, KiB or `unlimited` (up to the memory limit), and becomes the program."""
SOURCE = "solution.py"
BOOT = """
def boot():
    import builtins, os, sys
    from _sitebuiltins import Quitter
    builtins.exit, builtins.quit = Quitter("exit", "Ctrl-D"), Quitter("quit", "Ctrl-D")
    sys.path.append(os.environ.pop("PYTHONPATH", ""))
    sys.set_int_max_str_digits(0)
    sys.argv = ["solution.py"]
    with open("solution.py", "rb") as file:
        source = file.read()
    try:
        code = compile(source, "solution.py", "exec", dont_inherit=True)
    except Exception as error:
        import traceback
        traceback.print_exception(type(error), error, None)
        sys.exit(1)
    if b"stack_size" in source:
        import resource, threading
        set_size, most = threading.stack_size, resource.getrlimit(resource.RLIMIT_AS)[0] // 4
        threading.stack_size = lambda size=0: set_size(min(size, most) if most > 0 else size)
    names = sys.modules["__main__"].__dict__
    del names["boot"]
    names["__file__"] = "solution.py"
    exec(code, names)
boot()
"""
"""Starts a Python program as `python solution.py` does, without what `site` would look for: no home, no `.pth`.

Threads ask for stacks of half a gigabyte by habit; they get a quarter of the memory at most.
"""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A program that is ready to run.

    Attributes:
        argv: What to run, in the work folder.
        files: What has to lie there.
        packages: Python packages that it may import.
        stack_mb: Size of its stack, MiB; None is as much as its memory.
    """

    argv: tuple[str, ...]
    files: Mapping[str, str | bytes]
    packages: tuple[str, ...] = ()
    stack_mb: int | None = None


def python_program(source: str, packages: tuple[str, ...], stack_mb: int | None) -> Program:
    """Return a Python program."""
    interpreter = os.path.realpath(sys.executable)
    return Program(
        argv=(interpreter, "-I", "-S", "-B", "-c", BOOT),
        files={SOURCE: source},
        packages=packages,
        stack_mb=stack_mb,
    )


def run_on(program: Program, case: Case, task: Task, limits: Limits) -> Outcome:
    """Run a program on a case.

    Raises:
        SandboxError: The sandbox failed.
    """
    files = dict(program.files)
    if task.input_file:
        files[task.input_file] = case.stdin
    stack = "unlimited" if program.stack_mb is None else str(program.stack_mb << 10)
    return sandbox.run(
        ["/bin/sh", "-c", WITH_STACK, "sh", stack, *program.argv],
        limits=limits,
        stdin=b"" if task.input_file else case.stdin,
        files=files,
        env=ENVIRONMENT,
        collect=(task.output_file,) if task.output_file else (),
        packages=program.packages,
    )
