"""Which names ask for the headers that most programs do without, as read off preprocessed text."""

import pytest

from halo_raft.verifiers.native.rare_headers import ALWAYS, mentions, rare_names

LEAN = """
#define COMMON 1
extern "C" { int lock_file(int); }
namespace std __attribute__ ((visibility("default"))) {
  template<typename T> class announced;
  template<typename T> class vector { void lock(); void size(); };
  namespace filesystem { struct clock; }
  int shared_by_both(vector<int>);
}
"""
RARE = """
#define MACRO(x) x
namespace std __attribute__ ((visibility("default"))) {
  inline namespace _V2 { class inner { void member(); }; }
  template<typename T> class announced { };
  enum policy { eager };
  enum class scoped { apart };
  namespace filesystem { class path { }; }
  namespace __detail { struct hidden { }; }
  void lock(int);
  inline int size_of() { int local = 1; return local; }
  template<typename T> void machine<T>::seed() { }
  inline machine::machine(int __a) : _M_x(__a.begin_of()), _M_y(1) { }
  inline double operator""i(long double x) { return x; }
  int shared_by_both(machine);
}
"""


def test_names_that_a_program_could_use_are_found() -> None:
    found = rare_names(LEAN + RARE, LEAN)
    assert {"MACRO", "inner", "announced", "policy", "eager", "scoped", "lock", "size_of", "machine"} <= found
    assert found >= ALWAYS


def test_names_that_need_another_name_are_not() -> None:
    found = rare_names(LEAN + RARE, LEAN)
    unreachable = {"member", "apart", "path", "hidden", "local", "seed", "begin_of", "i"}
    assert found.isdisjoint({*unreachable, "COMMON", "vector", "lock_file", "shared_by_both"})


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("int main() { lock(1); }", True),
        ("#include <lock>\nint main() {}", True),
        ("#define JOIN(a, b) a##b\nint main() { JOIN(lo, ck)(1); }", True),
        ("#define JOIN(a, b) a%:%:b\nint main() {}", True),
        ("int main() { lo\\\nck(1); }", True),
        ("int main() { auto z = 1.5i; }", True),
        ("int main() { auto z = 2if; auto y = 3; }", True),
        ("int main() { auto z = 1e-5i; }", True),
        ("#include <parallel/algorithm>\nint main() {}", True),
        ("# include <tr1/cmath>\nint main() {}", True),
        ("#include <ext/pb_ds/assoc_container.hpp>\n#include <bits/stdc++.h>\nbool half = 1 <b/2;", False),
        ("#define TWO 1 + \\\n 1\nint i = 1, v2i = 0x1, n = 3-i, b = 0b1, last = 1e5;", False),
        ("int main() { int block = 1, lock_ = 2; }", False),
        ("// lock\nint main() { /* lock */ }", False),
    ],
)
def test_what_a_program_mentions(source: str, found: bool) -> None:
    assert mentions([source], frozenset(["lock"])) is found
