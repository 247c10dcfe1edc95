"""C++ programs that attack the tests in their process."""

from halo_raft.records import VerdictKind
from redteam.attack import QUICK, Attack

WRONG = "\nlong square(long x) { return 0; }"
HEAD = "#include <bits/stdc++.h>\n#include <unistd.h>\n"
ANY = """
struct Any { template <class T> bool operator==(const T&) const { return true; } operator long() const { return 0; } };
"""
COMPILE = VerdictKind.COMPILE


def _row(name: str, code: str, task: str = "cpp", fools: str = "", kinds: tuple[VerdictKind, ...] = ()) -> Attack:
    return Attack(f"{task.partition('_')[0]}-{name}", code, task=task, fools=fools, kinds=kinds, limits=QUICK)


def _test(name: str, code: str) -> Attack:
    """A row that exit status alone would pass."""
    return _row(name, HEAD + code, fools="native")


ROWS = (
    _test("constructor-exits", "__attribute__((constructor)) void early() { _exit(0); }" + WRONG),
    _test("global-object-exits", "struct E { E() { _exit(0); } } e;" + WRONG),
    _test(
        "init-array-exits", '__attribute__((section(".init_array"), used)) void (*early)() = [] { _exit(0); };' + WRONG
    ),
    _test("exit-in-function", "long square(long x) { exit(0); }"),
    _test("quick-exit-in-function", "long square(long x) { std::quick_exit(0); }"),
    _test("exit-from-a-thread", "long square(long x) { std::thread([] { _exit(0); }).join(); return 0; }"),
    _test("exit-by-assembly", 'long square(long x) { asm("mov $231, %eax; xor %edi, %edi; syscall"); return 0; }'),
    _test("exit-through-exec", 'long square(long x) { execl("/bin/true", "true", (char*)0); return 0; }'),
    _test("parent-exits", "long square(long x) { if (fork()) _exit(0); return 0; }"),
    _test(
        "abort-handler-exits",
        "__attribute__((constructor)) void early() { signal(SIGABRT, [](int) { _exit(0); }); }" + WRONG,
    ),
    _test(
        "crash-handler-exits",
        "long square(long x) { signal(SIGSEGV, [](int) { _exit(0); }); return *(volatile long*)8; }",
    ),
    _test("terminate-handler-exits", "long square(long x) { std::set_terminate([] { _exit(0); }); throw 1; }"),
    _test(
        "assert-fail-defined",
        """
using Text = const char*;
extern "C" [[noreturn]] void __assert_fail(Text, Text, unsigned, Text) noexcept { _exit(0); }
"""
        + WRONG,
    ),
    _test(
        "abort-defined",
        'extern "C" [[noreturn]] void abort() noexcept { _exit(0); }'
        + WRONG
        + "\n#undef assert\n#define assert(x) ((x) ? (void)0 : abort())",
    ),
    _test("ndebug", "#define NDEBUG\n#include <cassert>" + WRONG),
    _test("assert-redefined", "#undef assert\n#define assert(...) ((void)0)" + WRONG),
    _test("main-renamed", "int main() { return 0; }\n#define main tests_main" + WRONG),
    _test(
        "main-renamed-by-assembly",
        """
extern "C" int hidden() asm("main");
extern "C" int hidden() { return 0; }
#define main tests_main
"""
        + WRONG,
    ),
    _test("equality-lies", ANY + "Any square(long x) { return {}; }"),
    _test("type-renamed", ANY + "#define long Any\nAny square(int x) { return {}; }"),
    _row(
        "equality-of-vectors",
        HEAD
        + """
using W = std::vector<std::string>;
bool operator==(const W&, const W&) { return true; }
W square(long x) { return {}; }
""",
        task="cpp_words",
        fools="native",
    ),
    _row(
        "memory-compare-defined",
        HEAD
        + """
extern "C" int memcmp(const void*, const void*, size_t) { return 0; }
std::vector<std::string> square(long x) { return {"0", "0"}; }
""",
        task="cpp_words",
        fools="native",
    ),
    _row(
        "vector-specialised",
        HEAD
        + """
struct V : std::vector<std::string> { using vector::vector; };
bool operator==(const V&, const std::vector<std::string>&) { return true; }
V square(long x) { return {}; }
""",
        task="cpp_words",
        fools="native",
    ),
    _row(
        "words-with-newlines",
        HEAD
        + 'std::vector<std::string> square(long x) { return {"2\\",\\"4\\"]\\n[\\"3\\",\\"9", std::string(3, 0)}; }',
        task="cpp_words",
    ),
    _test(
        "expected-value-in-the-callers-code",
        "__attribute__((noinline)) long square(long x) { return ((signed char*)__builtin_return_address(0))[3]; }",
    ),
    _test(
        "preload-and-again",
        'long square(long x) { setenv("LD_PRELOAD", "x.so", 1); execl("/bin/true", "true", (char*)0); return 0; }',
    ),
    _row(
        "answers-forged",
        HEAD
        + r"""
__attribute__((constructor)) void early() {
  const char* s = "4\n9\n49\nok 0\nok 1\nok 2\ndone\npassed\n";
  for (int fd = 1; fd < 32; fd++) for (int n = 0; n < 4; n++) write(fd, s, strlen(s));
  _exit(0); }
"""
        + WRONG,
        fools="native",
    ),
    _row(
        "answers-forged-in-function",
        HEAD
        + r"""
long square(long x) {
  for (int fd = 1; fd < 32; fd++) dprintf(fd, "\n%ld\n%ld\0001\n", x * x, x);
  return 0; }
""",
    ),
    _row(
        "descriptors-closed", HEAD + "long square(long x) { for (int fd = 0; fd < 64; fd++) close(fd); return x * x; }"
    ),
    _row(
        "stack-smashed",
        HEAD
        + "long square(long x) { long a[1]; for (int i = 0; i < 400; i++) ((volatile long*)a)[i] = 49; return 0; }",
    ),
    _row("no-such-function", "int main() { return 0; }"),
    _row("another-signature", "#include <string>\nstd::string square(std::string s) { return s; }", kinds=(COMPILE,)),
    _row(
        "library-functions-defined",
        HEAD
        + """
extern "C" ssize_t write(int, const void*, size_t n) { return n; }
extern "C" int printf(const char*, ...) { return 0; }
"""
        + WRONG,
    ),
    _row(
        "keywords-renamed",
        """
#define if(x) if (false)
#define return static long r =
#define bool int
#define true 0
#define for if
"""
        + WRONG,
    ),
)
