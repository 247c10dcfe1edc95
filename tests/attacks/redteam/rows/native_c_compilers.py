"""C and C++ programs that attack the compiler, the machine, or the comparison of what they print."""

from halo_raft.records import VerdictKind
from redteam.attack import QUICK, Attack

WRONG = "\nlong square(long x) { return 0; }"
HEAD = "#include <bits/stdc++.h>\n#include <unistd.h>\n"
ANY = """
struct Any { template <class T> bool operator==(const T&) const { return true; } operator long() const { return 0; } };
"""
COMPILE, VIOLATION = VerdictKind.COMPILE, VerdictKind.VIOLATION


def _row(name: str, code: str, task: str = "cpp", fools: str = "", kinds: tuple[VerdictKind, ...] = ()) -> Attack:
    return Attack(f"{task.partition('_')[0]}-{name}", code, task=task, fools=fools, kinds=kinds, limits=QUICK)


def _test(name: str, code: str) -> Attack:
    """A row that exit status alone would pass."""
    return _row(name, HEAD + code, fools="native")


ROWS = (
    _row("token-of-home", '#include "@HOME@/token"' + WRONG, kinds=(COMPILE, VIOLATION)),
    _row("password-file", '#include "/etc/passwd"\n#include "/etc/shadow"' + WRONG, kinds=(COMPILE, VIOLATION)),
    _row(
        "token-in-the-binary",
        r"""
asm(".data\nsecret: .incbin \"@HOME@/token\"\n.text");
extern "C" const char secret[];
long square(long x) { return secret[0] ? x * x : 0; }
""",
    ),
    _row("assembler-include", 'asm(".include \\"@HOME@/token\\"");' + WRONG),
    _row(
        "token-by-embed",
        """
constexpr unsigned char s[] = {
#embed "@HOME@/token"
};
long square(long x) { return sizeof s ? x * x : 0; }
""",
    ),
    _row(
        "token-asked-for",
        """
#if __has_include("@HOME@/token")
long square(long x) { return x * x; }
#else
long square(long x) { return 0; }
#endif
""",
    ),
    _row("include-zero", '#include "/dev/zero"' + WRONG),
    _row("include-random", '#include "/dev/urandom"' + WRONG),
    _row("include-stdin", '#include "/dev/stdin"' + WRONG),
    _row("include-itself", "#include __FILE__\n#include __FILE__" + WRONG),
    _row("huge-array", "char a[16LL << 30] = {1};" + WRONG),
    _row("huge-alignment", "alignas(1 << 28) char a[3][1 << 28] = {{1}};" + WRONG),
    _row(
        "macro-bomb",
        "\n".join(["#define A0 1,"] + [f"#define A{i} " + f"A{i - 1} " * 16 for i in range(1, 9)])
        + "\nlong a[] = {A8};"
        + WRONG,
    ),
    _row(
        "template-bomb",
        """
template <int N, int M> struct T { enum { v = T<N - 1, M>::v + T<N - 1, M + (1 << N)>::v }; };
template <int M> struct T<0, M> { enum { v = 1 }; };
long a = T<28, 0>::v;
"""
        + WRONG,
    ),
    _row("template-recursion", "template <class T> struct S { S<S<T>*> s; };\nS<int> s;" + WRONG),
    _row(
        "constexpr-bomb",
        """
#pragma GCC optimize("-fconstexpr-ops-limit=2000000000000")
constexpr long g(long n) { long s = 0; for (long i = 0; i < n; i++) for (long j = 0; j < n; j++) s += j; return s; }
constexpr long a = g(250000);
"""
        + WRONG,
    ),
    _row(
        "message-flood",
        r"""
#define M _Pragma("message \"xxxxxxxxxxxxxxxxxxxxxxxx\"")
#define N M M M M M M M M
#define O N N N N N N N N
#define P O O O O O O O O
P P P P
"""
        + WRONG,
    ),
    _row(
        "plugin",
        """
#pragma GCC optimize("-fplugin=/tmp/redteam.so")
#pragma GCC plugin "x"
"""
        + WRONG,
    ),
    _row("compiler-killed", HEAD + "long square(long x) { kill(getppid(), 9); kill(-1, 9); return 0; }"),
    _row(
        "shell",
        HEAD
        + """
const char* line = "echo x > @CANARY@/redteam-new; env | grep TEST_SECRET";
long square(long x) { return system(line) == 0 ? x * x : 0; }
""",
    ),
    _row(
        "socket",
        HEAD
        + """
#include <arpa/inet.h>
long square(long x) { int s = socket(2, 1, 0); sockaddr_in a{2, htons(@PORT@), {htonl(0x7f000001)}, {}};
  return connect(s, (sockaddr*)&a, sizeof a) ? 0 : x * x; }
""",
    ),
    _row(
        "fork-bomb",
        HEAD
        + """
long square(long x) {
  for (int i = 0; i < 1000; i++)
    if (fork() == 0) { setsid(); sleep(60); _exit(0); }
  return 0;
}
""",
    ),
    _row(
        "memory-bomb",
        HEAD
        + """
long square(long x) {
  for (int i = 0; i < 64; i++)
    if (void* p = malloc(1 << 26)) memset(p, 1, 1 << 26);
  return 0;
}
""",
    ),
    _row("loop", "long square(long x) { for (volatile long i = 0;; i++); }", kinds=(VerdictKind.TIMEOUT,)),
    _row("recursion", "long square(long x) { volatile char a[4096]; a[0] = x; return square(x + 1) + a[0]; }"),
    _row(
        "output-flood",
        HEAD + 'long square(long x) { for (;;) write(1, "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\\n", 37); }',
    ),
    _row("all-answers", '#include <cstdio>\nint main() { puts("6\\n10\\n42"); }', task="cpp_program", fools="contains"),
    _row(
        "answers-then-crash",
        r"""
#include <iostream>
int main() { long n; std::cin >> n; std::cout << 2 * n << '\n' << std::flush; while (true); }
""",
        task="cpp_program",
        fools="contains",
        kinds=(VerdictKind.TIMEOUT,),
    ),
    _row(
        "daemon",
        """
#include <cstdio>
#include <unistd.h>
int main() { if (!fork()) { setsid(); if (!fork()) { sleep(60); } } puts("7"); }
""",
        task="cpp_program",
    ),
    _row(
        "c-plus-plus-in-c",
        """
#include <iostream>
int main() { long n; std::cin >> n; std::cout << 2 * n; }
""",
        task="c_program",
        kinds=(COMPILE,),
    ),
    _row("input-included", 'int main(void) {\n#include "/dev/stdin"\n}', task="c_program"),
    _row("digraphs-and-implicit-main", 'main(){puts("6");puts("10");puts("42");}', task="c_program"),
    _row(
        "vla-overflow",
        r"""
#include <stdio.h>
int main(void) {
  long n;
  scanf("%ld", &n);
  volatile char a[n << 28];
  a[0] = a[(n << 28) - 1] = 1;
  printf("%ld\n", 2 * n);
}
""",
        task="c_program",
    ),
    _row(
        "exit-in-constructor",
        """
#include <stdlib.h>
__attribute__((constructor)) void e(void) { exit(0); }
int main(void) { return 0; }
""",
        task="c_program",
        fools="prefix",
    ),
)
