"""What stands in the judge for the program's objects.

An object that stays with the program can be asked for attributes, items
and text, and called. Its operators are the program's own, and are asked only where the trusted text uses
its class as a class (`Terms.classes`) and the object was made by it: not where a function returned it in
place of a value. Where such an object is compared with a plain value it has to pick it out of a line-up.
"""

from __future__ import annotations

from halo_raft.verifiers.functions import believing

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from halo_raft.verifiers.functions.terms import Program

OF_FUNCTIONS = frozenset(
    ("__name__", "__qualname__", "__doc__", "__module__", "__annotations__", "__defaults__", "__wrapped__")
)
"""Attributes with two underscores that a program may be asked for: they are values, or functions."""
_get: Callable[[Any, str], Any] = object.__getattribute__


class Closed(TypeError):
    """A test asks an object of the program for what only its own class could say."""


class Handle:
    """An object that stays in the candidate's process; see the module.

    Args:
        candidate: Whose it is.
        number: Its number there.
        name: Name of its class; one of `Terms.classes` where it is of that class.
        given: Whether a function returned it, rather than its class or one of its operators.
    """

    def __init__(self, candidate: Program, number: int, name: str, given: bool) -> None:
        for key, value in (
            ("_candidate", candidate),
            ("number", number),
            ("_name", name),
            ("_given", given),
            ("_doubted", False),
        ):
            object.__setattr__(self, key, value)

    def _ask(self, operation: str, *operands: Any, **how: Any) -> Any:
        return _get(self, "_candidate").ask(operation, self, *operands, **how)

    def _is_of_class(self) -> bool:
        return _get(self, "_name") in _get(self, "_candidate").terms.classes

    def _is_open(self) -> bool:
        return _get(self, "_is_of_class")() and not _get(self, "_given")

    def __getattr__(self, name: str) -> Any:
        terms = _get(self, "_candidate").terms
        dunder = name.startswith("__") and name not in OF_FUNCTIONS  # other libraries' protocols reach into memory
        if dunder or (not self._is_of_class() and name in terms.unbelieved):
            _get(self, "_candidate").border |= not dunder
            raise AttributeError(f"{self._told()} is not asked for {name!r}")
        return self._ask("getattr", name, given=True)

    def __setattr__(self, name: str, value: Any) -> None:
        self._ask("setattr", name, value)

    def __delattr__(self, name: str) -> None:
        self._ask("delattr", name)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the object."""
        return _get(self, "_candidate").ask("call", self, *args, given=True, kwargs=kwargs)

    def __iter__(self) -> Any:
        return self._ask("iter", given=True)

    def __reversed__(self) -> Any:
        return self._ask("reversed", given=True)

    def __next__(self) -> Any:
        items, end = self._ask("advance", 1, given=True)
        if items:
            return items[0]
        error = _get(self, "_candidate").exception(end)
        raise StopIteration if isinstance(error, StopIteration) else error

    def __len__(self) -> int:
        return self._ask("len")

    def __getitem__(self, key: Any) -> Any:
        return self._ask("getitem", key, given=True)

    def __setitem__(self, key: Any, value: Any) -> None:
        self._ask("setitem", key, value)

    def __delitem__(self, key: Any) -> None:
        self._ask("delitem", key)

    def __contains__(self, item: Any) -> bool:
        if self._is_of_class():
            held = believing.contains(self._examined_apart, item)
            return self._ask("contains", item) is True and held is True
        return any(item is other or item == other for other in self)

    def __bool__(self) -> bool:
        if _get(self, "_doubted"):
            return False
        return self._ask("bool") is True if self._is_open() else True

    def __hash__(self) -> int:
        return self._ask("hash") if self._is_of_class() else id(self)

    def __copy__(self) -> Any:
        return self._ask("copy", given=not self._is_open())

    def __deepcopy__(self, seen: Any) -> Any:
        return self._ask("deepcopy", given=not self._is_open())

    def __repr__(self) -> str:
        return self._text("repr")

    def __str__(self) -> str:
        return self._text("str")

    def __format__(self, spec: str) -> str:
        return self._text("format", spec)

    def _text(self, operation: str, *operands: Any) -> str:
        text = self._ask(operation, *operands)
        return text if type(text) is str else self._told()

    def _told(self) -> str:
        return f"<{_get(self, '_name')} of the program>"

    def __enter__(self) -> Any:
        return self._ask("enter", given=not self._is_open())

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> bool:
        candidate = _get(self, "_candidate")
        if error is None:
            self._ask("leave", None)
            return False
        plain = all(type(part) in (str, int, float, bool, bytes, type(None)) for part in error.args)
        told = error.args if plain else (str(error)[:300],)
        return self._ask("leave", (kind.__name__, told)) is True and candidate.may_swallow(error)

    async def __aenter__(self) -> Any:
        return await self._ask("getattr", "__aenter__")()

    async def __aexit__(self, kind: Any, error: BaseException | None, trace: Any) -> bool:
        await self._ask("getattr", "__aexit__")(None, None, None)
        return False

    def __aiter__(self) -> Any:
        return self._ask("aiter", given=True)

    async def __anext__(self) -> Any:
        item, more = self._ask("complete_next", given=True)
        if not more:
            raise StopAsyncIteration
        return item

    def __eq__(self, other: object) -> Any:
        if type(other) is Handle:
            if self._is_open() or other._is_open():
                return self._equals_object(other)
            _get(self, "_candidate").border |= self is not other
            return self is other
        if self._is_open():
            return self._picks(other)
        if type(other) is tuple and self._is_of_class() and type(items := self._ask("as_tuple", given=True)) is tuple:
            return items == other  # what a named tuple holds; the comparison is not the program's
        _get(self, "_candidate").border = True
        return NotImplemented

    def __ne__(self, other: object) -> Any:
        if not (self._is_open() or (type(other) is Handle and other._is_open())):
            return self is not other if type(other) is Handle else not self == other
        answer = self._ask("ne", other)
        return _said(answer, answer is not True or self._examined([("eq", other)])[0] is not True)

    def _examined(self, questions: list[tuple[str, Any]], apart: bool = False) -> list[Any]:
        """Return what the object says of values; see `operations.examine`."""
        names, values = [name for name, _ in questions], [value for _, value in questions]
        answers: list[Any] = self._ask("examine", names, values, apart)
        return answers if type(answers) is list and len(answers) == len(names) else [None] * len(names)

    def _examined_apart(self, questions: list[tuple[str, Any]]) -> list[Any]:
        return self._examined(questions, apart=True)

    def _stands_both_ways(self, name: str, other: Handle) -> bool:
        """Return whether the object comes before (or after) itself, or another and the other before it."""
        answers = self._examined([(name, other), (believing.MIRRORED[name], other), (name, self)])
        return answers[2] is True or answers[:2] == [True, True]

    def _picks(self, value: Any) -> bool:
        """Return whether the object equals a value, and no other of a line-up."""
        answer = believing.equals(self._examined, value)
        if answer is None:
            self._ask("eq", value)  # raises what it raised
        return answer is True

    def _equals_object(self, other: Handle) -> Any:
        """Ask the object's class; neither object may equal what is nothing to it as well."""
        same = _get(self, "_name") == _get(other, "_name") and other._is_open()
        if any(believing.says_yes_to_all(side._examined) for side in ((self,) if same else (self, other))):
            return False
        return self._ask("eq", other)


Handle.__doc__ = property(lambda self: self.__getattr__("__doc__"))  # type: ignore[assignment]  # not that of ours


def _two_sided(name: str, turned: bool) -> Callable[[Handle, Any], Any]:
    def operate(self: Handle, other: Any) -> Any:
        if not (self._is_open() or (type(other) is Handle and other._is_open())):
            _get(self, "_candidate").border = True
            raise Closed(f"{self._told()} has no trusted {name}")
        candidate = _get(self, "_candidate")
        return candidate.ask(name, other, self) if turned else candidate.ask(name, self, other)

    return operate


class _Said(str):
    """A text that an object answers a comparison with: it may be looked at, and is no truth."""

    def __bool__(self) -> bool:
        return False


def _said(answer: Any, believed: bool) -> Any:
    """Return what an object answers a comparison with: truth where it is believed, or what may only be looked at."""
    if type(answer) is Handle:
        object.__setattr__(answer, "_doubted", True)
        return answer
    return _Said(answer) if type(answer) is str else bool(answer) and believed


def _ordered(name: str) -> Callable[[Handle, Any], Any]:
    ask = _two_sided(name, turned=False)

    def operate(self: Handle, other: Any) -> Any:
        if not self._is_open():
            return ask(self, other)
        if type(other) is not Handle:
            believed = believing.is_in_order(self._examined, name, other)
        else:
            believed = name not in ("lt", "gt") or not self._stands_both_ways(name, other)
        return _said(ask(self, other), believed is True)

    return operate


def _one_sided(name: str) -> Callable[..., Any]:
    def operate(self: Handle, *operands: Any) -> Any:
        if not self._is_open():
            _get(self, "_candidate").border = True
            raise Closed(f"{self._told()} has no trusted {name}")
        return self._ask(name, *operands)

    return operate


ARITHMETIC = (
    "add",
    "sub",
    "mul",
    "truediv",
    "floordiv",
    "mod",
    "pow",
    "matmul",
    "lshift",
    "rshift",
    "and",
    "or",
    "xor",
)
for _name in ARITHMETIC:
    _there = f"{_name}_" if _name in ("and", "or") else _name
    setattr(Handle, f"__{_name}__", _two_sided(_there, turned=False))
    setattr(Handle, f"__r{_name}__", _two_sided(_there, turned=True))
for _name in believing.CONTRARY:
    setattr(Handle, f"__{_name}__", _ordered(_name))
for _name in ("neg", "pos", "abs", "invert", "int", "float", "complex", "index", "round", "trunc", "floor", "ceil"):
    setattr(Handle, f"__{_name}__", _one_sided(_name))
