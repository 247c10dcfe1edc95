import pytest

from halo_raft.verifiers.native.program import assemble, has_main, signature

PROMPT = {
    "cpp": "#include<bits/stdc++.h>\n// f(x) {\nlong f(std::vector<long> x, long n) {\n",
    "rust": "use std::collections::HashMap;\n\n/// fn g()\nfn f(x: Vec<isize>) -> HashMap<isize, isize> {\n",
    "go": 'package f_test\n\nimport (\n    "testing"\n    "fmt"\n)\n\nfunc f(x []int) int {\n',
}


@pytest.mark.parametrize(
    ("language", "returns", "parameters"),
    [
        ("cpp", "long", "std::vector<long> x, long n"),
        ("rust", "HashMap<isize, isize>", "x: Vec<isize>"),
        ("go", "int", "x []int"),
    ],
)
def test_the_head_of_a_prompts_function(language: str, returns: str, parameters: str) -> None:
    head = signature(PROMPT[language], language)
    assert head is not None
    assert (head.name, head.returns, head.parameters) == ("f", returns, parameters)


@pytest.mark.parametrize(
    "code", ["return f(1);", "int x = f(1);", "f(1);", "// int f(int x) {\n", 'puts("int f() {");']
)
def test_a_call_is_no_definition(code: str) -> None:
    assert signature(code, "cpp", "f") is None


def test_a_whole_program_gets_what_only_the_prompt_includes() -> None:
    program = assemble(PROMPT["cpp"], "long f(std::vector<long> x, long n) { return 0; }", "cpp", "f")
    assert program.startswith("#include<bits/stdc++.h>\n")
    assert program.count("long f(") == 1


def test_a_body_continues_the_prompt_and_is_closed_once() -> None:
    assert assemble(PROMPT["cpp"], "    return 0;", "cpp", "f").rstrip().endswith("return 0;\n}")
    assert assemble(PROMPT["cpp"], "    return 0;\n}", "cpp", "f").count("}") == 1


def test_a_type_of_the_prompt_comes_along_unless_the_answer_has_it() -> None:
    prompt = "struct Point { long x; };\nlong f(Point p) {\n"
    function = "long f(Point p) { return p.x; }"
    assert "struct Point" in assemble(prompt, function, "cpp", "f")
    assert assemble(prompt, f"struct Point {{ long x; }};\n{function}", "cpp", "f").count("struct Point") == 1


def test_a_rust_import_comes_along_unless_the_answer_has_it() -> None:
    function = "fn f(x: Vec<isize>) -> HashMap<isize, isize> { HashMap::new() }"
    assert assemble(PROMPT["rust"], function, "rust", "f").count("use std::collections::HashMap;") == 1
    own = f"use std::collections::{{HashMap, HashSet}};\n{function}"
    assert assemble(PROMPT["rust"], own, "rust", "f").count("use ") == 1


def test_a_go_function_without_a_package_gets_the_prompts_head() -> None:
    program = assemble(PROMPT["go"], "func f(x []int) int { return 0 }", "go", "f")
    assert program.startswith("package f_test")
    assert assemble(PROMPT["go"], 'import "os"\nfunc f(x []int) int { return 0 }', "go", "f").startswith("package main")


@pytest.mark.parametrize(
    ("language", "code", "found"),
    [
        ("cpp", "int main(int argc, char** argv) {}", True),
        ("cpp", "// int main()\nint f();", False),
        ("rust", "pub fn main() {}", True),
        ("go", "func main() {}", True),
        ("go", 'var s = "func main() {}"', False),
    ],
)
def test_what_makes_a_program(language: str, code: str, found: bool) -> None:
    assert has_main(code, language) is found


@pytest.mark.parametrize(
    ("language", "code", "returns"),
    [
        ("rust", "fn f<K: Into<Option<K>>, V: Fn(K) -> Vec<K>>(k: K, v: V) -> Vec<K> {", "Vec<K>"),
        ("rust", "pub fn f<'a, const N: usize>(k: &'a [u8; N]) -> &'a [u8] {", "&'a [u8]"),
        ("go", "func f[S ~[]E, E any](s S) E {", "E"),
    ],
)
def test_a_generic_functions_types_may_have_brackets_of_their_own(language: str, code: str, returns: str) -> None:
    head = signature(code, language, "f")
    assert head is not None
    assert head.returns == returns


@pytest.mark.parametrize(
    "code", ["auto f = [](auto x, long n) { return n; };", "const std::function<long(V, long)> f = [](V x, long n) {\n"]
)
def test_a_variable_that_holds_a_function_is_no_body(code: str) -> None:
    assert PROMPT["cpp"].splitlines()[-1] not in assemble(PROMPT["cpp"], code, "cpp", "f")


def test_a_body_may_have_a_lambda_of_the_functions_name() -> None:
    body = "auto f = [](long n) { return n; };\nreturn f(n);"
    assert PROMPT["cpp"].splitlines()[-1] in assemble(PROMPT["cpp"], body, "cpp", "f")
