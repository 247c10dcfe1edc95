"""Whatever reads a candidate's text takes time in proportion to it: four times the text, about four times the time.

A square would take sixteen times as long, a cube sixty-four. Only the ratio is looked at, of times that the
processor counted for this thread, the best of several.
"""

import functools
import gc
import time
from collections.abc import Callable

import pytest

from halo_raft.programs import normalised_program, shingles
from halo_raft.records import Task
from halo_raft.verifiers.native.checks import Suite
from halo_raft.verifiers.native.driver_cc import CDriver, CppDriver
from halo_raft.verifiers.native.driver_go import GoDriver
from halo_raft.verifiers.native.driver_rust import RustDriver
from halo_raft.verifiers.native.program import assemble, has_main, signature
from halo_raft.verifiers.native.screen import reads_files
from halo_raft.verifiers.native.source_text import masked, uncommented

GROWTH = 4
MOST = 9.0
"""Between a line's ratio of 4 and a square's of 16."""
TRIES = 3
ENOUGH_S = 1e-3
"""A measurement below it says nothing, so the text grows until it takes as long."""
SMALLEST, LARGEST = 2_000, 60_000

UNITS = (
    "\n", " ", "\t", "#", "# ", "#include ", "#include <", '#include "', "/*", "*/", "//", '"', '\\"', "'", "\\",
    "\\\n", "`", "(", ")", "{", "}", "[", "<", "_", "a", "a ", "1", ";", ".", "é", '"C"', 'R"(', 'r#"', "import ",
    'import "', "use ", "use a::b ", "fn ", "fn a<", "fn a ", "func ", "func a[", "func main()", "\nfunc main(",
    "package ", "\npackage main", "main", "main ", "f(", "f (", "f(a", "int f(", "int f() {", "int ", "template<",
    "struct a ", "#[", "#! [", "#  ", "asm(", ".incbin", "__has_include(", "_Pragma", "a.b", "'a ", "/* */",
    "//\n", '" "', "%:", "static inline ", "return ",
)  # fmt: skip
SUITE = Suite(alias="candidate", function="f", checks=())
GO_TESTS = "fmt.Println(testing.Short())"
PROMPTS = {
    "c": "struct p { int a; };\nint f(int x) {\n",
    "cpp": "#include <vector>\nstruct p { int a; };\nint f(int x) {\n",
    "rust": "use std::collections::HashMap;\nstruct P;\nfn f(x: i32) -> i32 {\n",
    "go": 'package main\nimport (\n"fmt"\n"testing"\n)\nfunc f(x int) int {\n',
}
DRIVERS = {"c": CDriver(), "cpp": CppDriver(), "rust": RustDriver(), "go": GoDriver()}


def _read_native(text: str, language: str) -> None:
    """Do all that is done to a candidate's source before a compiler gets it; nothing is remembered between calls."""
    masked.cache_clear()
    uncommented.cache_clear()
    signature.cache_clear()
    reads_files(text, language)
    has_main(text, language)
    program = assemble(PROMPTS[language], text, language, "f")
    signature(text, language)
    DRIVERS[language].candidate(program, SUITE, None, GO_TESTS)


def _compare(text: str, language: str) -> None:
    """Do all that is done to compare a candidate's program with others."""
    shingles(
        normalised_program(
            f"```{language}\n{text}\n```", Task(task_id="t", prompt="p", language=language, entry_point="f")
        )
    )


def _seconds(action: Callable[[], None]) -> float:
    """Return the CPU seconds of an action, without those of a garbage collector that reads what other tests left."""
    best = float("inf")
    gc.disable()
    try:
        for _ in range(TRIES):
            started = time.thread_time()
            action()
            best = min(best, time.thread_time() - started)
    finally:
        gc.enable()
    return best


def _ratio(action: Callable[[str], None], unit: str) -> float:
    size = SMALLEST
    while True:
        text = unit * (size // len(unit))
        before = _seconds(functools.partial(action, text))
        if before > ENOUGH_S or size >= LARGEST:
            break
        size *= 2
    return _seconds(lambda: action(text * GROWTH)) / max(before, ENOUGH_S)


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("language", DRIVERS)
def test_native_sources_are_read_in_linear_time(language: str, unit: str) -> None:
    assert _ratio(lambda text: _read_native(f"{PROMPTS[language]}{text}", language), unit) < MOST


@pytest.mark.parametrize("unit", UNITS)
def test_programs_are_compared_in_linear_time(unit: str) -> None:
    assert _ratio(lambda text: _compare(text, "cpp"), unit) < MOST


PYTHON = {
    "one statement of many names": lambda n: " = ".join(f"a{i}" for i in range(n)) + " = f",
    "many statements": lambda n: "\n".join(f"a{i} = f" for i in range(n)),
    "a chain of dots": lambda n: "\n".join("a" + ".b" * 400 for _ in range(n // 400)),
    "a chain of brackets": lambda n: "\n".join("a" + "[0]" * 60 + " = 1" for _ in range(n // 60)),
    "helpers that call each other": lambda n: "\n".join(f"def g{i}(): return g{i + 1}()" for i in range(n)),
    "one name bound again and again": lambda n: "\n".join("a.append(f)" for _ in range(n)),
}


@pytest.mark.parametrize("kind", PYTHON)
def test_python_programs_are_compared_in_linear_time(kind: str) -> None:
    def compare(size: int) -> None:
        text = f"{PYTHON[kind](size)}\ndef f(): return a0, a, g0\n"
        task = Task(task_id="t", prompt="p", language="python", entry_point="f")
        normalised_program(f"```python\n{text}\n```", task)

    size = 1000
    while (before := _seconds(functools.partial(compare, size))) < 5 * ENOUGH_S and size < 8000:
        size *= 2
    assert _seconds(lambda: compare(size * GROWTH)) / before < MOST
