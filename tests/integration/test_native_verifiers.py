"""The compilers at work: honest, wrong, broken and hostile programs of every language."""

# ruff: noqa: E501

import shutil

import pytest

from halo_raft.errors import ConfigError
from halo_raft.records import Task, Verdict
from halo_raft.sandbox import Limits
from halo_raft.verifiers import VerifierOptions, create

LIMITS = Limits(cpu_s=1, wall_s=5)
COMPILERS = {"gcc": "g++", "clang": "clang++", "mingw": "x86_64-w64-mingw32-g++", "rust": "rustc", "go": "go"}
GO_TESTS = """func TestAdd(t *testing.T) {
  candidate := add
	type test struct {
		actual   interface{}
		expected interface{}
	}
   tests := []test{
     { actual: candidate(1, 2), expected: 3 },
     { actual: candidate(5, -7), expected: -2 },
   }

	for i, tc := range tests {
		t.Run(fmt.Sprintf("test num % d", i), func(t *testing.T) {
			if fmt.Sprintf("%v", tc.actual) != fmt.Sprintf("%v", tc.expected) {
				t.Errorf("expected '%s', got '%s'", tc.expected, tc.actual)
			}
		})
	}
}
"""
ADD = {
    "cpp": Task(
        task_id="add",
        prompt="#include<assert.h>\n#include<bits/stdc++.h>\nlong add(long a, long b) {\n",
        language="cpp",
        tests="}\nint main() {\n    auto candidate = add;\n    assert(candidate((1), (2)) == (3));\n"
        "    assert(candidate((5), (-7)) == (-2));\n}\n",
    ),
    "c": Task(
        task_id="add",
        prompt="Write add.",
        language="c",
        entry_point="add",
        tests="int main(void) { assert(add(1, 2) == 3); assert(add(5, -7) == -2); return 0; }",
    ),
    "rust": Task(
        task_id="add",
        prompt="/// Adds.\nfn add(a: isize, b: isize) -> isize {\n",
        language="rust",
        tests="}\n\nfn main() {\n    let candidate = add;\n    assert_eq!(candidate(1, 2), 3);\n"
        "    assert_eq!(candidate(5, -7), -2);\n}\n",
    ),
    "go": Task(
        task_id="add",
        prompt='package add_test\n\nimport (\n    "testing"\n    "fmt"\n)\n\nfunc add(a int, b int) int {\n',
        language="go",
        tests=GO_TESTS,
    ),
}
LOOPS = Task(
    task_id="loops",
    prompt=ADD["cpp"].prompt,
    language="cpp",
    tests="}\nint main() {\n for (long i = 0; i < 3; i++) assert(add(i, 1) == i + 1);\n"
    " long x = add(2, 2);\n assert(x == 4);\n}\n",
)


def judge(name: str, code: str, task: Task, **options: object) -> Verdict:
    for program in [COMPILERS[name]] if name in COMPILERS else COMPILERS.values():
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed: make toolchains")
    settings = VerifierOptions(limits=LIMITS, **options)  # type: ignore[arg-type]
    return create(name, settings).judge("s", f"```{task.language}\n{code}\n```", task)


FUNCTIONS = [
    ("cpp", "long add(long a, long b) { return a + b; }", "passed"),
    ("cpp", "    return a + b;", "passed"),
    ("cpp", '#include <stdio.h>\nlong add(long a, long b) { puts("0 9"); return a + b; }\nint main() { return 7; }', "passed"),
    ("cpp", "int add(int a, int b) { return a + b; }", "passed"),
    ("cpp", "long add(long a, long b) { return a - b; }", "wrong"),
    ("cpp", "long add(long a, long b) { return a + ; }", "compile"),
    ("cpp", "long add(long a, long b) { for (;;); }", "timeout"),
    ("cpp", "long add(long a, long b) { std::vector<long> v; for (;;) v.resize(2 * v.size() + 9999); }", "memory"),
    ("cpp", 'long add(long a, long b) { for (;;) puts("xxxxxxxxxxxxxxxxxxxxxxxxxxxx"); }', "output_limit"),
    ("cpp", "long add(long a, long b) { long* p = 0; return *p; }", "runtime"),
    ("cpp", "long add(long a, long b) { exit(0); }", "runtime"),
    ("cpp", "__attribute__((constructor)) void f() { _Exit(0); }\nlong add(long a, long b) { return 0; }", "runtime"),
    ("cpp", "struct L { bool operator==(long) const { return true; } };\nL add(long a, long b) { return {}; }", "compile"),
    ("cpp", '#include <unistd.h>\nlong add(long a, long b) { write(3, "0 3\\n", 4); return 3; }', "violation"),
    ("cpp", '#include "/etc/passwd"\nlong add(long a, long b) { return a + b; }', "violation"),
    ("cpp", 'asm(".incbin \\"/etc/passwd\\"");\nlong add(long a, long b) { return a + b; }', "violation"),
    ("cpp", "long add(long a, long b) { return a + b; }\nchar big[16ull << 30] = {1};", "memory"),
    ("cpp", "#include __FILE__\nlong add(long a, long b) { return a + b; }", "compile"),
    ("cpp", "#define assert(x)\n#define NDEBUG\nlong add(long a, long b) { return 0; }", "wrong"),
    ("c", "int add(int a, int b) { return a + b; }", "passed"),
    ("c", "int add(int class, int b) { return class + b; }", "passed"),
    ("c", "int add(int a, int b) { return a - b; }", "wrong"),
    ("rust", "fn add(a: isize, b: isize) -> isize { a + b }", "passed"),
    ("rust", "a + b", "passed"),
    ("rust", "fn add(a: i32, b: i32) -> i32 { a + b }\nfn main() { println!(\"{}\", add(1, 2)); }", "passed"),
    ("rust", "fn add(a: isize, b: isize) -> isize { a - b }", "wrong"),
    ("rust", "fn add(a: isize, b: isize) -> isize { a + }", "compile"),
    ("rust", "fn add(a: isize, b: isize) -> isize { loop {} }", "timeout"),
    ("rust", "fn add(a: isize, b: isize) -> isize { panic!() }", "runtime"),
    ("rust", "fn add(a: isize, b: isize) -> isize { std::process::exit(0) }", "runtime"),
    ("rust", "fn add(a: isize, b: isize) -> isize { vec![1u8; 1 << 36].len() as isize }", "memory"),
    ("rust", "macro_rules! assert_eq { ($($t:tt)*) => {} }\nfn add(a: isize, b: isize) -> isize { 0 }", "wrong"),
    ("rust", 'fn add(a: isize, b: isize) -> isize { include_str!("/etc/passwd").len() as isize }', "violation"),
    ("rust", "struct L; impl PartialEq<isize> for L { fn eq(&self, _: &isize) -> bool { true } }\n"
             "fn add(a: isize, b: isize) -> L { L }", "compile"),
    ("go", "func add(a int, b int) int { return a + b }", "passed"),
    ("go", "    return a + b", "passed"),
    ("go", 'package main\nimport "fmt"\nfunc add(a, b int) int { return a + b }\nfunc main() { fmt.Println(add(1, 2)) }', "passed"),
    ("go", "func add(a int, b int) int { return a - b }", "wrong"),
    ("go", "func add(a int, b int) int { return a + }", "compile"),
    ("go", "func add(a int, b int) int { for {} }", "timeout"),
    ("go", 'func add(a int, b int) int { panic("no") }', "runtime"),
    ("go", 'import "os"\nfunc init() { os.Exit(0) }\nfunc add(a int, b int) int { return 0 }', "runtime"),
    ("go", 'import "os"\nfunc add(a int, b int) int { go os.Exit(0); select {} }', "runtime"),
    ("go", 'import "testing"\nfunc TestMain(m *testing.M) {}\nfunc add(a int, b int) int { return 0 }', "wrong"),
    ("go", 'package main\nimport "C"\nfunc add(a int, b int) int { return a + b }', "violation"),
    ("go", "func add(a int, b int) int { return len(make([]byte, 1<<40)) }", "memory"),
]  # fmt: skip


@pytest.mark.parametrize(("language", "code", "kind"), FUNCTIONS)
def test_functions_are_judged_by_checks_outside_of_their_process(language: str, code: str, kind: str) -> None:
    verdict = judge({"cpp": "gcc", "c": "gcc"}.get(language, language), code, ADD[language])
    assert verdict.kind == kind, verdict.details
    assert verdict.success is (kind == "passed")
    assert verdict.integrity == "outside"
    assert verdict.reward == 1.0 if verdict.success else (verdict.reward or 0) < 0.5


@pytest.mark.parametrize(("language", "code", "kind"), [row for row in FUNCTIONS if row[0] in ("c", "cpp")][:6])
def test_clang_judges_as_gcc_does(language: str, code: str, kind: str) -> None:
    assert judge("clang", code, ADD[language]).kind == kind


def test_half_of_the_checks_is_partial_credit_below_passing() -> None:
    verdict = judge("gcc", "long add(long a, long b) { return 3; }", ADD["cpp"])
    assert (verdict.kind, verdict.tests_passed, verdict.tests_total, verdict.reward) == ("wrong", 1, 2, 0.2)


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("long add(long a, long b) { return a + b; }", "passed"),
        ("long add(long a, long b) { return a - b; }", "wrong"),
        ("long add(long a, long b) { exit(0); }", "runtime"),
        ("int add(long a, long b) { return a + b; }", "compile"),
        ('#include <unistd.h>\nlong add(long a, long b) { write(3, "ok\\n", 3); return a + b; }', "violation"),
        ("#include <unistd.h>\nextern \"C\" ssize_t write(int, const void*, size_t n) { return n; }\n"
         "long add(long a, long b) { return 0; }", "wrong"),
    ],
)  # fmt: skip
def test_tests_that_are_no_list_of_checks_share_the_process_and_say_so(code: str, kind: str) -> None:
    verdict = judge("gcc", code, LOOPS)
    assert (verdict.kind, verdict.integrity) == (kind, "in_process"), verdict.details


@pytest.mark.parametrize(
    ("name", "language", "code", "options", "kind", "reward"),
    [
        ("gcc", "cpp", "int main() { return 0 }", {}, "compile", 0.0),
        ("gcc", "cpp", "int main() { int unused; }", {}, "wrong", 0.3),
        ("gcc", "cpp", "int main() { int unused; }", {"warn_as_error": True}, "compile", 0.0),
        ("gcc", "cpp", "int main() { return 0; }", {}, "passed", 0.5),
        ("gcc", "cpp", "int add(int a, int b) { return a + b; }", {}, "passed", 0.5),
        ("gcc", "cpp", "int add(int a, int b) { return a + b; }", {"run_after_compile": True}, "wrong", 0.5),
        ("gcc", "cpp", "int main() { return 0; }", {"run_after_compile": True}, "passed", 0.7),
        ("gcc", "cpp", "int main() { return 3; }", {"run_after_compile": True}, "runtime", 0.5),
        ("gcc", "cpp", "int main() { for (;;); }", {"run_after_compile": True}, "timeout", 0.5),
        ("gcc", "cpp", "#include <cstdio>\nint main() { puts(\"hi\"); }", {"expected_output": "hi"}, "passed", 1.0),
        ("gcc", "cpp", "#include <cstdio>\nint main() { puts(\"ho\"); }", {"expected_output": "hi"}, "wrong", 0.7),
        ("gcc", "c", "int main(void) { int class = 0; return class; }", {}, "passed", 0.5),
        ("gcc", "cpp", "int main() { int class = 0; return class; }", {}, "compile", 0.0),
        ("gcc", "cpp", "int main() { return X; }", {"flags": ("-DX=0",), "run_after_compile": True}, "passed", 0.7),
        ("clang", "cpp", "#include <bits/stdc++.h>\nint main() { std::vector<int> v; return v.size(); }", {}, "passed", 0.5),
        ("clang", "cpp", "int main() { int unused; }", {}, "wrong", 0.3),
        ("mingw", "cpp", "#include <windows.h>\nint main() { return 0; }", {}, "passed", 0.5),
        ("mingw", "c", "#include <windows.h>\nint main(void) { return 0; }", {"run_after_compile": True}, "passed", 0.5),
        ("mingw", "cpp", "#include <sys/wait.h>\nint main() { return 0; }", {}, "compile", 0.0),
        ("rust", "rust", "fn main() { let unused = 1; }", {}, "wrong", 0.3),
        ("rust", "rust", "fn main() {}", {"run_after_compile": True}, "passed", 0.7),
        ("rust", "rust", "pub fn add(a: i32) -> i32 { a }", {}, "passed", 0.5),
        ("go", "go", "package main\nfunc main() {}", {"run_after_compile": True}, "passed", 0.7),
        ("go", "go", "package shapes\nfunc Area() int { return 1 }", {}, "passed", 0.5),
        ("go", "go", "package main\nimport \"os\"\nfunc main() {}", {}, "compile", 0.0),
    ],
)  # fmt: skip
def test_without_tests_the_reward_climbs_the_ladder(
    name: str, language: str, code: str, options: dict[str, object], kind: str, reward: float
) -> None:
    verdict = judge(name, code, Task(task_id="t", prompt="p", language=language), **options)
    assert (verdict.kind, verdict.reward) == (kind, reward), verdict.details


def test_mingw_says_that_it_runs_nothing() -> None:
    verdict = judge("mingw", "int main() {}", Task(task_id="t", prompt="p", language="cpp"), run_after_compile=True)
    assert "not run" in verdict.details


@pytest.mark.parametrize(
    "flag", ["-fplugin=x.so", "-B/tmp", "-wrapper", "@file", "-o", "-ox", "-x", "-include", "-I/", "-Wl,-T", "-specs=x"]
)
@pytest.mark.parametrize("name", ["gcc", "rust", "go"])
def test_flags_that_do_more_than_choose_how_are_refused(name: str, flag: str) -> None:
    with pytest.raises(ConfigError, match=r"verifier\.flags: .* is not allowed"):
        create(name, VerifierOptions(flags=(flag,)))


ECHO = {
    "python": "print(input() * 2)",
    "c": '#include <stdio.h>\nint main(void) { char s[9]; scanf("%8s", s); printf("%s%s\\n", s, s); }',
    "cpp": "#include <bits/stdc++.h>\nint main() { std::string s; std::cin >> s; std::cout << s << s; }",
    "rust": "fn main() { let mut s = String::new(); std::io::stdin().read_line(&mut s).unwrap();"
    ' println!("{0}{0}", s.trim()); }',
    "go": 'package main\nimport "fmt"\nfunc main() { var s string; fmt.Scan(&s); fmt.Println(s + s) }',
}
CASES = ({"stdin": "ab\n", "expected_output": "abab\n"}, {"stdin": "c\n", "expected_output": "cc"})


@pytest.mark.parametrize("language", ECHO)
@pytest.mark.parametrize("name", ["execution", "auto"])
def test_programs_are_judged_by_what_they_print(name: str, language: str) -> None:
    task = Task(task_id="t", prompt="Print it twice.", language=language, test_cases=CASES)
    assert judge(name, ECHO[language], task).kind == "passed"
    other = Task(
        task_id="t", prompt="p", language=language, test_cases=(CASES[0], {"stdin": "c", "expected_output": "c"})
    )
    verdict = judge(name, ECHO[language], other)
    assert (verdict.kind, verdict.tests_passed, verdict.reward) == ("wrong", 1, 0.2)


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("print(1", "compile"),
        ("1 / 0", "runtime"),
        ("print('abab')\nimport os\nos._exit(1)", "runtime"),
        ("while True: pass", "timeout"),
        ("x = bytearray(1 << 40)", "memory"),
        ("while True: print('x' * 999)", "output_limit"),
        ("import sys\nsys.exit(0)", "wrong"),
    ],
)
def test_python_programs_that_fail(code: str, kind: str) -> None:
    assert judge("execution", code, Task(task_id="t", prompt="p", test_cases=CASES)).kind == kind


@pytest.mark.parametrize("language", ["cpp", "rust", "go"])
def test_auto_goes_by_the_language_of_the_task(language: str) -> None:
    verdict = judge("auto", FUNCTIONS[[row[0] for row in FUNCTIONS].index(language)][1], ADD[language])
    assert (verdict.kind, verdict.verifier) == ("passed", "gcc" if language in ("c", "cpp") else language)


def test_auto_goes_by_the_fence_where_the_task_says_no_language() -> None:
    auto = create("auto", VerifierOptions(limits=LIMITS))
    task = Task(task_id="t", prompt="Write a program.")
    assert auto.judge("s", "```rust\nfn main() {}\n```", task).reward == 0.5
    assert auto.judge("s", "```c\nint main(void) { int class = 0; return class; }\n```", task).reward == 0.5
    assert auto.judge("s", "```cpp\nint main() { int class = 0; return class; }\n```", task).kind == "compile"
    tests = Task(task_id="t", prompt="p", tests="assert f() == 1", entry_point="f")
    assert auto.judge("s", "```python\ndef f(): return 1\n```", tests).kind == "passed"
