"""Python programs that multiply, stay behind or kill. Each stops by itself, so that a hole costs little."""

from halo_raft.records import VerdictKind
from redteam.attack import Attack

TIMEOUT, MEMORY, OUTPUT = VerdictKind.TIMEOUT, VerdictKind.MEMORY, VerdictKind.OUTPUT_LIMIT


def _row(name: str, code: str, kinds: tuple[VerdictKind, ...] = (), task: str = "square") -> Attack:
    return Attack(name, code, task=task, kinds=kinds)


ROWS = (
    _row(
        "fork-bomb",
        """
import os, time
end = time.time() + 2
for _ in range(12):
    try: os.fork()
    except OSError: pass
while time.time() < end: pass
def f(x): return 0
""",
    ),
    _row(
        "fork-bomb-in-function",
        """
import os, time
def f(x):
    for _ in range(2000):
        try:
            if os.fork() == 0: time.sleep(60); os._exit(0)
        except OSError: pass
    return 0
""",
    ),
    _row(
        "forks-that-wait",
        """
import os, time
def f(x):
    for _ in range(20):
        try:
            if os.fork() == 0: time.sleep(60)
        except OSError: break
    return 0
""",
    ),
    _row(
        "thread-bomb",
        """
import threading, time
def f(x):
    for _ in range(5000): threading.Thread(target=time.sleep, args=(60,)).start()
    return 0
""",
    ),
    _row(
        "zombie-flood",
        """
import os
def f(x):
    for _ in range(3000):
        try:
            if os.fork() == 0: os._exit(0)
        except OSError: break
    return 0
""",
    ),
    _row(
        "daemon",
        """
import os, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        time.sleep(60)
        os._exit(0)
    os._exit(0)
def f(x): return 0
""",
    ),
    _row(
        "daemons-in-sessions-of-their-own",
        """
import os, time
def f(x):
    for _ in range(8):
        if os.fork() == 0:
            os.setsid()
            for fd in range(3): os.close(fd)
            time.sleep(60)
            os._exit(0)
    return 0
""",
    ),
    _row(
        "daemon-without-signals",
        """
import os, signal, time
if os.fork() == 0:
    os.setsid()
    for s in range(1, 65):
        try: signal.signal(s, signal.SIG_IGN)
        except (OSError, ValueError): pass
    time.sleep(60)
os._exit(0)
""",
    ),
    _row(
        "daemon-that-holds-the-pipes",
        """
import os, time
if os.fork() == 0:
    time.sleep(60)
    os._exit(0)
os._exit(0)
""",
    ),
    _row(
        "daemon-that-respawns",
        """
import os, time
if os.fork() == 0:
    end = time.time() + 20
    while time.time() < end:
        if os.fork(): os._exit(0)
        time.sleep(0.001)
    os._exit(0)
def f(x): return 0
""",
    ),
    _row(
        "stopped-child",
        """
import os, signal
if os.fork() == 0:
    os.setsid()
    os.kill(os.getpid(), signal.SIGSTOP)
    os._exit(0)
def f(x): return 0
""",
    ),
    _row(
        "program-in-the-background",
        """
import subprocess
subprocess.Popen(['/bin/sh', '-c', 'sleep 60 & sleep 60 &'], start_new_session=True)
def f(x): return 0
""",
    ),
    _row(
        "kill-all",
        """
import os, time
try: os.kill(-1, 9)
except OSError: pass
time.sleep(0.1)
def f(x): return 0
""",
    ),
    _row(
        "kill-all-in-function",
        """
import os
def f(x):
    os.kill(-1, 9)
    return 0
""",
    ),
    _row(
        "stop-all",
        """
import os
try: os.kill(-1, 19)
except OSError: pass
def f(x): return 0
""",
    ),
    _row(
        "kill-the-parent",
        """
import os
try: os.kill(os.getppid(), 9)
except OSError: pass
def f(x): return 0
""",
    ),
    _row(
        "stop-the-parent",
        """
import os
try: os.kill(os.getppid(), 19)
except OSError: pass
def f(x): return 0
""",
    ),
    _row(
        "terminate-the-parent",
        """
import os
for s in (15, 2, 1, 3, 10, 17, 24):
    try: os.kill(os.getppid(), s)
    except OSError: pass
def f(x): return 0
""",
    ),
    _row("kill-the-group", "import os\ndef f(x): os.killpg(0, 9)"),
    _row(
        "kill-the-group-of-the-parent",
        """
import os
try: os.killpg(os.getpgid(os.getppid()), 9)
except OSError: pass
def f(x): return 0
""",
    ),
    _row(
        "kill-low-numbers",
        """
import os
for pid in range(1, 400):
    if pid != os.getpid():
        try: os.kill(pid, 9)
        except OSError: pass
def f(x): return 0
""",
    ),
    _row(
        "kill-the-worker",
        """
import os
for pid in (@WORKER@, @BYSTANDER@):
    try: os.kill(pid, 9)
    except OSError: pass
def f(x): return 0
""",
    ),
    _row(
        "queue-a-signal",
        """
import signal, os
try: signal.pidfd_send_signal(os.pidfd_open(os.getppid()), 9)
except OSError: pass
def f(x): return 0
""",
    ),
)
