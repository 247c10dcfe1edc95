import pytest

from halo_raft.verifiers.native.source_text import closing, depth, masked, pieces, uncommented


@pytest.mark.parametrize(
    ("language", "source", "left"),
    [
        ("cpp", 'f("}") // }\n', "f("),
        ("cpp", "f('}'); /* { */ x", "f("),
        ("cpp", 'R"(})" + R"x()")x" {', "{"),
        ("cpp", "1'000'000 {", "1'000'000 {"),
        ("rust", "fn f<'a>(x: &'a str) { '{' }", "fn f<'a>(x: &'a str) {     }"),
        ("rust", 'r#"{"#; "a\nb{" }', "}"),
        ("go", "`{` + \"{\" + '{' }", "}"),
    ],
)
def test_what_is_no_code_is_blanked_out_in_place(language: str, source: str, left: str) -> None:
    text = masked(source, language)
    assert len(text) == len(source)
    assert text.count("\n") == source.count("\n")
    assert left in text
    assert depth(text) == depth(left)


def test_comments_alone_are_blanked_out() -> None:
    assert uncommented('f("//"); // note', "cpp").rstrip() == 'f("//");'


def test_brackets_close() -> None:
    assert closing("f(a[1], {2})", 1) == 11
    assert closing("f(a", 1) is None
    assert closing("f(aaaa)", 1, within=3) is None


def test_pieces_are_split_outside_of_brackets() -> None:
    source = 'f(1, 2), "a,b", [3, 4]'
    assert [piece.strip() for piece in pieces(source, masked(source, "cpp"), ",")] == ["f(1, 2)", '"a,b"', "[3, 4]"]


@pytest.mark.parametrize("language", ["c", "cpp", "rust", "go"])
@pytest.mark.parametrize("unit", ['R"(', 'r#"', '"', "'", "/*", "`", "(", "//", "\\"])
def test_half_a_megabyte_of_anything_end(language: str, unit: str) -> None:
    text = unit * (500_000 // len(unit))
    assert len(masked(text, language)) == len(text)
