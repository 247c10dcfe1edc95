"""What tests run of a program's answers, beside the program: text that is evaluated, bytes that are unpickled.

Runs in the process of tests and program. A text is screened as the program was, and an unpickler makes values
and instances of the program's classes, and calls nothing else.
"""

from __future__ import annotations

import builtins
import io
import pickle

from halo_raft.verifiers.functions.guard import TEXT, UNPICKLE
from halo_raft.verifiers.pytest_suites.screen import objection

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

MODULES = frozenset(("solution", "collections", "datetime", "decimal", "fractions", "uuid", "numpy", "_codecs"))
BUILTINS = frozenset(
    ("set", "frozenset", "bytearray", "complex", "range", "slice", "list", "dict", "tuple", "int", "str")
)
NUMPY = "numpy.core.multiarray", "numpy._core.multiarray", "numpy.core.numeric", "numpy._core.numeric"


class Refused(TypeError):
    """An answer would do what the program itself may not."""


def install(allowed: frozenset[str]) -> None:
    """Give the functions that guarded tests call their names.

    Args:
        allowed: What the program may use although the screen refuses it.
    """

    def text_of(value: Any) -> Any:
        """Return a text that a test is about to run."""
        text = bytes(value).decode("utf-8", "replace") if isinstance(value, bytes | bytearray) else value
        if isinstance(text, str) and (used := objection(str.__str__(text), allowed, strict=True)):
            raise Refused(f"an answer that tests run may not use {used}")
        return value

    setattr(builtins, TEXT, text_of)
    setattr(builtins, UNPICKLE, lambda data: _Unpickler(io.BytesIO(bytes(data))).load())


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        """Return a class of values, or one of the program's.

        Raises:
            Refused: It is none.
        """
        fits = module in MODULES or (module == "builtins" and name in BUILTINS) or module in NUMPY
        found = super().find_class(module, name) if fits else None
        if (
            isinstance(found, type)
            or (module in NUMPY and name.startswith("_"))
            or (module, name) == ("_codecs", "encode")
        ):
            return found
        raise Refused(f"an answer that tests unpickle may not name {module}.{name}")
