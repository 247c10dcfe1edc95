import pytest

from halo_raft.verifiers.native.checks import Check
from halo_raft.verifiers.native.outside import matches, read_values

CHECK = Check(call="f()", expected="0")


@pytest.mark.parametrize(
    ("channel", "values", "forged"),
    [
        (b"0 5\n1 s61\n", [b"5", b"s61"], False),
        (b"", [], False),
        (b"0 5\n1 s6", [b"5"], False),
        (b"1 5\n", [], True),
        (b"0 5\n0 5\n", [b"5"], True),
        (b"junk\n0 5\n", [], True),
        (b"0 5\njunk\n", [b"5"], True),
        (b"0 5 6\n", [], True),
    ],
)
def test_values_come_in_order_and_once(channel: bytes, values: list[bytes], forged: bool) -> None:
    assert read_values(channel) == (values, forged)


@pytest.mark.parametrize(
    ("value", "expected", "equal"),
    [(b"5", b"5", True), (b"5", b"6", False), (b"nan", b"nan", False), (b"[nan,]", b"[nan,]", False)],
)
def test_values_are_equal_as_text(value: bytes, expected: bytes, equal: bool) -> None:
    assert matches(value, expected, CHECK) is equal


@pytest.mark.parametrize(
    ("value", "equal"), [(b"0x1.0000001p+0", True), (b"1", True), (b"f1.5", False), (b"s31", False), (b"inf", False)]
)
def test_a_tolerance_is_for_numbers(value: bytes, equal: bool) -> None:
    assert matches(value, b"1", Check(call="f()", expected="1", tolerance=1e-3)) is equal
