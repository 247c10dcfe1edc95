"""Python programs that try not to be counted: processes without parents, kernel memory, others' memory and names.

Where a program says how much it got away with, it answers rightly exactly when that is too much.
"""

import dataclasses

from halo_raft.records import VerdictKind
from halo_raft.sandbox import Limits
from redteam.attack import QUICK, Attack

TIMEOUT = VerdictKind.TIMEOUT


def _row(
    name: str, code: str, kinds: tuple[VerdictKind, ...] = (), task: str = "square", limits: Limits = QUICK
) -> Attack:
    return Attack(name, code, task=task, kinds=kinds, limits=limits)


ROWS = (
    _row(
        "orphans-that-spin",
        """
import os, time
def spin():
    end = time.process_time() + 2
    while time.process_time() < end: pass
def orphan():
    try: first = os.fork()
    except OSError: return spin()
    if first: return os.waitpid(first, 0)
    os.setsid()
    if os.fork(): os._exit(0)
    os.close(reader)
    spin()
    os._exit(0)
reader, writer = os.pipe()
for _ in range(2): orphan()
os.close(writer)
os.read(reader, 1)  # until the last of them has ended
def f(x): return x * x
""",
        kinds=(TIMEOUT,),
    ),
    _row(
        "children-that-nobody-waits-for",
        """
import os, signal, time
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
def burn(seconds):
    end = time.process_time() + seconds
    while time.process_time() < end: pass
for _ in range(3):
    for _ in range(2):
        try: kid = os.fork()
        except OSError:
            burn(3)
            continue
        if kid == 0:
            burn(0.5)
            os._exit(0)
    try: os.wait()  # the kernel reaps them, and says so when none is left
    except ChildProcessError: pass
def f(x): return x * x
""",
        kinds=(TIMEOUT,),
    ),
    _row(
        "children-of-threads",
        """
import os, threading, time
def burn(seconds):
    end = time.process_time() + seconds
    while time.process_time() < end: pass
def lane():
    for _ in range(3):
        try: kid = os.fork()
        except OSError: return burn(3)
        if kid == 0:
            burn(0.4)
            os._exit(0)
        os.waitpid(kid, 0)
lanes = [threading.Thread(target=lane) for _ in range(2)]
for t in lanes: t.start()
for t in lanes: t.join()
def f(x): return x * x
""",
        kinds=(TIMEOUT,),
    ),
    _row(
        "memory-in-the-buffers-of-sockets",
        """
import os, socket, time
kept = []
def fill():
    held = 0
    while True:
        try: pair = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        except OSError: return held
        kept.append(pair)
        for end in pair:
            for option in (socket.SO_SNDBUF, socket.SO_RCVBUF): end.setsockopt(socket.SOL_SOCKET, option, 4 << 20)
            end.setblocking(False)
            try:
                while True: held += end.send(bytes(60000))
            except OSError: pass
reader, writer = os.pipe()
count = 0
for _ in range(24):
    try: kid = os.fork()
    except OSError: break
    if kid == 0:
        try:
            os.write(writer, b'%d\\n' % (fill() >> 20))
            time.sleep(2)
        finally: os._exit(0)
    count += 1
time.sleep(1.5)
os.set_blocking(reader, False)
try: total = sum(map(int, os.read(reader, 9999).split()))
except OSError: total = 0
def f(x): return x * x if total > 200 else 0
""",
    ),
    _row(
        "sockets-sent-through-sockets",
        """
import array, os, socket, time
total, kept = 0, []
try:
    for _ in range(2000):
        a, b = socket.socketpair()
        kept.append((a, b))
        for end in (a, b):
            end.setblocking(False)
            try:
                while True: total += end.send(bytes(65536))
            except OSError: pass
        if len(kept) == 24:
            carrier = socket.socketpair()
            for pair in kept:
                fds = array.array('i', [end.fileno() for end in pair])
                carrier[0].sendmsg([b'x'], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, fds)])
                for end in pair: end.close()
            kept = [carrier]
except OSError: pass
time.sleep(0.5)
def f(x): return x * x if total > 400 << 20 else 0
""",
    ),
    *(
        _row(
            f"memory-shared-{name}",
            """
import mmap, os
def hold(size):
    kept = SHARED
    for start in range(0, size, 10 << 20):
        kept[start : start + (10 << 20)] = b'x' * (10 << 20)
        kept.madvise(mmap.MADV_DONTNEED, start, 10 << 20)
    os.write(writer, b'.')
    os.read(waiting, 1)
reader, writer = os.pipe()
waiting, never = os.pipe()
try:
    for _ in range(4):
        if os.fork() == 0:
            os.close(never)
            try: hold(300 << 20)
            finally: os._exit(0)
    os.close(writer)
    held = sum(len(os.read(reader, 1)) for _ in range(4)) * 300
except OSError: held = 0
def f(x): return x * x if held > 700 else 0
""".replace("SHARED", shared),
            limits=dataclasses.replace(QUICK, cpu_s=10, wall_s=20),
        )
        for name, shared in (
            ("without-a-file", "mmap.mmap(-1, size)"),
            ("through-a-device", "mmap.mmap(os.open('/dev/zero', os.O_RDWR), size)"),
        )
    ),
    _row(
        "names-by-inotify",
        """
import ctypes
libc = ctypes.CDLL(None)
ways = {'inotify': libc.inotify_init() >= 0, 'new': libc.inotify_init1(0) >= 0}
def f(x): return x * x if any(ways.values()) else 0
""",
    ),
    _row(
        "names-by-fanotify",
        """
import ctypes
libc = ctypes.CDLL(None)
got = any(libc.fanotify_init(flags, 0) >= 0 for flags in (0x200, 0xe00, 0x1200, 0))
def f(x): return x * x if got else 0
""",
    ),
    _row(
        "names-by-the-list-of-mounts",
        """
import ctypes, struct
libc = ctypes.CDLL(None, use_errno=True)
request = struct.pack('IIQQ', 24, 0, 0xffffffffffffffff, 0)
room = ctypes.create_string_buffer(65536)
got = [libc.syscall(number, request, room, 256, 0) for number in (458, 457, 470)]
def f(x): return x * x if any(count > 0 for count in got) else 0
""",
    ),
    _row("newlines-without-end", "\n" * 200_000 + "def f(x): return 0"),
)
