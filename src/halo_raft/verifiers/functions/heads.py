"""The head of a function that a test hands to the program: its name, its parameters, its docstring.

The function stays with the judge; a program may ask how many arguments it takes, as decorators do.
"""

from __future__ import annotations

import types

TYPE_CHECKING = False
if TYPE_CHECKING:
    import inspect
    from typing import Any

END = "\0"
VARARGS, VARKEYWORDS = 4, 8
"""Flags of a code object: the function takes any positional arguments, any by name."""


def head(function: Any) -> str:
    """Return what a function is called, and what it takes and says, where Python code made it.

    That is parted by NUL: its name; the number of parameters by position alone, of those by position, and of those by
    name alone, the flags, and the parameters' names, those with a default marked by `=`; its docstring.
    """
    name = str(getattr(function, "__name__", type(function).__name__))
    given = 1 if isinstance(function, types.MethodType) else 0
    function = function.__func__ if given else function
    if not isinstance(function, types.FunctionType):
        return name
    code = function.__code__
    flags = code.co_flags & (VARARGS | VARKEYWORDS)
    last = code.co_argcount + code.co_kwonlyargcount
    optional = {*code.co_varnames[code.co_argcount - len(function.__defaults__ or ()) : code.co_argcount]}
    optional |= {*(function.__kwdefaults__ or ())}
    names = code.co_varnames[given : last + bool(flags & VARARGS) + bool(flags & VARKEYWORDS)]
    counts = max(code.co_posonlyargcount - given, 0), code.co_argcount - given, code.co_kwonlyargcount, flags
    parameters = " ".join((*map(str, counts), *(f"{n}=" if n in optional else n for n in names)))
    return END.join((name, parameters, function.__doc__ or ""))


def parts(text: str) -> tuple[str, str, str | None]:
    """Return name, parameters and docstring of a head."""
    name, _, rest = text.partition(END)
    parameters, _, doc = rest.partition(END)
    return name, parameters, doc or None


def signature(parameters: str) -> inspect.Signature:
    """Return the signature that the parameters of a head make; defaults are not told.

    Raises:
        AttributeError: It says nothing of them.
    """
    import inspect

    if not parameters:
        raise AttributeError("__signature__")
    counts, names = [int(word) for word in parameters.split()[:4]], parameters.split()[4:]
    alone, positional, by_name, flags = counts
    kinds: list[inspect._ParameterKind] = [inspect.Parameter.POSITIONAL_ONLY] * alone
    kinds += [inspect.Parameter.POSITIONAL_OR_KEYWORD] * (positional - alone)
    kinds += [inspect.Parameter.KEYWORD_ONLY] * by_name
    kinds += [inspect.Parameter.VAR_POSITIONAL] * bool(flags & VARARGS)
    kinds += [inspect.Parameter.VAR_KEYWORD] * bool(flags & VARKEYWORDS)
    made = [
        inspect.Parameter(name.rstrip("="), kind, default=... if name.endswith("=") else inspect.Parameter.empty)
        for name, kind in zip(names, kinds, strict=False)
    ]
    return inspect.Signature(sorted(made, key=lambda parameter: parameter.kind))


def code(parameters: str) -> types.SimpleNamespace:
    """Return what stands for the code object of a function: how many arguments it takes, and their names.

    Raises:
        AttributeError: Its head says nothing of them.
    """
    if not parameters:
        raise AttributeError("__code__")
    words = parameters.split()
    alone, positional, by_name, flags = map(int, words[:4])
    return types.SimpleNamespace(
        co_posonlyargcount=alone,
        co_argcount=positional,
        co_kwonlyargcount=by_name,
        co_flags=flags,
        co_varnames=tuple(word.rstrip("=") for word in words[4:]),
    )
