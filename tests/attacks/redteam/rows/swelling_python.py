"""Python programs that fill memory, folders and descriptor tables. Each stops by itself: a hole costs little."""

from halo_raft.records import VerdictKind
from redteam.attack import Attack

TIMEOUT, MEMORY, OUTPUT = VerdictKind.TIMEOUT, VerdictKind.MEMORY, VerdictKind.OUTPUT_LIMIT


def _row(name: str, code: str, kinds: tuple[VerdictKind, ...] = (), task: str = "square") -> Attack:
    return Attack(name, code, task=task, kinds=kinds)


ROWS = (
    _row(
        "memory-bomb",
        """
a = []
while len(a) < 256: a.append(b'x' * (1 << 24))
def f(x): return 0
""",
        kinds=(MEMORY, TIMEOUT),  # a slow machine's second is over before all of it is touched
    ),
    _row("memory-bomb-in-function", "def f(x): return len(bytearray(1 << 33))", kinds=(MEMORY,)),
    _row(
        "memory-bomb-by-mmap",
        """
import mmap
keep = []
for _ in range(64):
    m = mmap.mmap(-1, 1 << 26)
    for i in range(0, 1 << 26, 4096): m[i] = 1
    keep.append(m)
def f(x): return 0
""",
    ),
    _row(
        "memory-bomb-in-children",
        """
import os, time
for _ in range(8):
    if os.fork() == 0:
        a = b'x' * (200 << 20)
        time.sleep(60)
time.sleep(0.5)
def f(x): return 0
""",
    ),
    _row(
        "memory-swallowed-quietly",
        """
def f(x):
    a = []
    try:
        while len(a) < 512: a.append(bytearray(1 << 23))
    except MemoryError:
        return 0
    return 0
""",
    ),
    _row(
        "memory-in-files",
        """
import os
fd = os.memfd_create('x')
os.ftruncate(fd, 1 << 33)
for i in range(1500): os.pwrite(fd, b'x' * (1 << 20), i << 20)
def f(x): return 0
""",
    ),
    _row(
        "memory-in-pipes",
        """
import os
for _ in range(2000):
    r, w = os.pipe()
    os.set_blocking(w, False)
    os.write(w, b'x' * 65536)
def f(x): return 0
""",
    ),
    _row(
        "disk-fill",
        """
with open('big', 'wb') as file:
    for _ in range(1500): file.write(b'x' * (1 << 20))
def f(x): return 0
""",
    ),
    _row(
        "disk-fill-by-many-files",
        """
for i in range(400):
    with open(f'big{i}', 'wb') as file: file.write(b'x' * (4 << 20))
def f(x): return 0
""",
    ),
    _row(
        "temporary-folder-fill",
        """
import os
for folder in ('/tmp', '/dev/shm', '/var/tmp', '/run'):
    try:
        with open(folder + '/redteam-big', 'wb') as file:
            for _ in range(1200): file.write(b'x' * (1 << 20))
    except OSError: pass
def f(x): return 0
""",
    ),
    _row(
        "small-files-left",
        """
import os
for folder in ('/tmp', '/dev/shm', '/var/tmp', '/run', '/run/lock', '/dev/mqueue', '/'):
    try: open(folder + '/redteam-left', 'w').write('x')
    except OSError: pass
def f(x): return 0
""",
    ),
    _row(
        "sparse-file",
        """
import os
try: os.truncate(os.open('s', 66), 1 << 50)
except OSError: pass
def f(x): return 0
""",
    ),
    _row(
        "many-empty-files",
        """
import os
for i in range(200_000):
    os.close(os.open(f'e{i}', 66))
def f(x): return 0
""",
    ),
    _row(
        "deep-folders",
        """
import os
for _ in range(3000):
    os.mkdir('d' * 200)
    os.chdir('d' * 200)
def f(x): return 0
""",
    ),
    _row(
        "folders-without-permissions",
        """
import os
os.mkdir('locked')
open('locked/x', 'w').write('x')
os.chmod('locked', 0)
os.chmod('.', 0)
def f(x): return 0
""",
    ),
    _row(
        "odd-names",
        r"""
import os
for name in (b'\xff\xfe', b'new\nline', b'-rf', b'a' * 255, b' '):
    os.mkdir(name)
os.mkfifo('fifo')
os.symlink('/proc/self/fd', 'loop')
def f(x): return 0
""",
    ),
    _row(
        "many-open-files",
        """
import os
keep = []
while len(keep) < 100_000: keep.append(os.open('/dev/null', 0))
def f(x): return 0
""",
    ),
)
