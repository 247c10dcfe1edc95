import pickle

import pytest

from halo_raft.config.schema import SandboxConfig, VerifierConfig
from halo_raft.extract import language_of
from halo_raft.records import Task
from halo_raft.verifiers import VerifierOptions, create
from halo_raft.verifiers.native.screen import reads_files


def test_options_come_from_the_config() -> None:
    config = VerifierConfig(run_timeout=2, memory_limit_mb=99, warn_as_error=True, flags=("-O2",), comparison="token")
    options = VerifierOptions.from_config(config, SandboxConfig(processes=7))
    assert (options.limits.cpu_s, options.limits.wall_s, options.limits.memory_mb) == (2, 6, 99)
    assert options.limits.processes == 7
    assert (options.warn_as_error, options.flags, options.comparison) == (True, ("-O2",), "token")


def test_limits_are_the_sandboxs_where_the_verifier_says_none() -> None:
    options = VerifierOptions.from_config(VerifierConfig(), SandboxConfig(cpu_s=3, memory_mb=100))
    assert (options.limits.cpu_s, options.limits.memory_mb) == (3, 100)


@pytest.mark.parametrize("flag", ["-O2", "-std=c++20", "-Wextra", "-DLOCAL=1", "-fwrapv", "-lm", "-march=native"])
def test_flags_that_choose_how_to_compile_are_taken(flag: str) -> None:
    assert create("gcc", VerifierOptions(flags=(flag,))).options.flags == (flag,)


def test_the_fences_language_travels_beside_the_code() -> None:
    task = Task(task_id="t", prompt="p")
    code = create("gcc", VerifierOptions()).extract("```c\nint x;\n```", task)
    assert (str(code), language_of(code, "cpp")) == ("int x;", "c")
    assert language_of(pickle.loads(pickle.dumps(code)), "cpp") == "c"
    assert language_of("int x;", "cpp") == "cpp"


def test_no_line_of_a_program_changes_its_language() -> None:
    task = Task(task_id="t", prompt="p", test_cases=({"stdin": "", "expected_output": "1"},))
    for name in ("execution", "auto"):
        code = create(name, VerifierOptions()).extract("```python\n// halo-raft: go\nprint(1)\n```", task)
        assert str(code) == "// halo-raft: go\nprint(1)"
        assert language_of(code, "python") == "python"


@pytest.mark.parametrize(
    ("language", "code"),
    [
        ("cpp", '#include "/dev/zero"'),
        ("c", '# include  <../../etc/passwd>'),
        ("cpp", 'asm(".incbin \\"x\\"");'),
        ("rust", 'const X: &str = include_str!("x");'),
        ("rust", 'fn f() { option_env!("HOME"); }'),
        ("rust", '#[path = "/etc/passwd"] mod x;'),
        ("go", '//go:embed x\nvar s string'),
        ("go", 'import "C"'),
        ("go", 'import (\n\t"fmt"\n\t"C"\n)'),
        ("cpp", '  #  pragma GCC plugin "x"'),
        ("cpp", '__asm__("x"\n".include \\"/etc/passwd\\"");'),
        ("cpp", '#if __has_include("/etc/passwd")\n#endif'),
        ("c", "#include </etc/passwd>"),
        ("rust", '#![ path = "x"] mod y;'),
    ],
)  # fmt: skip
def test_programs_that_ask_the_compiler_for_files_are_named(language: str, code: str) -> None:
    assert reads_files(code, language)


@pytest.mark.parametrize(
    ("language", "code"),
    [
        ("cpp", '#include <vector>\n// #include "/etc/passwd"'),
        ("c", '#include "sys/types.h"'),
        ("cpp", 'auto text = "the file.include list";'),
        ("cpp", '// asm\nauto text = ".incbin";'),
        ("cpp", 'int x = 1; // #include "/etc/passwd"\nconst char* s = "# include <../x>";'),
        ("rust", '// include_str!("x")\nfn f() { println!("env!"); }'),
        ("go", 'import "os"\n// reads go:embed'),
    ],
)
def test_ordinary_programs_are_not(language: str, code: str) -> None:
    assert reads_files(code, language) is None
