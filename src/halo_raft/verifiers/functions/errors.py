"""Exceptions that cross: names of classes, arguments and text go over; the judge makes one of its own.

The class is the nearest that the judge knows: one that the trusted text names and the program defines,
one of Python's, or one of the standard library's modules below. Nothing that the program sends is looked
up anywhere else, and a method is never taken from it.
"""

from __future__ import annotations

import builtins
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

MESSAGE_CHARS = 2000
MOST_CLASSES = 1000
"""Classes of an exception that are read."""
GROUP = 100
"""Exceptions of a group that cross."""
BUILT_IN = {n: e for n, e in vars(builtins).items() if isinstance(e, type) and issubclass(e, Exception)}
# fmt: off
MODULES = frozenset((
    "argparse", "array", "ast", "asyncio.exceptions", "asyncio.queues", "binascii", "calendar",
    "concurrent.futures._base", "configparser", "copy", "_csv", "dataclasses", "decimal", "enum", "email.errors",
    "fractions", "getopt", "graphlib", "html.parser", "http.client", "http.cookies", "inspect", "ipaddress",
    "json.decoder", "locale", "_lzma", "numbers", "numpy", "numpy.exceptions", "numpy.linalg", "operator",
    "optparse", "queue", "_queue", "re", "sched", "shlex", "shutil", "sqlite3", "ssl", "statistics", "string",
    "struct", "subprocess", "tarfile", "textwrap", "tokenize", "tomllib", "types", "typing", "unicodedata",
    "urllib.error", "urllib.parse", "uuid", "xml.etree.ElementTree", "xml.parsers.expat", "zipfile", "zlib",
    "zoneinfo._common",
))
# fmt: on
"""Modules whose exceptions the judge has too, once they are loaded there."""


class CannotCross(TypeError):
    """A test hands the program an object that is neither a value nor callable."""


class Ended(BaseException):
    """The conversation is over; no test can swallow that, and none passes after it.

    Attributes:
        kind: `syntax`, `load`, `exit`, `gone` or `violation`.
        group: `memory`, `wrong` or `runtime`.
        text: For the details of the verdict.
    """

    def __init__(self, kind: str, group: str, text: str) -> None:
        super().__init__(text)
        self.kind, self.group, self.text = kind, group, text


def classes_of(kind: type) -> list[tuple[str, str]]:
    """Return module and name of an exception's classes, up to the first that both ends have."""
    found = []
    for base in type.mro(kind):
        found.append((str(base.__module__), base.__name__))
        if BUILT_IN.get(base.__name__) is base:
            break
    return found


def described(error: BaseException, depth: int = 3) -> list[Any]:
    """Return what the judge is told of an exception: classes (lines `module:name`), arguments, text, attributes.

    Args:
        error: The exception.
        depth: How many causes are told as well.
    """
    try:
        text = str(error)[:MESSAGE_CHARS]
    except BaseException:
        text = ""
    names = "\n".join(f"{module}:{name}" for module, name in classes_of(type(error)))
    attributes: dict[str, Any] = {}
    try:
        attributes = {n: v for n, v in vars(error).items() if type(n) is str and not n.startswith("_")}
        if notes := getattr(error, "__notes__", None):
            attributes["_notes"] = [*map(str, notes)]
        if depth and error.__cause__ is not None:
            attributes["_cause"] = described(error.__cause__, depth - 1)
        if isinstance(error, BaseExceptionGroup):
            attributes["_group"] = [described(one, depth - 1) for one in error.exceptions[:GROUP] if depth]
            return [names, (error.message,), text, attributes]
    except BaseException:
        attributes = {}
    return [names, error.args if type(error.args) is tuple else (), text, attributes or None]


def as_built_in(error: BaseException) -> list[Any]:
    """Return what the program is told of an exception of the judge's: the nearest class of Python's, and its text."""
    name = next((base.__name__ for base in type(error).__mro__ if base.__module__ == "builtins"), "Exception")
    text = str(error)[:300]
    plain = type(error) is KeyError and all(type(argument) in (str, int) for argument in error.args)
    return [f"builtins:{name}", error.args if plain else (text,), text, None]


def without_objects(description: list[Any]) -> list[Any]:
    """Return a description that can always be written."""
    names, _, text, _ = description
    return [names, (text,), text, None]


def generation(told: tuple[str, Any]) -> int:
    """Return after how many others a name of the program's is to be defined: an exception after its base classes."""
    names = told[1][-1]
    return len(names) if told[1][0] == "error" and type(names) is list else 0


class Errors:
    """The judge's exception classes.

    Args:
        wanted: Names of exceptions that the trusted text names and does not define.
        ends: Whether the trusted text expects `SystemExit`.
    """

    def __init__(self, wanted: frozenset[str], ends: bool = False) -> None:
        self.wanted = wanted
        self._known: dict[str, type[BaseException]] = dict(BUILT_IN)
        if ends:
            self._known["SystemExit"] = SystemExit
        self._made: dict[tuple[str, type[BaseException]], type[BaseException]] = {}

    def define(self, name: str, names: list[tuple[str, str]]) -> type[BaseException]:
        """Return the judge's class for an exception of the program's that the trusted text names."""
        if name not in self._known:
            base = self._nearest(names[1:]) or Exception
            self._known[name] = type(name, (base,), {"__module__": "solution", "__str__": _text})
        return self._known[name]

    def know(self, name: str, kind: type[BaseException]) -> None:
        """Take in an exception that trusted text defines."""
        self.wanted |= {name}
        self._known[name] = kind

    def make(self, description: list[Any]) -> tuple[BaseException | None, str, str]:
        """Return an exception (None for what ends a program), its group and its text for the verdict.

        Raises:
            ValueError: It is no description.
        """
        if len(description) < 4 or not _is_description(*description[:4]):
            raise ValueError("not an exception")
        told_names, args, text, attributes = description[:4]
        lines = told_names.split("\n", MOST_CLASSES)
        names = [(module, name) for module, _, name in (line.partition(":") for line in lines)]
        group = "memory" if ("builtins", "MemoryError") in names else "runtime"
        told = f"{names[0][1][:100]}: {text[:300]}" if text else names[0][1][:100]
        base = self._nearest(names)
        if base is None:
            return None, group, told
        told_of = attributes if type(attributes) is dict and all(type(name) is str for name in attributes) else {}
        if issubclass(base, ExceptionGroup):
            args = (*args[:1], self._made_of(told_of.get("_group")))
        error = self._instance(base, names[0][1], args, text)
        if told_of:
            cause, notes = told_of.get("_cause"), told_of.get("_notes")
            error.__cause__ = next(iter(self._made_of([cause])), None)
            if type(notes) is list and all(type(note) is str for note in notes):
                error.__notes__ = notes
            for name, value in told_of.items():
                if not hasattr(type(error), name) and not name.startswith("_"):
                    vars(error)[name] = value
        return error, group, told

    def _made_of(self, descriptions: Any) -> list[BaseException]:
        """Return the exceptions that descriptions stand for, those that are none left out."""
        found = [d for d in descriptions if type(d) is list and len(d) == 4] if type(descriptions) is list else []
        made = (self.make(description)[0] for description in found if _is_description(*description))
        return [error for error in made if error is not None]

    def _instance(self, base: type[BaseException], name: str, args: tuple[Any, ...], text: str) -> BaseException:
        if name not in (base.__name__, "Exception") and name.isidentifier():
            base = self._made.setdefault(
                (name, base), type(name, (base,), {"__module__": "solution", "__str__": _text})
            )
        try:
            error = base(*args) if base.__module__ == "builtins" else BaseException.__new__(base, *args)
        except Exception:
            if issubclass(base, ExceptionGroup):  # which can only be made of exceptions
                base = Exception
            error = BaseException.__new__(base, *args)
        if type(error).__str__ is _text:
            error._text = text  # type: ignore[attr-defined]
        elif str(error) != text and not isinstance(error, KeyError):
            error.args = (text,)
        return error

    def _nearest(self, names: list[tuple[str, str]]) -> type[BaseException] | None:
        for module, name in names:
            if module == "builtins" or (name in self.wanted and name in self._known):
                if name in self._known:
                    return self._known[name]
            elif module in MODULES and module in sys.modules:
                found = vars(sys.modules[module]).get(name)
                if isinstance(found, type) and issubclass(found, Exception) and found.__module__ == module:
                    return found
        return None


def _text(self: Any) -> str:
    return str(vars(self).get("_text", "")) or ", ".join(map(str, self.args))


def _is_description(names: Any, args: Any, text: Any, attributes: Any) -> bool:
    return type(names) is str and type(args) is tuple and type(text) is str
