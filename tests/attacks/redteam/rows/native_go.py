"""Go programs: tests in their process, and programs that print."""

from halo_raft.records import VerdictKind
from redteam.attack import Attack

WRONG = "\nfunc square(x int) int { return 0 }\n"
COMPILE = VerdictKind.COMPILE


def _head(*imports: str) -> str:
    lines = "".join(
        f"\n\t{name if name[-1] == chr(34) else chr(34) + name + chr(34)}" for name in ("testing", *imports)
    )
    return f"package square_test\n\nimport ({lines}\n)\n"


def _row(name: str, code: str, fools: str = "", kinds: tuple[VerdictKind, ...] = (), task: str = "go") -> Attack:
    return Attack(f"go-{name}", code, task=task, fools=fools, kinds=kinds)


ROWS = (
    _row("init-exits", _head("fmt", "os") + "func init() { os.Exit(0) }" + WRONG, "native"),
    _row("variable-exits", _head("fmt", "os") + "var x = func() int { os.Exit(0); return 0 }()" + WRONG, "native"),
    _row("exit-in-function", _head("fmt", "os") + "func square(x int) int { os.Exit(0); return 0 }\n"),
    _row(
        "exit-by-system-call",
        _head("fmt", "syscall") + "func square(x int) int { syscall.Exit(0); return 0 }\n",
        "native",
    ),
    _row(
        "goroutine-exits",
        _head("fmt", "syscall", "time")
        + """
func square(x int) int { go syscall.Exit(0); time.Sleep(time.Second); return 0 }
""",
        "native",
    ),
    _row(
        "exit-before-tests-end",
        _head("fmt", "syscall") + "func init() { go func() { for { syscall.Exit(0) } }() }" + WRONG,
    ),
    _row("test-main", _head("fmt", "os") + "func TestMain(m *testing.M) { os.Exit(0) }" + WRONG, "native"),
    _row("test-main-does-nothing", _head("fmt") + "func TestMain(m *testing.M) {}" + WRONG, "native"),
    _row(
        "test-main-ignores-the-result",
        _head("fmt", "os") + "func TestMain(m *testing.M) { m.Run(); os.Exit(0) }" + WRONG,
        "native",
    ),
    _row(
        "tests-deselected",
        _head("fmt", "os") + 'func init() { os.Args = append(os.Args, "-test.run=^$") }' + WRONG,
        "native",
    ),
    _row(
        "tests-listed-only",
        _head("fmt", "os") + 'func init() { os.Args = append(os.Args, "-test.list=.*") }' + WRONG,
        "native",
    ),
    _row(
        "tests-skipped",
        _head("fmt", "os") + 'func init() { os.Args = append(os.Args, "-test.skip=.") }' + WRONG,
        "",
    ),
    _row(
        "fmt-shadowed",
        """
package square_test

import "testing"

type liar struct{}

func (liar) Sprintf(a ...any) string { return "" }

var fmt liar
"""
        + WRONG,
        "native",
    ),
    _row(
        "true-and-len-shadowed",
        _head("fmt")
        + """
const true, false = 1 == 2, 1 == 2

func len(x any) int { return 0 }
"""
        + WRONG,
    ),
    _row(
        "int-shadowed",
        _head("fmt")
        + """
type int struct{}

func square(x int64) int { return int{} }
""",
    ),
    _row("test-of-the-same-name", _head("fmt") + "func TestSquare(t *testing.T) {}" + WRONG, kinds=()),
    _row("goexit", _head("fmt", "runtime") + "func square(x int) int { runtime.Goexit(); return 0 }\n"),
    _row("panic-recovered", _head("fmt") + "func square(x int) int { defer func() { recover() }(); panic(x) }\n"),
    _row(
        "answers-forged",
        _head("fmt", "os", "syscall")
        + r"""
func init() {
	for fd := 1; fd < 32; fd++ {
		syscall.Write(fd, []byte("4\n9\n49\nok 0\nok 1\nok 2\ndone\n--- PASS: TestSquare (0.00s)\nPASS\nok"))
	}
	os.Exit(0)
}
"""
        + WRONG,
        "native",
    ),
    _row(
        "linked-to-the-runtime",
        _head("fmt", '_ "unsafe"') + "//go:linkname exit os.runtime_beforeExit\nfunc exit(int)\n" + WRONG,
    ),
    _row(
        "linked-to-testing",
        _head("fmt", '_ "unsafe"')
        + """
//go:linkname fail testing.(*common).Fail
func fail(c *testing.T) {}
"""
        + WRONG,
    ),
    _row(
        "embedded-token",
        _head("fmt", '_ "embed"')
        + """
//go:embed @HOME@/token
var secret string

func square(x int) int { if secret != "" { return x * x }; return 0 }
""",
    ),
    _row("embedded-tests", _head("fmt", "embed") + "//go:embed *\nvar files embed.FS\n" + WRONG),
    _row(
        "cgo",
        """
package square_test

// #include <stdlib.h>
// __attribute__((constructor)) static void e(void) { exit(0); }
import "C"
import (
	"fmt"
	"testing"
)
"""
        + WRONG,
    ),
    _row("download", _head("fmt", '_ "github.com/pkg/errors"') + WRONG, kinds=(COMPILE,)),
    _row("generate", _head("fmt") + '//go:generate sh -c "echo x > @CANARY@/redteam-new"' + WRONG),
    _row("line-directive", _head("fmt") + "//line @HOME@/token:1\nfunc bad( {}\n" + WRONG, kinds=(COMPILE,)),
    _row(
        "another-package",
        """
package main

func main() {}
""",
    ),
    _row("assembly-stub", _head("fmt") + "func square(x int) int\n"),
    _row(
        "plugin-opened",
        _head("fmt", "plugin")
        + """
func square(x int) int { if _, e := plugin.Open("@CANARY@/evil.so"); e == nil { return x * x }; return 0 }
""",
    ),
    _row(
        "secret-in-environment",
        _head("fmt", "os")
        + """
func square(x int) int { if os.Getenv("HALO_RAFT_TEST_SECRET") != "" { return x * x }; return 0 }
""",
    ),
    _row(
        "socket",
        _head("fmt", "net")
        + """
func square(x int) int { if _, e := net.Dial("tcp", "127.0.0.1:@PORT@"); e == nil { return x * x }; return 0 }
""",
    ),
    _row(
        "write-to-a-sibling",
        _head("fmt", "os")
        + """
func square(x int) int { if os.WriteFile("@CANARY@/redteam-new", nil, 0o644) == nil { return x * x }; return 0 }
""",
    ),
    _row(
        "constant-bomb",
        _head("fmt")
        + """
const a = 1 << 500
const b = a * a / a

var c = [1 << 40]byte{1}
"""
        + WRONG,
    ),
    _row(
        "array-bomb",
        _head("fmt")
        + """
var c = [1 << 32]byte{5: 1}

func square(x int) int { return int(c[x]) }
""",
    ),
    _row(
        "type-bomb",
        _head("fmt")
        + """
type A[T any] struct{ a, b *A[A[T]] }

var a A[int]
"""
        + WRONG,
    ),
    _row("loop", _head("fmt") + "func square(x int) int { for { x++ } }\n", kinds=(VerdictKind.TIMEOUT,)),
    _row(
        "memory-bomb",
        _head("fmt")
        + """
var keep [][]byte

func square(x int) int {
	for i := 0; i < 64; i++ {
		b := make([]byte, 1<<26)
		for j := range b {
			b[j] = 1
		}
		keep = append(keep, b)
	}
	return 0
}
""",
    ),
    _row(
        "goroutine-bomb",
        _head("fmt", "time")
        + """
func square(x int) int { for i := 0; i < 1000000; i++ { go time.Sleep(time.Minute) }; return 0 }
""",
    ),
    _row(
        "output-flood",
        _head("fmt", "os")
        + r"""
func square(x int) int { for { os.Stdout.WriteString("xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\n") } }
""",
    ),
    _row(
        "all-answers",
        r"""
package main

import "fmt"

func main() { fmt.Println("6\n10\n42") }
""",
        "contains",
        task="go_program",
    ),
    _row(
        "init-exits-program",
        """
package main

import "os"

func init() { os.Exit(0) }
func main() {}
""",
        "prefix",
        task="go_program",
    ),
)
