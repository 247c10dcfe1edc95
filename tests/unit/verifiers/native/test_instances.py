"""Which programs mean by a common instance what was made of it before."""

import pytest

from halo_raft.verifiers.native.instances import fit, usual


@pytest.mark.parametrize(
    "source",
    [
        '#pragma GCC optimize("O3")\nint main() {}',
        '__attribute__((target("avx2"), optimize("O3"))) int main() {}',
        "template <> void std::sort(It a, It b) {}",
        "template /* of ours */ <\n> void std::sort(It a, It b) {}",
        "#define SPECIAL template \\\n <>\nSPECIAL void std::sort(It a, It b) {}",
        "namespace std { bool operator<(const pair<int, int>&, const pair<int, int>&); }",
        "namespace std\n{\nvoid swap(pair<int, int>&, pair<int, int>&);\n}",
    ],
)
def test_a_program_that_changes_what_the_library_does_makes_its_own(source: str) -> None:
    assert not fit([source])
    assert not fit(["int main() {}", source])


@pytest.mark.parametrize(
    "source",
    [
        "using namespace std;\nint main() { sort(a, b); }",
        "using namespace std::chrono;\nnamespace fs = std::filesystem;\nnamespace standard { int x; }",
        "// template <>, namespace std { and #pragma\ntemplate <class T> struct Own {};",
    ],
)
def test_all_others_do_with_what_is_there(source: str) -> None:
    assert fit([source])


def test_instances_are_made_for_no_options_but_a_standard() -> None:
    assert usual(()) and usual(("-std=c++20",))
    assert not usual(("-O2",)) and not usual(("-std=c++20", "-D_GLIBCXX_DEBUG"))
