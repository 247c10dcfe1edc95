"""Programs in C, C++, Rust and Go whose binary, or whose source, would make the sandbox or the judge itself fail."""

import dataclasses

from halo_raft.records import VerdictKind
from redteam.attack import QUICK, Attack

COMPILE, RUNTIME, MEMORY = VerdictKind.COMPILE, VerdictKind.RUNTIME, VerdictKind.MEMORY
C_DOUBLE = '#include <stdio.h>\nint main(void) { long n; scanf("%ld", &n); printf("%ld\\n", 2 * n); return 0; }\n'
CPP_SQUARE = "long square(long x) { return x * x; }\n"
RUST_SQUARE = "fn square(x: isize) -> isize { x * x }\n"
LOADER = '__attribute__((used, section(".interp"))) static const char loader[] = "{path}";\n'
WIDE = '__attribute__((used, aligned(1u << 25), section("wide{n}"))) char wide{n} = 1;\n'


def _row(name: str, code: str, task: str, kinds: tuple[VerdictKind, ...] = (), *, fools: str = "") -> Attack:
    return Attack(name, code, task=task, kinds=kinds, fools=fools)


ROWS = (
    _row("c-loader-that-is-not-there", LOADER.format(path="/lib/none.so") + C_DOUBLE, "c_program", (RUNTIME,)),
    _row("c-loader-that-is-a-folder", LOADER.format(path="/usr") + C_DOUBLE, "c_program", (RUNTIME,)),
    _row("c-loader-that-is-no-program", LOADER.format(path="/dev/null") + C_DOUBLE, "c_program", (RUNTIME,)),
    _row("cpp-loader-that-is-not-there", LOADER.format(path="relative") + CPP_SQUARE, "cpp", (RUNTIME,)),
    _row("c-binary-too-wide", "".join(WIDE.format(n=n) for n in range(2)) + C_DOUBLE, "c_program"),
    _row("cpp-binary-too-wide", "".join(WIDE.format(n=n) for n in range(3)) + CPP_SQUARE, "cpp"),
    _row("cpp-binary-of-zeros", "char big[48 << 20] = {1};\n" + CPP_SQUARE, "cpp", (MEMORY,)),
    _row(
        "c-first-line-of-another-language",
        "// halo-raft: go\n#include <stdio.h>\nint main(void) { return 0; }",
        "c_program",
    ),
    _row("cpp-first-line-of-another-language", "// halo-raft: rust\nlong square(long x) { return 1; }", "cpp"),
    _row(
        "c-interrupts-who-leads-it",
        """
#include <signal.h>
#include <stdio.h>
#include <unistd.h>
int main(void) {
    for (int n = 1; n < 65; n++) { kill(getppid(), n); kill(1, n); }
    usleep(300000);
    puts("0");
    return 0;
}
""",
        "c_program",
    ),
    _row("c-no-start-at-all", C_DOUBLE.replace("main", "mein"), "c_program", (COMPILE,)),
    _row("rust-crate-of-another-kind", f'#![crate_type = "rlib"]\n{RUST_SQUARE}', "rust"),
    _row(
        "rust-crate-of-two-kinds",
        f'#![crate_type = "lib"]\n#![crate_type = "bin"]\n{RUST_SQUARE}',
        "rust",
    ),
    _row("rust-program-that-is-a-library", '#![crate_type = "cdylib"]\npub fn main() {}', "rust_program"),
    _row("go-first-line-of-another-language", "// halo-raft: rust\nfunc square(x int) int { return 1 }", "go"),
    Attack(
        "go-drips-and-grows-beyond-its-memory",
        """
package main

import ("fmt"; "os"; "time")

var kept [][]byte

func main() {
    var n int
    fmt.Scan(&n)
    fmt.Println(2 * n)
    go func() {
        for {
            os.Stdout.Write([]byte{10})
            time.Sleep(3 * time.Millisecond)
        }
    }()
    for len(kept) < 1000 {
        page := make([]byte, 1<<20)
        for i := 0; i < len(page); i += 4096 { page[i] = 1 }
        kept = append(kept, page)
    }
    time.Sleep(time.Second)
    os.Exit(0)
}
""",
        task="go_program",
        kinds=(MEMORY,),
        limits=dataclasses.replace(QUICK, cpu_s=10, wall_s=30),
    ),
    _row("go-newlines-without-end", "package main\n" + "\n" * 60_000 + "func main() {}", "go_program"),
    _row("c-newlines-without-end", "#\n" + "\n" * 200_000 + "int main(void) { return 0; }", "c_program"),
    _row("c-hashes-without-end", "# include" + " " * 200_000 + "\nint main(void) { return 0; }", "c_program"),
    _row("cpp-quotes-that-never-close", '"' + '\\"' * 100_000 + "\n" + CPP_SQUARE, "cpp", (COMPILE,)),
    _row("rust-uses-without-end", "use a::b " * 20_000 + RUST_SQUARE, "rust", (COMPILE,)),
    _row("cpp-longer-than-any-program", "// " + "x" * 300_000 + "\n" + CPP_SQUARE, "cpp", (COMPILE,)),
    _row(
        "cpp-shared-ends-after-one-check",
        """
#include <unistd.h>
static int calls;
long square(long x) { if (calls++) _exit(0); return x * x; }
""",
        "cpp_loop",
    ),
)
