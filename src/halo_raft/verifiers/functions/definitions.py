"""What stands in the judge for the functions and classes that the program defines: a function's answers are values."""

from __future__ import annotations

import inspect

from halo_raft.verifiers.functions.proxies import OF_FUNCTIONS, Handle

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from halo_raft.verifiers.functions.terms import Program


class Function:
    """A name of the program's, called from a test."""

    def __init__(self, candidate: Program, name: str) -> None:
        self.__dict__["_candidate"], self.__dict__["_program_name"] = candidate, name

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call it in the candidate's process."""
        return self._candidate.ask("call", self, *args, given=True, kwargs=kwargs)

    def __getattr__(self, name: str) -> Any:
        if name == "__signature__":
            return _signature(self._candidate, self)
        if name.startswith("__") and name not in OF_FUNCTIONS:
            raise AttributeError(name)
        return self._candidate.ask("getattr", self, name, given=True)

    def __setattr__(self, name: str, value: Any) -> None:
        self._candidate.ask("setattr", self, name, value)

    def __repr__(self) -> str:
        return f"<{self._program_name} of the program>"

    def __get__(self, instance: object, owner: object = None) -> Any:
        return self if instance is None else _Bound(self, instance)


class _Bound:
    """A function of the program's that a class of the test's has as a method."""

    def __init__(self, function: Function, instance: object) -> None:
        self._function, self._instance = function, instance

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._function(self._instance, *args, **kwargs)


class Class(Function):
    """A class of the program's that the trusted text uses as one."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Make an object; it is open."""
        return self._candidate.ask("call", self, *args, kwargs=kwargs)

    def __getattr__(self, name: str) -> Any:
        if name == "__signature__" or (name.startswith("__") and name not in OF_FUNCTIONS):
            return super().__getattr__(name)
        return self._candidate.ask("getattr", self, name)

    def __instancecheck__(self, instance: object) -> bool:
        return type(instance) is Handle and self._candidate.ask("isinstance", instance, self) is True

    def __subclasscheck__(self, other: Any) -> bool:
        return other is self or (isinstance(other, Class) and self._candidate.ask("issubclass", other, self) is True)

    def __iter__(self) -> Any:
        return self._candidate.ask("iter", self)

    def __len__(self) -> int:
        return self._candidate.ask("len", self)

    def __getitem__(self, key: Any) -> Any:
        return self._candidate.ask("getitem", self, key)

    def __contains__(self, item: Any) -> bool:
        return self._candidate.ask("contains", self, item) is True

    def __get__(self, instance: object, owner: object = None) -> Any:
        return self


for _kind in (Function, Class):
    _kind.__doc__ = property(lambda self: self.__getattr__("__doc__"))  # type: ignore[assignment]  # not that of ours


def _signature(candidate: Program, function: Function) -> inspect.Signature:
    parameters = []
    for name, kind, has_default, default in candidate.ask("signature", function):
        parameters.append(
            inspect.Parameter(
                str(name), inspect._ParameterKind(kind), default=_Text(default) if has_default else inspect._empty
            )
        )
    return inspect.Signature(parameters)


class _Text:
    """A default value that is known by its text alone; equal to what is written so."""

    def __init__(self, text: str) -> None:
        self._text = str(text)

    def __repr__(self) -> str:
        return self._text

    def __eq__(self, other: object) -> bool:
        return repr(other) == self._text

    def __hash__(self) -> int:
        return hash(self._text)
