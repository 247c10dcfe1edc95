from halo_raft.verifiers.native.remembered import Remembered


def _memory(room: int) -> Remembered[str, bytes]:
    return Remembered(room, lambda key, value: len(value))


def test_what_was_put_is_there() -> None:
    memory = _memory(10)
    memory.put("a", b"xyz")
    assert memory.get("a") == b"xyz"
    assert memory.get("b") is None
    assert memory.held == 3


def test_the_least_lately_asked_for_goes_first() -> None:
    memory = _memory(10)
    for key in "abc":
        memory.put(key, b"xyz")
    memory.get("a")
    memory.put("d", b"xyz")
    assert [key for key in "abcd" if memory.get(key)] == ["a", "c", "d"]
    assert memory.held == 9


def test_bytes_are_bounded_whatever_comes() -> None:
    memory = _memory(10)
    for size in (4, 11, 3, 9, 10, 0, 5, 5):
        memory.put(str(size), bytes(size))
        assert memory.held <= 10
    assert memory.get("11") is None


def test_a_new_value_takes_the_place_of_the_old() -> None:
    memory = _memory(10)
    memory.put("a", b"x" * 8)
    memory.put("a", b"y" * 9)
    assert (memory.get("a"), memory.held) == (b"y" * 9, 9)
