"""Python programs after what is not theirs: secrets, files, sockets, other processes, privileges.

Each answers rightly exactly when it got something, so that a pass would prove the harm.
"""

from redteam.attack import Attack

ANSWER = "\ndef f(x): return x * x if got else 0\n"
SYSTEM_CALL = """
import ctypes, os
assert os.uname().machine == 'x86_64'
libc = ctypes.CDLL(None, use_errno=True)
def call(*args): return libc.syscall(*[ctypes.c_long(a) if isinstance(a, int) else a for a in args])
"""


def _row(name: str, code: str, fools: str = "") -> Attack:
    return Attack(name, code.strip("\n") + ANSWER, fools=fools)


def _open(name: str, path: str, mode: str = "rb") -> Attack:
    return _row(name, f"try:\n    got = open({path!r}, {mode!r}).read(64) != b''\nexcept OSError:\n    got = False")


def _attempt(name: str, code: str, fools: str = "") -> Attack:
    """A row whose code raises when it is refused."""
    body = "".join(f"    {line}\n" for line in code.strip("\n").split("\n"))
    return _row(name, f"import os, socket\ngot = False\ntry:\n{body}    got = True\nexcept OSError:\n    pass", fools)


def _system_call(name: str, *arguments: object) -> Attack:
    """A row that makes one system call (x86-64 number first), refused when it returns -1."""
    return _row(name, f"{SYSTEM_CALL}got = call({', '.join(map(str, arguments))}) != -1")


ROWS = (
    _row("secret-in-environ", "import os\ngot = 'HALO_RAFT_TEST_SECRET' in os.environ", fools="status"),
    _row(
        "secret-in-libc-environ",
        """
import ctypes
libc = ctypes.CDLL(None)
libc.getenv.restype = ctypes.c_char_p
got = libc.getenv(b'HALO_RAFT_TEST_SECRET')
""",
        fools="status",
    ),
    _row(
        "secret-in-own-proc",
        """
try:
    got = b'TEST_SECRET' in open('/proc/self/environ', 'rb').read()
except OSError:
    got = False
""",
        fools="status",
    ),
    _row(
        "secret-in-worker-proc",
        """
try:
    got = b'TEST_SECRET' in open('/proc/@WORKER@/environ', 'rb').read()
except OSError:
    got = False
""",
        fools="status",
    ),
    _row(
        "secret-in-any-proc",
        """
import glob, os
got = False
for path in glob.glob('/proc/[0-9]*/environ') + ['/proc/%d/environ' % os.getppid()]:
    try: got = got or b'TEST_SECRET' in open(path, 'rb').read()
    except OSError: pass
""",
        fools="status",
    ),
    _row(
        "secret-in-memory-of-zygote",
        """
import gc
texts = [v for d in gc.get_objects() if type(d) is dict for v in d.values() if type(v) is str]
got = any(v.startswith('redteam-' + 'secret-') for v in texts)
""",
    ),
    _row(
        "secret-printed",
        """
import os, sys
print(dict(os.environ), sys.argv, sys.path)
sys.stderr.write(str(os.environ))
got = False
""",
    ),
    _row(
        "secret-in-an-error",
        """
import os
got = False
if os.environ.get('HALO_RAFT_TEST_SECRET'): raise ValueError(os.environ['HALO_RAFT_TEST_SECRET'])
""",
    ),
    _open("token-in-home", "@HOME@/token"),
    _open("secret-of-a-sibling", "@CANARY@/secret.txt"),
    _open("shadow-file", "/etc/shadow"),
    _row(
        "keys-in-any-home",
        """
import glob, os, pwd
got = False
homes = {os.path.expanduser('~'), '/root', '@HOME@', *(e.pw_dir for e in pwd.getpwall())}
for h in homes:
    for n in ('.ssh', '.cache/huggingface', '.netrc', '.aws', '.bash_history', 'token'):
        p = f'{h}/{n}'
        try: got = got or bool(os.listdir(p) if os.path.isdir(p) else open(p).read(1))
        except OSError: pass
""",
    ),
    _attempt("write-to-a-sibling", "open('@CANARY@/secret.txt', 'w').write('changed')", fools="status"),
    _attempt("new-file-at-a-sibling", "open('@CANARY@/redteam-new', 'w').write('x')"),
    _attempt("delete-at-a-sibling", "os.unlink('@CANARY@/secret.txt')"),
    _attempt("rename-a-sibling", "os.rename('@CANARY@/secret.txt', '@CANARY@/moved.txt')"),
    _attempt("mode-of-a-sibling", "os.chmod('@CANARY@/secret.txt', 0o600)"),
    _attempt("times-of-a-sibling", "os.utime('@CANARY@/secret.txt', (0, 0))"),
    _attempt("truncate-at-a-sibling", "os.truncate('@CANARY@/secret.txt', 0)"),
    _attempt(
        "symlink-out",
        """
os.symlink('@CANARY@/secret.txt', 'link')
open('link', 'w').write('changed')
""",
        fools="status",
    ),
    _attempt(
        "symlink-to-a-folder-out",
        """
os.symlink('@CANARY@', 'folder')
open('folder/redteam-new', 'w').write('x')
""",
    ),
    _attempt("hard-link-out", "os.link('@CANARY@/secret.txt', 'hard')"),
    _attempt("dots-out", "open('../' * 20 + '@CANARY@'.lstrip('/') + '/secret.txt', 'r+').write('changed')"),
    _attempt("mount-of-a-sibling-by-fd", "fd = os.open('/proc/@WORKER@/root@CANARY@/secret.txt', os.O_RDWR)"),
    _attempt("working-folder-of-the-worker", "os.listdir('/proc/@WORKER@/cwd/')"),
    _attempt("write-to-the-token", "open('@HOME@/token', 'w').write('changed')"),
    _attempt("memory-of-the-worker", "open('/proc/@WORKER@/mem', 'rb').read(0)"),
    _attempt("memory-of-the-parent", "open('/proc/%d/mem' % os.getppid(), 'r+b')"),
    _attempt("descriptors-of-the-worker", "os.listdir('/proc/@WORKER@/fd')"),
    _attempt(
        "descriptors-of-the-parent",
        "for n in os.listdir('/proc/%d/fd' % os.getppid()): os.open('/proc/%d/fd/%s' % (os.getppid(), n), 0)",
    ),
    _attempt("signal-to-the-worker", "os.kill(@WORKER@, 0)"),
    _attempt("signal-to-a-bystander", "os.kill(@BYSTANDER@, 0)"),
    _attempt("priority-of-the-worker", "os.sched_setaffinity(@WORKER@, {0})"),
    _attempt(
        "limits-of-the-worker",
        """
import resource
resource.prlimit(@WORKER@, resource.RLIMIT_NOFILE, (64, 64))
""",
    ),
    _attempt("pidfd-of-the-worker", "import signal\nsignal.pidfd_send_signal(os.pidfd_open(@WORKER@), 0)"),
    _attempt("tcp-to-localhost", "s = socket.create_connection(('127.0.0.1', @PORT@), 1)", fools="status"),
    _attempt("tcp-on-version-six", "s = socket.create_connection(('::ffff:127.0.0.1', @PORT@), 1)"),
    _attempt("abstract-socket", "s = socket.socket(socket.AF_UNIX)\ns.connect('\\0@ABSTRACT@')", fools="status"),
    _attempt("cloud-metadata", "s = socket.create_connection(('169.254.169.254', 80), 1)"),
    _attempt("udp-out", "s = socket.socket(2, 2)\ns.sendto(b'x', ('192.0.2.1', 53))"),
    _attempt("name-look-up", "socket.getaddrinfo('example.com', 80)"),
    _attempt(
        "listen-on-all",
        """
s = socket.socket()
s.bind(('0.0.0.0', 0))
s.listen()
socket.create_connection(('127.0.0.1', @PORT@), 1)
""",
    ),
    _attempt("vsock", "s = socket.socket(40, 1)\ns.settimeout(1)\ns.connect((2, 1024))"),
    _attempt("raw-socket", "socket.socket(2, 3, 1)"),
    _attempt("packet-socket", "socket.socket(17, 3)"),
    _attempt(
        "container-socket",
        """
import glob
s = socket.socket(socket.AF_UNIX)
for p in glob.glob('/run/*.sock') + glob.glob('/run/*/*sock*') + glob.glob('/tmp/ray/*/sockets/*') or ['/none']:
    s.connect(p)
""",
    ),
    _row(
        "ray-and-servers",
        """
import socket
got = False
for port in (6379, 8265, 10001, 5000, @PORT@):
    try: socket.create_connection(('localhost', port), 0.2); got = True
    except OSError: pass
""",
    ),
    _attempt("become-root", "os.setuid(0)\nopen('/etc/shadow', 'rb').read()"),
    _attempt("old-groups", "os.setgroups([0])\nopen('/etc/shadow', 'rb').read()"),
    _attempt("device-made", "os.mknod('disk', 0o60600, os.makedev(254, 0))"),
    _attempt("root-changed", "os.mkdir('r')\nos.chroot('r')"),
    _attempt("host-name", "socket.sethostname('redteam')"),
    _attempt("raised-priority", "os.nice(-5)"),
    _attempt("kernel-settings", "os.open('/proc/sys/kernel/core_pattern', os.O_WRONLY)"),
    _attempt("kernel-memory", "os.open('/dev/mem', 0)"),
    _attempt("control-groups", "os.mkdir('/sys/fs/cgroup/redteam')"),
    _attempt(
        "disks",
        """
import glob
for p in glob.glob('/dev/vd*') + glob.glob('/dev/sd*') + ['/dev/none']: os.open(p, 0)
""",
    ),
    _attempt(
        "terminal",
        """
os.open('/dev/tty', os.O_RDWR)
os.write(os.open('/dev/console', 1), b'x')
""",
    ),
    _attempt(
        "system-written",
        """
for p in ('/usr/redteam', '/etc/redteam', '/bin/redteam', '/redteam', '/lib/redteam'):
    try: open(p, 'w'); break
    except OSError: pass
else: raise OSError
""",
    ),
    _attempt(
        "interpreter-written",
        """
import site, sysconfig
for key in ('stdlib', 'purelib', 'platlib', 'scripts'):
    try: open(sysconfig.get_path(key) + '/redteam.pth', 'w'); break
    except OSError: pass
else: raise OSError
""",
    ),
    _attempt(
        "library-written",
        """
import json, numpy
for module in (json, numpy, os):
    try: open(module.__file__, 'a'); break
    except OSError: pass
else: raise OSError
""",
    ),
    _attempt(
        "byte-code-written",
        """
import json
p = os.path.dirname(json.__cached__ or json.__file__)
os.makedirs(p, exist_ok=True)
open(p + '/redteam.pyc', 'w')
""",
    ),
    _system_call("ptrace-the-worker", 101, 16, "@WORKER@", 0, 0),
    _system_call("ptrace-the-parent", 101, 0x4206, "os.getppid()", 0, 0),
    _row(
        "read-the-worker",
        SYSTEM_CALL
        + """
import struct
buf = ctypes.create_string_buffer(8)
v = struct.pack('QQ', ctypes.addressof(buf), 8)
far = struct.pack('QQ', id(None), 8)
got = any(call(310, pid, v, 1, far, 1, 0) > 0 for pid in (@WORKER@, os.getppid()))
""",
    ),
    _row(
        "write-to-the-parent",
        SYSTEM_CALL
        + r"""
import struct
buf = ctypes.create_string_buffer(b'\0', 1)
v = struct.pack('QQ', ctypes.addressof(buf), 1)
got = call(311, os.getppid(), v, 1, v, 1, 0) > 0
""",
    ),
    _row(
        "steal-a-descriptor",
        SYSTEM_CALL
        + """
fd = call(434, os.getppid(), 0)
got = fd >= 0 and any(call(438, fd, n, 0) >= 0 for n in range(16))
""",
    ),
    _system_call("keyring-added", 248, "b'user'", "b'redteam'", "b'x'", 1, -4),
    _system_call("keyring-searched", 250, 0, -3, 0),
    _system_call("shared-memory", 29, 0x48414C4F, 4096, 0o1666),
    _system_call("semaphores", 64, 0x48414C4F, 1, 0o1666),
    _system_call("message-queue", 68, 0x48414C4F, 0o1666),
    _system_call("posix-queue", 240, "b'redteam'", 0o102, 0o666, 0),
    _system_call(
        "bpf", 321, 0, "ctypes.create_string_buffer(b'\\1\\0\\0\\0\\4\\0\\0\\0\\4\\0\\0\\0\\1\\0\\0\\0', 128)", 128
    ),
    _system_call("io-uring", 425, 4, "ctypes.create_string_buffer(120)"),
    _system_call("perf-events", 298, "ctypes.create_string_buffer(b'\\0\\0\\0\\0\\x70\\0\\0\\0', 112)", -1, 0, -1, 0),
    _system_call("user-fault-handler", 323, 1),
    _system_call("new-user-namespace", 272, 0x10000000),
    _system_call("new-namespaces-by-clone", 56, 0x10000000 | 0x20000 | 17, 0, 0, 0, 0),
    _system_call("new-namespaces-by-clone3", 435, "(ctypes.c_ulong * 11)(0x10000000, 0, 0, 0, 17)", 88),
    _system_call("mount", 165, "b'none'", "b'.'", "b'tmpfs'", 0, 0),
    _system_call("unmount", 166, "b'/tmp'", 2),
    _system_call("remount-writable", 165, "b'none'", "b'/usr'", 0, 32 | 4096, 0),
    _system_call("open-tree", 428, -100, "b'/'", 1),
    _system_call("new-file-system", 430, "b'tmpfs'", 0),
    _system_call("kernel-log", 103, 3, "ctypes.create_string_buffer(64)", 64),
    _system_call("ctrl-alt-del-off", 169, 0xFEE1DEAD, 672274793, 0, 0),
    _system_call("address-randomisation-off", 135, 0x0040000),
    _system_call("port-access", 172, 3),
)
