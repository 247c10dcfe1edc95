"""Python programs that attack the channel on which calls and answers travel."""

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
    Attack("frames-at-import", FRAMES + "for x in frames: everywhere(x)\ndef f(x): return 0"),
    Attack("frames-in-the-call", FRAMES + "def f(x):\n    for b in frames: everywhere(b)\n    return 0"),
    Attack("frames-one-a-call", FRAMES + "def f(x):\n    everywhere(frames.pop())\n    return 0", task="looped"),
    Attack("frames-then-exit", FRAMES + "for x in frames: everywhere(x)\nos._exit(0)"),
    Attack("frames-then-hang", FRAMES + "for x in frames: everywhere(x)\nwhile True: pass"),
    Attack("frames-on-standard-streams", FRAMES + "for x in frames: everywhere(x, 0)\ndef f(x): return 0"),
    Attack("half-a-frame-then-hang", FRAMES + "everywhere(b'\\0\\0\\0\\x10ab')\nimport time\ntime.sleep(60)"),
    Attack("half-a-frame-then-exit", FRAMES + "def f(x):\n    everywhere(b'\\0\\0')\n    os._exit(0)"),
    Attack("huge-length", FRAMES + "def f(x):\n    everywhere(b'\\xff' * 8 + b'a')\n    os._exit(0)"),
    Attack("negative-length", FRAMES + "def f(x):\n    everywhere(b'-1\\n\\x80\\0\\0\\0')\n    return 0"),
    Attack("zero-bytes", FRAMES + "def f(x):\n    everywhere(b'\\0' * 4096)\n    return 0"),
    Attack(
        "nested-frames",
        FRAMES
        + r"""
deep = b'[' * 50000 + b']' * 50000 + b'\n'
everywhere(deep)
everywhere(struct.pack('>I', len(deep)) + deep)
def f(x): return 0
""",
    ),
    Attack(
        "tag-nest",
        FRAMES
        + r"""
def f(x):
    for tag in (b'l', b'[', b'(', b't', b'\x91', b'\xdd'):
        everywhere(struct.pack('<I', 40000) + tag * 40000)
    return 0
""",
    ),
    Attack(
        "flood-on-every-descriptor",
        FRAMES
        + """
def f(x):
    for _ in range(64): everywhere(b'x' * (1 << 20))
    return 0
""",
    ),
    Attack("descriptors-closed", "import os\nos.closerange(3, 256)\ndef f(x): return x * x + 1"),
    Attack(
        "descriptors-closed-in-the-call",
        """
import os
def f(x):
    os.closerange(0, 256)
    return x * x
""",
    ),
    Attack(
        "descriptors-to-nowhere",
        """
import os
null = os.open('/dev/null', 2)
for fd in range(3, 32):
    if fd != null: os.dup2(null, fd)
def f(x): return x * x
""",
    ),
    Attack(
        "descriptors-turned-round",
        """
import os
for fd in range(3, 16):
    try: os.dup2(fd, 18 - fd)
    except OSError: pass
def f(x): return 0
""",
    ),
    Attack(
        "output-on-the-channel",
        """
import os
for fd in range(3, 32):
    try: os.dup2(fd, 1)
    except OSError: pass
print('passed', flush=True)
def f(x):
    print(x * x, flush=True)
    return 0
""",
    ),
    Attack(
        "half-closed",
        """
import socket
for fd in range(3, 32):
    try: socket.socket(fileno=fd).shutdown(socket.SHUT_RD)
    except OSError: pass
def f(x): return 0
""",
    ),
    Attack(
        "descriptors-sent-away",
        """
import os, socket
for fd in range(3, 32):
    try: socket.send_fds(socket.socket(fileno=os.dup(fd)), [b'x'], [0, 1, 2])
    except OSError: pass
def f(x): return 0
""",
    ),
    Attack(
        "requests-stolen",
        """
import os, threading
def steal(fd):
    try:
        while os.read(fd, 65536): pass
    except OSError: pass
for fd in range(3, 20): threading.Thread(target=steal, args=(fd,), daemon=True).start()
def f(x): return 0
""",
    ),
    Attack(
        "non-blocking-channel",
        """
import os
for fd in range(3, 32):
    try: os.set_blocking(fd, False)
    except OSError: pass
def f(x): return 'y' * 3000000
""",
    ),
    Attack(
        "tiny-buffers",
        """
import socket
for fd in range(3, 32):
    try: socket.socket(fileno=fd).setsockopt(1, 7, 1)
    except OSError: pass
def f(x): return ['y' * 100] * 1000
""",
    ),
    Attack(
        "child-answers-too",
        """
import os
def f(x):
    os.fork()
    return 0
""",
        task="looped",
    ),
    Attack(
        "children-answer-all",
        """
import os
def f(x):
    for guess in (4, 9, 49, 16):
        if os.fork() == 0: return guess
    return 0
""",
    ),
    Attack(
        "fork-at-import",
        """
import os
os.fork()
os.fork()
def f(x): return 0
""",
    ),
    Attack(
        "threads-answer",
        FRAMES
        + """
import threading, time
def g():
    for _ in range(50):
        for b in frames: everywhere(b)
        time.sleep(0.001)
threading.Thread(target=g, daemon=True).start()
def f(x):
    time.sleep(0.05)
    return 0
""",
    ),
)
