"""Templates of C++'s standard library as most programs use them, and our reports of their values, compiled once.

What a short program uses of the library is most of what its compiler makes. The header announces these
instances (`extern template`), so that no program makes them again; they lie in an archive of the machine that it
is linked with. Of types of the library and the language alone: a program may not specialize templates for those.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from halo_raft.verifiers.native.source_text import uncommented

_ORDERED = ("int", "long", "long long", "char", "double", "std::string", "std::pair<int, int>")
_ROWS = ("std::vector<int>", "std::vector<long>", "std::vector<long long>", "std::vector<std::string>")
_KEYS = ("int", "long", "long long", "char", "std::string")
_QUEUED = ("int", "std::pair<int, int>")


def _of_value(value: str) -> Iterator[str]:
    yield f"class std::_Vector_base<{value}, std::allocator<{value}>>"
    yield f"class std::vector<{value}>"
    yield f"class __gnu_cxx::__normal_iterator<{value}*, std::vector<{value}>>"
    if value in _ORDERED:
        yield f"void std::sort(std::vector<{value}>::iterator, std::vector<{value}>::iterator)"
        yield f"std::string halo_raft::value<{value}>(const {value}&)"
    yield f"std::string halo_raft::value<std::vector<{value}>>(const std::vector<{value}>&)"


def _of_key(key: str) -> Iterator[str]:
    yield f"class std::_Rb_tree<{key}, {key}, std::_Identity<{key}>, std::less<{key}>>"
    yield f"class std::set<{key}>"
    for value in dict.fromkeys(("int", key)):
        pair = f"std::pair<const {key}, {value}>"
        yield f"class std::_Rb_tree<{key}, {pair}, std::_Select1st<{pair}>, std::less<{key}>>"
        yield f"class std::map<{key}, {value}>"


def _queue(value: str) -> Iterator[str]:
    yield f"class std::_Deque_base<{value}, std::allocator<{value}>>"
    yield f"class std::deque<{value}>"


GROUPS = tuple(
    map(tuple, (*map(_of_value, (*_ORDERED, *_ROWS)), *map(_of_key, _KEYS), *map(_queue, _QUEUED))),
)
"""What one object of the archive has; a program is linked with those that it uses."""
ANNOUNCED = "".join(f"extern template {instance};\n" for group in GROUPS for instance in group)
"""What the header has behind the library."""
ARCHIVE = "libinstances.a"
_UNFIT = re.compile(
    r"#\s*pragma|_Pragma|\boptimize\b|"  # a program's own options reach the instances that it makes itself
    r"template[\s\\]*<[\s\\]*>|"  # it may specialize what was not made yet
    r"(?<!using )\bnamespace\s+std\b(?!\s*;)"  # what it puts there, an order of pairs say, the library's templates find
)


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
    return not any(_UNFIT.search(uncommented(source, "cpp")) for source in sources)
