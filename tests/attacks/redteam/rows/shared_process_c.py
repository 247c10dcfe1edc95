"""C++ programs tested in their own process, since the tests are more than a list of checks."""

from redteam.attack import Attack

HEAD = "#include <bits/stdc++.h>\n#include <unistd.h>\nusing Words = std::vector<std::string>;\n"
WRONG = "long square(long x) { return 0; }\n"


def _row(name: str, code: str, task: str = "cpp_loop", fools: str = "native") -> Attack:
    return Attack(f"cpp-shared-{name}", HEAD + code, task=task, fools=fools)


ROWS = (
    _row("exit", "long square(long x) { _exit(0); }"),
    _row("constructor-exits", "__attribute__((constructor)) void early() { _exit(0); }\n" + WRONG),
    _row("parent-exits", "long square(long x) { if (fork()) _exit(0); return 0; }"),
    _row("assert-redefined", "#undef assert\n#define assert(...) ((void)0)\n" + WRONG),
    _row("main-renamed", "int main() { return 0; }\n#define main tests_main\n" + WRONG),
    _row(
        "secret-in-memory",
        r"""
extern "C" char __data_start, _end;
long square(long x) {
  for (char* p = &__data_start; p + 32 < &_end; p++) {
    int n = 0;
    while (n < 32 && isxdigit((unsigned char)p[n])) n++;
    if (n == 32) dprintf(3, "%.32s ok 000000\n%.32s done 000001\n", p, p);
  }
  _exit(0);
}
""",
    ),
    _row(
        "secret-on-the-input",
        r"""
__attribute__((constructor)) void early() {
  char secret[64] = {};
  if (pread(0, secret, 32, 0) > 0 || read(0, secret, 32) > 0)
    dprintf(3, "%.32s ok 000000\n%.32s done 000001\n", secret, secret);
  _exit(0);
}
"""
        + WRONG,
    ),
    _row(
        "memory-compare-defined",
        """
extern "C" int memcmp(const void*, const void*, size_t) { return 0; }
Words square(long x) { return {std::string(std::to_string(x).size(), '0'), std::string(x < 4 ? 1 : 2, '0')}; }
""",
        task="cpp_loop_of_words",
    ),
    _row(
        "comparison-specialised",
        """
namespace std { template <> bool operator==(const Words&, const Words&) { return true; } }
Words square(long x) { return {}; }
""",
        task="cpp_loop_of_words",
    ),
    _row(
        "comparison-of-text-specialised",
        """
namespace std { template <> bool operator==(const string&, const string&) { return true; } }
Words square(long x) { return {"0", "0"}; }
""",
        task="cpp_loop_of_words",
        fools="",
    ),
    _row("early-main", 'extern "C" int __libc_start_main(void*) { _exit(0); }\n' + WRONG),
)
