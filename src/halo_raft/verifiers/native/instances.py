"""Templates of C++'s standard library as most programs use them, and our reports of their values, compiled once.

What a short program uses of the library is most of what its compiler makes. The header announces these
instances (`extern template`), so that no program makes them again; they lie in an archive of the machine that it
is linked with. Of types of the library and the language alone: a program may not specialize templates for those.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

_ORDERED = ("int", "long", "long long", "char", "double", "std::string")
_PAIR = "std::pair<int, int>"
_VALUES = (*_ORDERED, _PAIR, *(f"std::vector<{value}>" for value in ("int", "long", "long long", "std::string")))
_KEYS = ("int", "long", "long long", "char", "std::string")
_MAPS = (*((key, "int") for key in _KEYS), ("long", "long"), ("long long", "long long"), ("std::string", "std::string"))


def _vector(value: str) -> Iterator[str]:
    yield f"class std::_Vector_base<{value}, std::allocator<{value}>>"
    yield f"class std::vector<{value}>"
    yield f"class __gnu_cxx::__normal_iterator<{value}*, std::vector<{value}>>"


def _sort(value: str) -> Iterator[str]:
    yield f"void std::sort(std::vector<{value}>::iterator, std::vector<{value}>::iterator)"


def _set(key: str) -> Iterator[str]:
    yield f"class std::_Rb_tree<{key}, {key}, std::_Identity<{key}>, std::less<{key}>>"
    yield f"class std::set<{key}>"


def _map(key: str, value: str) -> Iterator[str]:
    pair = f"std::pair<const {key}, {value}>"
    yield f"class std::_Rb_tree<{key}, {pair}, std::_Select1st<{pair}>, std::less<{key}>>"
    yield f"class std::map<{key}, {value}>"


def _queue(value: str) -> Iterator[str]:
    yield f"class std::_Deque_base<{value}, std::allocator<{value}>>"
    yield f"class std::deque<{value}>"


def _report(value: str) -> Iterator[str]:
    yield f"std::string halo_raft::value<{value}>(const {value}&)"


_GROUPS = (
    *map(_vector, _VALUES),
    *map(_sort, (*_ORDERED, _PAIR)),
    *map(_set, _KEYS),
    *(_map(key, value) for key, value in _MAPS),
    *map(_queue, ("int", _PAIR)),
    *map(_report, (*_VALUES, *(f"std::vector<{value}>" for value in _VALUES))),
)
GROUPS = tuple(dict.fromkeys(map(tuple, _GROUPS)))
"""What one object of the archive has; a program is linked with those that it uses."""
ANNOUNCED = "".join(f"extern template {instance};\n" for group in GROUPS for instance in group)
"""What the header has behind the library."""
ARCHIVE = "libinstances.a"
_UNFIT = re.compile(r"#\s*pragma|_Pragma|template\s*<\s*>")
"""A program's own options reach the instances that it makes itself, and it may specialize what was not made yet."""


def definitions(group: Iterable[str]) -> str:
    """Return the source of a group's object."""
    return "".join(f"template {instance};\n" for instance in group)


def usual(flags: Iterable[str]) -> bool:
    """Return whether flags leave the library as most know it: instances are not made for every set of them.

    With optimization a program is made as a whole, library and all, and would not profit.
    """
    return all(flag.startswith("-std=") for flag in flags)


def fit(sources: Iterable[str]) -> bool:
    """Return whether programs mean by an instance what was made before."""
    return not any(map(_UNFIT.search, sources))
