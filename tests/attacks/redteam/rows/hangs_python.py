"""Python programs that print, recurse, wait or loop without end, and leavings for whoever comes next."""

from halo_raft.records import VerdictKind
from redteam.attack import Attack

TIMEOUT, MEMORY, OUTPUT = VerdictKind.TIMEOUT, VerdictKind.MEMORY, VerdictKind.OUTPUT_LIMIT


def _row(name: str, code: str, kinds: tuple[VerdictKind, ...] = (), task: str = "square") -> Attack:
    return Attack(name, code, task=task, kinds=kinds)


ROWS = (
    _row("endless-output", "while True: print('x' * 1000)", kinds=(OUTPUT,)),
    _row("endless-output-in-function", "def f(x):\n    while True: print('y' * 100)", kinds=(OUTPUT,)),
    _row("endless-errors", "import os\nwhile True: os.write(2, b'x' * 65536)", kinds=(OUTPUT,)),
    _row(
        "endless-output-of-children",
        """
import os
for _ in range(4):
    if os.fork() == 0:
        while True: os.write(1, b'x' * 65536)
def f(x): return 0
""",
    ),
    _row("output-then-answers", "print('x' * 10_000_000)\ndef f(x): return x * x", kinds=(OUTPUT,)),
    _row(
        "binary-output",
        r"""
import os
os.write(1, bytes(range(256)) * 100)
os.write(2, b'\xff\0' * 1000)
def f(x): return 0
""",
    ),
    _row("deep-recursion", "import sys\nsys.setrecursionlimit(10**9)\ndef f(x): return f(x)"),
    _row(
        "deep-recursion-at-import",
        """
import sys
sys.setrecursionlimit(10**9)
def g(): return g()
g()
""",
    ),
    _row(
        "stack-overflow-in-c",
        """
import sys
sys.setrecursionlimit(10**9)
a = []
for _ in range(10**6): a = [a]
repr(a)
def f(x): return 0
""",
    ),
    _row("crash", "import ctypes\ndef f(x): return ctypes.string_at(0)"),
    _row("crash-at-import", "import ctypes\nctypes.string_at(1)"),
    _row("abort", "import os\ndef f(x): os.abort()"),
    _row(
        "illegal-instruction",
        r"""
import ctypes, mmap
m = mmap.mmap(-1, 4096, prot=7)
m.write(b'\x0f\x0b')
ctypes.CFUNCTYPE(None)(ctypes.addressof(ctypes.c_char.from_buffer(m)))()
""",
    ),
    _row("sleep", "import time\ndef f(x): time.sleep(600)", kinds=(TIMEOUT,)),
    _row("sleep-at-import", "import time\ntime.sleep(600)", kinds=(TIMEOUT,)),
    _row("loop", "while True: pass", kinds=(TIMEOUT,)),
    _row(
        "loop-that-catches-all",
        """
def f(x):
    while True:
        try:
            while True: pass
        except BaseException: pass
""",
        kinds=(TIMEOUT,),
    ),
    _row(
        "loop-without-signals",
        """
import signal
for s in range(1, 65):
    try: signal.signal(s, signal.SIG_IGN)
    except (OSError, ValueError): pass
def f(x):
    while True: pass
""",
        kinds=(TIMEOUT,),
    ),
    _row(
        "loop-with-signals-blocked",
        """
import signal
signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))
def f(x):
    while True: pass
""",
        kinds=(TIMEOUT,),
    ),
    _row("loop-in-c", "def f(x): return pow(3, 10**9)"),
    _row("loop-in-a-regular-expression", "import re\ndef f(x): return re.match('(a+)+b', 'a' * 64)", kinds=(TIMEOUT,)),
    _row(
        "loop-in-threads",
        """
import threading
def spin():
    while True: pass
def f(x):
    for _ in range(8): threading.Thread(target=spin).start()
    return 0
""",
    ),
    _row(
        "loop-in-children",
        """
import os
def f(x):
    for _ in range(3):
        if os.fork() == 0:
            os.setsid()
            while True: pass
    os.wait()
""",
        kinds=(TIMEOUT, VerdictKind.RUNTIME),  # tier B lets an ordinary user's programs make no processes
    ),
    _row(
        "waits-for-input",
        """
import sys
def f(x):
    return int(sys.stdin.readline() or input())
""",
    ),
    _row(
        "waits-for-a-lock",
        """
import threading
lock = threading.Lock()
lock.acquire()
def f(x): lock.acquire()
""",
        kinds=(TIMEOUT,),
    ),
    _row(
        "waits-for-a-pipe",
        """
import os
def f(x):
    os.mkfifo('p')
    return open('p').read()
""",
        kinds=(TIMEOUT,),
    ),
    _row(
        "timer-storm",
        """
import signal
signal.signal(signal.SIGALRM, lambda *a: None)
signal.setitimer(signal.ITIMER_REAL, 1e-5, 1e-5)
def f(x): return sum(range(10**6))
""",
    ),
    _row(
        "switch-interval",
        """
import gc, sys
gc.disable()
sys.setswitchinterval(1e9)
sys.setrecursionlimit(30)
def f(x): return f(x)
""",
    ),
    _row(
        "core-dump",
        """
import os, resource
try: resource.setrlimit(resource.RLIMIT_CORE, (-1, -1))
except (OSError, ValueError): pass
def f(x): os.abort()
""",
    ),
    _row(
        "preload-left",
        """
import os
os.environ['LD_PRELOAD'] = '@CANARY@/evil.so'
os.environ['PYTHONPATH'] = os.getcwd()
os.putenv('PYTHONSTARTUP', 'x')
def f(x): return os.system('/bin/true') and x
""",
    ),
    _row(
        "hooks-left-in-the-zygote",
        """
import builtins, sys
builtins.len = lambda x: 4
sys.modules['math'] = None
sys.path.insert(0, '.')
def f(x): return 0
""",
    ),
    _row(
        "late-import-of-all",
        """
import pkgutil, importlib
for m in list(pkgutil.iter_modules())[:150]:
    try: importlib.import_module(m.name)
    except BaseException: pass
def f(x): return 0
""",
    ),
)
