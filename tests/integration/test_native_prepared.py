"""What C++ programs find prepared, headers and instances of templates, changes nothing about them.

Each row says what plain g++ makes of a program.
"""

# ruff: noqa: E501

import shutil
from typing import Any

import pytest

from halo_raft import sandbox
from halo_raft.records import Task
from halo_raft.verifiers import VerifierOptions, create
from halo_raft.verifiers.native.instances import ANNOUNCED

pytestmark = pytest.mark.skipif(shutil.which("g++") is None, reason="g++ is not installed: make toolchains")

HEAD = "#include <bits/stdc++.h>\nusing namespace std;\n"
PRINTS = {
    "regex": 'int main() { cout << regex_match("ok", regex("o.")); }',
    "threads": "int main() { mutex m; int n = 0; thread t([&] { lock_guard<mutex> l(m); n = 1; }); t.join(); cout << n; }",
    "an included header": "#include <thread>\nint main() { cout << 1; }",
    "random": "int main() { mt19937 draw(5); cout << (draw() == 953453411u); }",
    "complex": "int main() { complex<double> z(0, 1); cout << -(z * z).real(); }",
    "a literal": "int main() { auto z = 1.0i; cout << imag(z); }",
    "a file system": 'namespace fs = std::filesystem;\nint main() { cout << (fs::path("a") / "b" == "a/b"); }',
    "memory resources": "int main() { pmr::vector<int> v(1, 1); cout << v[0]; }",
    "only announced": "int main() { valarray<int> v = {1}; cout << v.sum(); }",
    "characters": "int main() { char b[8]; *to_chars(b, b + 8, 1).ptr = 0; cout << b; }",
    "special functions": "int main() { cout << (riemann_zeta(2.0) > 1.6); }",
    "an imaginary number alone": "int main() { auto z = 1.0i; stringstream s; s << z; cout << s.str().size() - 4; }",
    "a header that builds on others": "#include <tr1/cmath>\nint main() { cout << tr1::pow(1.0, 2.0); }",
    "pasted names": "#define JOIN(a, b) a##b\nint main() { JOIN(comp, lex)<int> z(1); cout << z.JOIN(re, al)(); }",
    "own names": "struct regexp { int lock() { return 1; } };\nint thread_ = 0, start = 1;\nint main() { cout << regexp().lock() * start; }",
    "an own overload": "double beta(double a, double b) { return a; }\nint main() { cout << beta(1.0, 2.0); }",
    "an option": '#pragma GCC optimize("O3")\nint main() { vector<int> v = {1}; sort(v.begin(), v.end()); cout << v[0]; }',
    "a specialized template": "template <> void std::sort(vector<int>::iterator a, vector<int>::iterator) { *a = 1; }\n"
    "int main() { vector<int> v = {3, 2}; sort(v.begin(), v.end()); cout << v[0]; }",
    "a specialized template behind a comment": "template /* of ours */ <> void std::sort(vector<int>::iterator a, vector<int>::iterator) { *a = 1; }\n"
    "int main() { vector<int> v = {3, 2}; sort(v.begin(), v.end()); cout << v[0]; }",
    "a specialized template behind a macro": "#define NOTHING\ntemplate <NOTHING> void std::sort(vector<int>::iterator a, vector<int>::iterator) { *a = 1; }\n"
    "int main() { vector<int> v = {3, 2}; sort(v.begin(), v.end()); cout << v[0]; }",
    "an order of pairs in std": "namespace std { bool operator<(const pair<int, int>& a, const pair<int, int>& b) { return a.second < b.second; } }\n"
    "int main() { vector<pair<int, int>> v = {{0, 9}, {1, 3}}; sort(v.begin(), v.end()); cout << v[0].first; }",
    "an order of strings in std": "namespace std { bool operator<(const string& a, const string& b) { return a.size() < b.size(); } }\n"
    'int main() { set<string> s = {"a", "b"}; cout << s.size(); }',
    "a specialized hash": "template <> struct std::hash<pair<int, int>> { size_t operator()(pair<int, int> p) const { return p.first; } };\n"
    "int main() { unordered_map<pair<int, int>, int> m; m[{1, 2}] = 1; cout << m.size(); }",
    "its own operator new": "int made = 0;\nvoid* operator new(size_t n) { made++; return malloc(n); }\nvoid operator delete(void* p) noexcept { free(p); }\n"
    "void operator delete(void* p, size_t) noexcept { free(p); }\nint main() { vector<int> v; v.push_back(1); map<int, int> m; m[1] = 1; cout << made - 1; }",
    "an explicit instance": "template class std::vector<int>;\nint main() { vector<int> v(1, 1); cout << v[0]; }",
}
LOOPS = Task(
    task_id="sum",
    prompt="#include <bits/stdc++.h>\nusing namespace std;\nlong total(vector<long> values) {\n",
    language="cpp",
    tests="}\nint main() {\n  for (long n = 0; n < 5; n++) assert(total(vector<long>(n, 2)) == 2 * n);\n}\n",
)


def printed(code: str, expected: str = "1") -> str:
    task = Task(task_id="p", prompt="Print.", language="cpp", expected_output=expected)
    verdict = create("gcc", VerifierOptions()).judge("s", HEAD + code, task)
    return str(verdict.kind) if verdict.success else f"{verdict.kind}: {verdict.details}"


@pytest.mark.parametrize("name", PRINTS)
def test_a_program_means_what_it_means_to_plain_gcc(name: str) -> None:
    assert printed(PRINTS[name]) == "passed"


@pytest.mark.parametrize(
    "code",
    [
        "int lock = 1;\nint main() { cout << lock; }",
        "struct thread { int id = 1; };\nint main() { cout << thread().id; }",
    ],
)
def test_a_name_that_the_library_has_too_is_no_more_a_program_s_own(code: str) -> None:
    assert printed(code).startswith("compile")


def test_all_common_instances_are_there() -> None:
    uses = [row.removeprefix("extern template class ").rstrip(";") for row in ANNOUNCED.splitlines()]
    whole = [name for name in uses if name.startswith(("std::vector", "std::set", "std::map", "std::deque"))]
    made = "".join(f"{{ {name} a, b(a); b = a; n += b.size() + (a == b); }}\n" for name in whole)
    assert printed(f"int main() {{ size_t n = 0;\n{made}cout << n; }}", str(len(whole))) == "passed"


def test_tests_in_the_program_s_process_are_compiled_once(monkeypatch: pytest.MonkeyPatch) -> None:
    compiled: list[set[str]] = []
    run = sandbox.run

    def recorded(argv: Any, **options: Any) -> sandbox.Outcome:
        if options.get("tool"):
            compiled.append(set(options["files"]))
        return run(argv, **options)

    monkeypatch.setattr(sandbox, "run", recorded)
    verifier = create("gcc", VerifierOptions())
    body = "return accumulate(values.begin(), values.end(), 0L)"
    codes = [f"{HEAD}long total(vector<long> values) {{ {body} + {more}; }}" for more in (0, 1)]
    codes.append(f"{HEAD}#pragma GCC optimize(3)\nlong total(vector<long> values) {{ {body}; }}")
    codes.append(f"{HEAD}long total(vector<long> values) {{ mutex m; {body}; }}")
    assert [verifier.judge("s", code, LOOPS).success for code in codes] == [True, False, True, True]
    assert compiled == [{"tests.cpp"}, *[{"tests.o", "solution.cpp"}] * len(codes)]
