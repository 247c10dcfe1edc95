import json
from pathlib import Path

import pytest

from halo_raft.verifiers.native.checks import Check, function_of, split

DATA = Path(__file__).resolve().parents[5] / "shared" / "data"
CPP = "}\nint main() {\n    auto candidate = f;\n    %s\n}\n"


def one(statement: str, language: str = "cpp") -> Check | None:
    main = {"cpp": CPP, "rust": "}\nfn main() {\n let candidate = f;\n %s\n}\n", "c": "int main() { %s }"}[language]
    suite = split(main % statement, language, "f" if language != "c" else "candidate")
    return suite.checks[0] if suite else None


@pytest.mark.parametrize(
    ("language", "statement", "call", "expected"),
    [
        ("cpp", 'assert(candidate((")==(")) == (0));', 'candidate((")==("))', "0"),
        ("cpp", "assert(3 == candidate(1)); // three", "candidate(1)", "3"),
        ("rust", "assert_eq!(candidate(1, (2, 3)), (4, 5));", "candidate(1, (2, 3))", "(4, 5)"),
        ("rust", "assert!(!candidate(1));", "candidate(1)", "false"),
        ("rust", "assert!(candidate(1) == 2);", "candidate(1)", "2"),
        ("c", 'assert(strcmp(candidate("a"), "b") == 0);', 'candidate("a")', '"b"'),
    ],
)
def test_a_check_is_a_call_and_a_value(language: str, statement: str, call: str, expected: str) -> None:
    assert one(statement, language) == Check(call=call, expected=expected)


@pytest.mark.parametrize(
    ("language", "statement"),
    [
        ("cpp", "assert(fabs(candidate(2) - 0.5) < 1e-6);"),
        ("rust", "assert!((candidate(2) - 0.5).abs() < 1e-6);"),
        ("c", "assert(fabs(candidate(2) - (0.5)) <= 1e-6);"),
    ],
)
def test_a_check_may_have_a_tolerance(language: str, statement: str) -> None:
    assert one(statement, language) == Check(call="candidate(2)", expected="0.5", tolerance=1e-6)


@pytest.mark.parametrize(
    "statement",
    [
        "for (int i = 0; i < 3; i++) assert(candidate(i) == i);",
        "assert(candidate(1) == candidate(2));",
        "assert(candidate(1) + 2 == 3);",
        "assert(candidate(1));",
        "int x = 3; assert(candidate(x) == 3);",
        "",
    ],
)
def test_what_is_more_than_a_list_of_checks_is_not_split(statement: str) -> None:
    assert one(statement) is None


def test_code_beside_main_is_not_split() -> None:
    assert split("}\nint g() { return 1; }" + CPP % "assert(candidate(1) == 1);", "cpp", "f") is None


@pytest.mark.skipif(not DATA.is_dir(), reason="the shared data is not beside this repository")
@pytest.mark.parametrize(("file", "language", "total"), [("cpp", "cpp", 324), ("rs", "rust", 330), ("go", "go", 310)])
def test_all_of_multipl_e_is_split(file: str, language: str, total: int) -> None:
    rows = [json.loads(line) for line in (DATA / f"multipl_e_{file}.jsonl").read_text().splitlines()]
    suites = [split(row["tests"], language, function_of(row["tests"], language) or "") for row in rows]
    assert None not in suites
    assert sum(len(suite.checks) for suite in suites if suite) == total
