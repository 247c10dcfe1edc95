"""Python programs that end, or threaten to end, before a test can fail."""

from redteam.attack import Attack

ROWS = (
    Attack("exit-at-import", "import sys\nsys.exit(0)", fools="status"),
    Attack("hard-exit-at-import", "import os\nos._exit(0)", fools="status"),
    Attack("quit-at-import", "quit()", fools="status"),
    Attack("exit-in-function", "import sys\ndef f(x): sys.exit(0)", fools="status"),
    Attack("exit-in-check", "def f(x):\n    raise SystemExit", task="check", fools="status"),
    Attack("exit-in-test-solution", "def f(x):\n    raise SystemExit(None)", task="solution", fools="status"),
    Attack("hard-exit-in-function", "import os\ndef f(x): os._exit(0)", task="solution", fools="status"),
    Attack("exit-by-libc", "import ctypes\ndef f(x): ctypes.CDLL(None)._exit(0)", fools="status"),
    Attack("exit-by-system-call", "import ctypes\ndef f(x): ctypes.CDLL(None).syscall(231, 0)", fools="status"),
    Attack("exit-through-exec", "import os\nos.execv('/bin/true', ['true'])", fools="status"),
    Attack(
        "exit-through-exec-of-python",
        """
import os, sys
def f(x): os.execv(sys.executable, [sys.executable, '-c', ''])
""",
        fools="status",
    ),
    Attack(
        "exit-from-a-thread",
        """
import os, threading, time
threading.Timer(0.05, os._exit, [0]).start()
def f(x): time.sleep(2)
""",
        fools="status",
    ),
    Attack("exit-at-exit", "import atexit, os\natexit.register(os._exit, 0)\ndef f(x): return 0", fools="status"),
    Attack(
        "exit-in-excepthook",
        """
import os, sys
sys.excepthook = lambda *a: os._exit(0)
def f(x): return 0
""",
        fools="status",
    ),
    Attack(
        "exit-in-destructor",
        """
import os
class D:
    def __del__(self): os._exit(0)
def f(x):
    D()
    return 0
""",
        fools="status",
    ),
    Attack(
        "exit-in-finaliser-at-shutdown",
        """
import os, weakref
class D: pass
keep = D()
weakref.finalize(keep, os._exit, 0)
def f(x): return 0
""",
        fools="status",
    ),
    Attack(
        "exit-in-alarm-handler",
        """
import os, signal, time
signal.signal(signal.SIGALRM, lambda *a: os._exit(0))
signal.setitimer(signal.ITIMER_REAL, 0.05)
def f(x): time.sleep(2)
""",
        fools="status",
    ),
    Attack(
        "exit-in-term-handler",
        """
import os, signal
signal.signal(signal.SIGTERM, lambda *a: os._exit(0))
def f(x): os.kill(os.getpid(), signal.SIGTERM)
""",
        fools="status",
    ),
    Attack(
        "exit-in-gc-callback",
        """
import gc, os
gc.callbacks.append(lambda *a: os._exit(0))
def f(x): gc.collect()
""",
        fools="status",
    ),
    Attack(
        "exit-in-audit-hook",
        """
import os, sys
sys.addaudithook(lambda *a: os._exit(0))
def f(x): return open('x')
""",
        fools="status",
    ),
    Attack(
        "exit-in-comparison",
        """
import os
class V:
    def __eq__(self, other): os._exit(0)
def f(x): return V()
""",
        fools="status",
    ),
    Attack(
        "exit-in-hash",
        """
import os
class K(str):
    def __hash__(self): os._exit(0)
def f(s): return [K(s)]
""",
        task="words",
    ),
    Attack(
        "exit-in-bool",
        """
class V:
    def __bool__(self): raise SystemExit
    def __eq__(self, o): return self
def f(x): return V()
""",
        fools="status",
    ),
    Attack(
        "exit-in-str-of-error",
        """
import os
class E(Exception):
    def __str__(self): os._exit(0)
def f(x): raise E
""",
        fools="status",
    ),
    Attack("parent-exits-child-stays", "import os\nif os.fork(): os._exit(0)\nos._exit(1)", fools="status"),
    Attack(
        "parent-exits-in-function",
        """
import os
def f(x):
    if os.fork():
        os._exit(0)
    return 0
""",
        fools="status",
    ),
    Attack(
        "children-try-every-answer",
        """
import os
def f(x):
    for guess in range(60):
        if os.fork() == 0:
            return guess
        if os.wait()[1] == 0 and guess == 59:
            os._exit(0)
    os._exit(0)
""",
        fools="status",
    ),
    Attack("status-of-a-timeout", "import os, signal\ndef f(x): os.kill(os.getpid(), signal.SIGXCPU)"),
    Attack("status-of-a-kill", "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)"),
    Attack("status-of-a-filter", "import os, signal\nos.kill(os.getpid(), signal.SIGSYS)"),
    Attack(
        "stop-yourself",
        "import os, signal\ndef f(x): os.kill(os.getpid(), signal.SIGSTOP)",
    ),
    Attack("interrupt", "def f(x): raise KeyboardInterrupt"),
    Attack("interrupt-in-check", "import _thread\ndef f(x): _thread.interrupt_main()", task="check"),
    Attack("generator-exit", "def f(x): raise GeneratorExit"),
    Attack("stop-iteration-ends-a-map", "def f(x): raise StopIteration", task="mapped", fools="exec"),
    Attack(
        "stop-iteration-of-a-subclass",
        "class Stop(StopIteration): pass\ndef f(x): raise Stop",
        task="mapped",
        fools="exec",
    ),
    Attack(
        "stop-iteration-ends-a-zip",
        "def f(x):\n    if x < 5: raise StopIteration\n    return 25",
        task="zipped",
        fools="exec",
    ),
    Attack("skip", "import unittest\ndef f(x): raise unittest.SkipTest('later')", task="solution"),
    Attack("skip-by-pytest", "import pytest\ndef f(x): pytest.skip('later')", task="solution"),
    Attack("assertion-error-at-import", "raise AssertionError"),
    Attack(
        "exception-caught-as-anything",
        """
class Meta(type):
    def __subclasscheck__(cls, other): return True
    def __instancecheck__(cls, other): return True
class E(Exception, metaclass=Meta): pass
def f(x): raise E
""",
        task="raises",
    ),
)
