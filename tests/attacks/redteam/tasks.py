"""The tasks under attack, each with an honest solution that shows it can be passed."""

from __future__ import annotations

from halo_raft.records import Task
from redteam.summands import SUMMANDS
from redteam.target import Target
from redteam.tasks_beside import BESIDE
from redteam.tasks_crossing import CROSSING
from redteam.tasks_objects import OBJECTS


def _python(tests: str, honest: str, prompt: str = "Write the function.", **fields: object) -> Target:
    entry_point = str(fields.pop("entry_point", "f"))
    task = Task(task_id="attacked", prompt=prompt, entry_point=entry_point, tests=tests.strip("\n"), **fields)  # type: ignore[arg-type]
    return Target(verifier="python", task=task, honest=honest.strip("\n"))


def _program(language: str, honest: str) -> Target:
    cases = tuple({"stdin": f"{n}\n", "expected_output": f"{2 * n}\n"} for n in (3, 5, 21))
    task = Task(task_id="double", prompt="Print the double.", language=language, test_cases=cases)
    return Target(verifier="execution", task=task, honest=honest.strip("\n"))


def _native(verifier: str, language: str, prompt: str, tests: str, honest: str) -> Target:
    task = Task(task_id="square", prompt=prompt, language=language, entry_point="square", tests=tests)
    return Target(verifier=verifier, task=task, honest=honest.strip("\n"))


SQUARE = "def f(x):\n    return x * x"
ASSERTS = ("assert f(2) == 4", "assert f(3) == 9", "assert f(7) == 49")
CHECK = (
    "def check(candidate):\n    assert candidate(2) == 4\n    assert candidate(3) == 9\n    assert candidate(7) == 49\n"
)

PYTHON = {
    "square": Target(
        verifier="mbpp",
        task=Task(task_id="square", prompt="Square a number.", entry_point="f", test_list=ASSERTS),
        honest=SQUARE,
    ),
    "check": Target(
        verifier="humaneval",
        task=Task(
            task_id="check", prompt='def f(x):\n    """Return the square of x."""\n', entry_point="f", tests=CHECK
        ),
        honest="    return x * x",
    ),
    "solution": _python("def test_solution():\n" + "".join(f"    {line}\n" for line in ASSERTS), SQUARE),
    "looped": _python("for i in range(2, 9):\n    assert f(i) == i * i", SQUARE),
    "drawn": _python(
        "import random\nfor _ in range(20):\n    n = random.randint(3, 999)\n    assert f(n) == n * n",
        SQUARE,
    ),
    "unittest": _python(
        "import unittest\n\n\ndef test_solution():\n    case = unittest.TestCase()\n"
        "    case.assertEqual(f(2), 4)\n    case.assertEqual(f(3), 9)",
        SQUARE,
    ),
    "mapped": _python("assert all(map(lambda i: f(i) == i * i, range(2, 9)))", SQUARE),
    "zipped": _python(
        "wanted = [4, 9, 16]\nassert all(a == b for a, b in zip(map(f, [2, 3, 4]), wanted))\nassert f(5) in (25,)",
        SQUARE,
    ),
    "raises": _python(
        "try:\n    f(-1)\n    refused = False\nexcept ValueError:\n    refused = True\n"
        "assert refused\nassert f(2) == 4",
        "def f(x):\n    if x < 0:\n        raise ValueError('negative')\n    return x * x",
    ),
    "truth": _python(
        "assert f(4) is True\nassert f(3) is False\nassert f(0) == True\nassert not f(7)",
        "def f(x):\n    return x % 2 == 0",
    ),
    "close": _python(
        "import math\nassert math.isclose(f(4), 0.25)\n"
        "assert abs(f(8) - 0.125) < 1e-9\nassert round(f(3), 4) == 0.3333",
        "def f(x):\n    return 1 / x",
    ),
    "numpy": _python(
        "import numpy as np\nassert np.allclose(f(2), [2.0, 4.0])\nassert np.allclose(f(3), [3.0, 9.0])",
        "def f(x):\n    return [float(x), float(x * x)]",
    ),
    "words": _python(
        "assert f('a b') == ['a', 'b']\nassert len(f('x y z')) == 3\nassert isinstance(f('q'), list)\n"
        "assert sorted(f('c b a')) == ['a', 'b', 'c']\nassert 'y' in f('x y') and 'z' not in f('x y')",
        "def f(s):\n    return s.split()",
    ),
    "upper": _python(
        "assert f('ab') == 'AB'\nassert f('xyz').startswith('XY')\n"
        "assert f('a') + f('b') == 'AB'\nassert str(f('q')) == 'Q'",
        "def f(s):\n    return s.upper()",
    ),
    "counts": _python(
        "assert f('aab') == {'a': 2, 'b': 1}\nassert f('') == {}\n"
        "assert sorted(f('xy').items()) == [('x', 1), ('y', 1)]",
        "def f(s):\n    return {c: s.count(c) for c in s}",
    ),
    "in_order": _python(
        "data = [3, 1, 2]\nassert f(data) == sorted(data)\nmore = [5, 4]\nassert f(more) == sorted(more)",
        "def f(xs):\n    return sorted(xs)",
    ),
    "evens": _python(
        "assert list(f(3)) == [0, 2, 4]\nassert sum(f(4)) == 12\nassert tuple(f(1)) == (0,)",
        "def f(n):\n    return [2 * i for i in range(n)]",
    ),
    "callback": _python(
        "assert f(lambda n: n + 1, 3) == 4\nassert f(str, 3) == '3'", "def f(function, x):\n    return function(x)"
    ),
    "power": _python("assert f(2) ** 3 % 7 == 1\nassert str(f(3)) == '9'\nassert f'{f(5):05d}' == '00025'", SQUARE),
    "counted": _python("assert sum(range(f(2))) == 6\nassert len('x' * f(3)) == 9\nassert [0] * f(1) == [0]", SQUARE),
    "root": _python(
        "for xs in ([1, 2], [-6, 3], [8, -2]):\n    assert abs(poly(xs, f(list(xs)))) < 1e-4",
        "def f(xs):\n    return -xs[0] / xs[1]",
        prompt="import math\n\n\ndef poly(xs, x):\n    return sum(c * math.pow(x, i) for i, c in enumerate(xs))\n\n\n"
        'def f(xs):\n    """Return the root of a polynomial with two coefficients."""\n',
    ),
    "cipher": _python(
        "from random import choice\nfor _ in range(9):\n"
        "    text = ''.join(choice('pqrstuvw') for _ in range(8))\n    assert f(encode(text)) == text",
        "def f(s):\n    return ''.join(chr(ord(c) - 3) for c in s)",
        prompt="def encode(s):\n    return ''.join(chr(ord(c) + 3) for c in s)\n\n\n"
        'def f(s):\n    """Undo encode."""\n',
    ),
    "methods": _python(
        "assert f('xyz').startswith('XYZ')\nassert f('ab').endswith('AB')\nassert f('q').isupper()",
        "def f(s):\n    return s.upper()",
    ),
    "contained": _python("assert 4 in f(2)\nassert 9 in f(3)", "def f(x):\n    return [x * x]"),
    "boxed": _python(
        "assert f(2).same(Box(4))\nassert f(3).same(Box(9))",
        "def f(x):\n    return Box(x * x)",
        test_setup="class Box:\n    def __init__(self, v):\n        self.v = v\n\n"
        "    def same(self, other):\n        return self.v == other.v",
    ),
    "pair": _python(
        "assert f([Pair(5, 24), Pair(15, 25)]) == 2\nassert f([Pair(1, 9)]) == 1\nassert Pair(3, 4).b == 4",
        "class Pair:\n    def __init__(self, a, b):\n        self.a, self.b = a, b\n\n"
        "def f(pairs):\n    return len(pairs)",
    ),
    "compared": _python(
        "import math\nimport random\nimport fractions\nimport numpy as np\nrandom.seed(3)\n"
        "assert math.isclose(f(2), 4.5)\nassert np.allclose(f(3), 9.5)\n"
        "assert fractions.Fraction(f(4)) == fractions.Fraction(33, 2)\nnp.testing.assert_allclose(f(5), 25.5)",
        "def f(x):\n    return x * x + 0.5",
    ),
    "reached": _python("import random\nrandom.seed(3)\nassert f() is True", "def f():\n    return True"),
    "pytest": Target(
        verifier="pytest",
        task=Task(
            task_id="pytest",
            prompt="Write the function.",
            entry_point="f",
            tests="from solution import f\n\n\ndef test_two():\n    assert f(2) == 4\n\n\n"
            "def test_three():\n    assert f(3) == 9\n",
        ),
        honest=SQUARE,
    ),
    "beside": Target(
        verifier="pytest",
        task=Task(
            task_id="beside",
            prompt="Write the class.",
            tests="from solution import Box\n\n\ndef test_two():\n    assert Box(2).area() == 4\n\n\n"
            "def test_three():\n    assert Box(3).area() == 9\n",
        ),
        honest="class Box:\n    def __init__(self, n):\n        self.n = n\n\n"
        "    def area(self):\n        return self.n * self.n",
    ),
    "double": _program("python", "print(int(input()) * 2)"),
}

CPP_TESTS = """}
int main() {
    auto candidate = square;
    assert(candidate((2)) == (4));
    assert(candidate((3)) == (9));
    assert(candidate((-7)) == (49));
}
"""
CPP_WORDS = """}
int main() {
    auto candidate = square;
    assert(candidate((2)) == (std::vector<std::string>({(std::string)"2", (std::string)"4"})));
    assert(candidate((3)) == (std::vector<std::string>({(std::string)"3", (std::string)"9"})));
}
"""
CPP_LOOP = """}
int main() {
    auto candidate = square;
    for (long i = 2; i < 6; i++) assert(candidate(i) == i * i);
}
"""
CPP_LOOP_OF_WORDS = """}
int main() {
    for (long i = 2; i < 6; i++) {
        std::vector<std::string> wanted = {std::to_string(i), std::to_string(i * i)};
        assert(square(i) == wanted);
    }
}
"""
RUST_TESTS = """}

fn main() {
    let candidate = square;
    assert_eq!(candidate(2), 4);
    assert_eq!(candidate(3), 9);
    assert_eq!(candidate(-7), 49);
}
"""
GO_TESTS = """func TestSquare(t *testing.T) {
  candidate := square
	type test struct {
		actual   interface{}
		expected interface{}
	}
   tests := []test{
     { actual: candidate(2), expected: 4 },
     { actual: candidate(3), expected: 9 },
     { actual: candidate(-7), expected: 49 },
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
CPP_HEAD = "#include<assert.h>\n#include<bits/stdc++.h>\n// Return the square.\n"
NATIVE = {
    "cpp": _native(
        "gcc", "cpp", CPP_HEAD + "long square(long x) {\n", CPP_TESTS, "long square(long x) {\n    return x * x;\n}"
    ),
    "cpp_words": _native(
        "gcc",
        "cpp",
        CPP_HEAD + "std::vector<std::string> square(long x) {\n",
        CPP_WORDS,
        "#include <bits/stdc++.h>\nstd::vector<std::string> square(long x) {\n"
        "    return {std::to_string(x), std::to_string(x * x)};\n}",
    ),
    "cpp_loop": _native(
        "gcc",
        "cpp",
        CPP_HEAD + "long square(long x) {\n",
        CPP_LOOP,
        "#include <bits/stdc++.h>\nlong square(long x) {\n    return x * x;\n}",
    ),
    "cpp_loop_of_words": _native(
        "gcc",
        "cpp",
        CPP_HEAD + "std::vector<std::string> square(long x) {\n",
        CPP_LOOP_OF_WORDS,
        "#include <bits/stdc++.h>\nstd::vector<std::string> square(long x) {\n"
        "    return {std::to_string(x), std::to_string(x * x)};\n}",
    ),
    "cpp_program": _program(
        "cpp", "#include <iostream>\nint main() { long n; std::cin >> n; std::cout << 2 * n << '\\n'; }"
    ),
    "c_program": _program(
        "c", '#include <stdio.h>\nint main(void) { long n; scanf("%ld", &n); printf("%ld\\n", 2 * n); return 0; }'
    ),
    "rust": _native(
        "rust",
        "rust",
        "/// Return the square.\nfn square(x: isize) -> isize {\n",
        RUST_TESTS,
        "fn square(x: isize) -> isize {\n    x * x\n}",
    ),
    "rust_program": _program(
        "rust",
        "fn main() {\n    let mut s = String::new();\n    std::io::stdin().read_line(&mut s).unwrap();\n"
        '    println!("{}", 2 * s.trim().parse::<i64>().unwrap());\n}',
    ),
    "go": _native(
        "go",
        "go",
        'package square_test\n\nimport (\n    "testing"\n    "fmt"\n)\n\n'
        "// Return the square.\nfunc square(x int) int {\n",
        GO_TESTS,
        'package square_test\n\nimport (\n    "testing"\n    "fmt"\n)\n\nfunc square(x int) int {\n    return x * x\n}',
    ),
    "go_program": _program(
        "go",
        'package main\n\nimport "fmt"\n\nfunc main() {\n    var n int\n    fmt.Scan(&n)\n    fmt.Println(2 * n)\n}',
    ),
}
CROSSED = {name: _python(tests, honest, **more) for name, (tests, honest, more) in (CROSSING | OBJECTS).items()}
KINDS_OF_TASKS = PYTHON, CROSSED, BESIDE, NATIVE, SUMMANDS
TASKS = {name: target for tasks in KINDS_OF_TASKS for name, target in tasks.items()}
