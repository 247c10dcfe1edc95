"""Python programs that attack the code which serves the channel in the candidate's process."""

from redteam.attack import Attack

FRAMES = r"""
import json, marshal, os, struct
verdict = {'ok': True, 'passed': 3, 'total': 3, 'kind': 'passed', 'done': True, 'value': 4, 'result': 4}
bodies = [json.dumps(verdict).encode(), marshal.dumps(verdict), b'ok 0 -\nok 1 -\nok 2 -\ndone 0 -', b'passed', b'\x04']
frames = [b + b'\n' for b in bodies]
for f in ('>I', '<I', '>Q', '<Q', '>H'):
    frames += [struct.pack(f, len(b)) + b for b in bodies]
def everywhere(data, low=3):
    for fd in range(low, 64):
        try: os.write(fd, data)
        except OSError: pass
"""
WALK = r"""
import sys
frame = sys._getframe()
found = {}
while frame:
    found.update({k: v for s in (frame.f_globals, frame.f_locals) for k, v in list(s.items()) if callable(v)})
    frame = frame.f_back
"""

ROWS = (
    Attack(
        "wake-up-descriptor",
        """
import os, signal
for fd in range(3, 32):
    try:
        os.set_blocking(fd, False)
        signal.set_wakeup_fd(fd)
    except (OSError, ValueError): pass
signal.signal(10, lambda *a: 0)
def f(x):
    for _ in range(99): os.kill(os.getpid(), 10)
    return 0
""",
    ),
    Attack(
        "fault-handler-on-the-channel",
        """
import faulthandler
for fd in range(3, 32):
    try: faulthandler.dump_traceback_later(0.001, repeat=True, file=fd)
    except Exception: pass
def f(x):
    for _ in range(10**6): pass
    return 0
""",
    ),
    Attack(
        "driver-functions-called",
        WALK
        + """
def f(x):
    for name, call in found.items():
        if any(w in name for w in ('send', 'write', 'reply', 'report', 'frame', 'dump', 'encode')):
            for args in ((), (4,), ({'ok': True},), ('done', 0), (3, b'passed')):
                try: call(*args)
                except BaseException: pass
    return 0
""",
    ),
    Attack(
        "driver-functions-replaced",
        WALK
        + """
import types
for call in found.values():
    if isinstance(call, types.FunctionType):
        try: call.__code__ = (lambda *a, **k: b'passed').__code__
        except ValueError: pass
def f(x): return 0
""",
    ),
    Attack(
        "driver-constants-replaced",
        """
import gc, types
for g in gc.get_objects():
    if type(g) is dict and '__name__' in g:
        for k, v in list(g.items()):
            if type(v) is int and k.isupper(): g[k] = v * 10**6 + 1
def f(x): return 0
""",
    ),
    Attack(
        "driver-frame-jumps",
        """
import sys
def trace(frame, event, arg):
    try: frame.f_lineno = frame.f_code.co_firstlineno + 99
    except ValueError: pass
    return trace
frame = sys._getframe()
while frame:
    frame.f_trace = trace
    frame = frame.f_back
sys.settrace(trace)
def f(x): return 0
""",
    ),
    Attack(
        "senders-patched",
        """
import os, socket
w = os.write
os.write = lambda fd, data: (w(fd, b'passed' * 9), len(data))[1]
os.writev = lambda fd, parts: sum(map(len, parts))
socket.socket.send = socket.socket.sendall = lambda *a: None
def f(x): return 0
""",
    ),
    Attack(
        "senders-patched-to-repeat",
        """
import os
w = os.write
def twice(fd, data):
    for _ in range(5): w(fd, data)
    return len(data)
os.write = twice
def f(x): return 0
""",
    ),
    Attack(
        "senders-patched-to-cut",
        """
import os
w = os.write
os.write = lambda fd, data: (w(fd, bytes(data)[:3]), len(data))[1]
def f(x): return 0
""",
    ),
    Attack(
        "receivers-patched",
        """
import os, socket
os.read = lambda fd, n: b''
socket.socket.recv = lambda *a: b''
socket.socket.recv_into = lambda *a: 0
def f(x): return 0
""",
    ),
    Attack(
        "sockets-in-the-heap",
        r"""
import gc, io, socket
def f(x):
    for thing in gc.get_objects():
        if isinstance(thing, (socket.socket, io.RawIOBase, io.BufferedIOBase)):
            try: getattr(thing, 'sendall', getattr(thing, 'write', None))(b'passed\n' * 99)
            except Exception: pass
    return 0
""",
    ),
    Attack(
        "limits-lowered",
        """
import resource
for which in (resource.RLIMIT_NOFILE, resource.RLIMIT_FSIZE, resource.RLIMIT_NPROC):
    resource.setrlimit(which, (0, 0))
def f(x): return 0
""",
    ),
    Attack(
        "memory-limit-lowered",
        """
import resource
resource.setrlimit(resource.RLIMIT_AS, (1, 1))
def f(x): return [x] * 10000
""",
    ),
    Attack(
        "limits-raised",
        """
import resource
for which in (resource.RLIMIT_AS, resource.RLIMIT_CPU, resource.RLIMIT_NOFILE):
    resource.setrlimit(which, (-1, -1))
keep = bytearray(1 << 31)
def f(x): return x * x
""",
    ),
    Attack(
        "answers-while-unloading",
        """
import sys
class D:
    def __del__(self): raise SystemExit
def f(x):
    d = D()
    d.d = d
    sys.exit(0)
""",
    ),
    Attack(
        "standard-streams-replaced",
        """
import io, sys
sys.stdout = sys.stderr = sys.__stdout__ = io.StringIO()
sys.stdin = None
print('ALL TESTS PASSED')
def f(x): return 0
""",
    ),
    Attack(
        "signals-to-yourself",
        """
import os, signal
for s in range(1, 32):
    try: signal.signal(s, lambda *a: os._exit(0))
    except (OSError, ValueError): pass
def f(x):
    for s in (1, 2, 3, 13, 15, 17, 24): os.kill(os.getpid(), s)
    return 0
""",
    ),
)
