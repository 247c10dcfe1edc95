"""The hostile programs of the soak; `{f}` stands for the function that a task asks for."""

from halo_raft.records import Task

PYTHON = {
    "exit": "import os\nos._exit(0)",
    "equals everything": "class E:\n    __eq__ = lambda s, o: True\ndef {f}(*a): return E()",
    "fork bomb": "import os\nwhile True:\n    try: os.fork()\n    except OSError: pass",
    "daemon": "import os, time\nif os.fork() == 0:\n    os.setsid()\n    os.fork()\n    time.sleep(999)\n"
    "def {f}(*a): return 1",
    "memory": "x = []\nwhile True: x.append(bytearray(1 << 20))",
    "fill": "for i in range(10**6):\n    with open(str(i), 'wb') as f: f.write(b'x' * 10**6)",
    "many files": "for i in range(10**6): open(str(i), 'w').close()",
    "output": "while True: print('x' * 10**6)",
    "descriptors": "import os\nwhile True: os.pipe()",
    "threads": "import threading, time\nwhile True: threading.Thread(target=time.sleep, args=(99,)).start()",
    "kill": "import os\nos.kill(-1, 9)\nos.kill(os.getppid(), 9)\ndef {f}(*a): return 1",
    "recursion": "import sys\nsys.setrecursionlimit(10**9)\ndef {f}(*a): return {f}(*a)",
    "sleep": "import time\ndef {f}(*a): time.sleep(999)",
    "spin": "def {f}(*a):\n    while True: pass",
    "huge int": "def {f}(*a): return 10 ** 300000",
    "channel": "import os\nfor fd in range(3, 9):\n    try: os.write(fd, b'x' * 99)\n    except OSError: pass\n"
    "def {f}(*a): return 1",
    "orphans that spin": "import os\nfor _ in range(2):\n    if os.fork() == 0:\n        if os.fork(): os._exit(0)\n"
    "        while True: pass\nimport time\ntime.sleep(99)",
    "unwaited children": "import os, signal, time\nsignal.signal(signal.SIGCHLD, signal.SIG_IGN)\nwhile True:\n"
    "    if os.fork() == 0:\n        end = time.process_time() + 0.3\n        while time.process_time() < end: pass\n"
    "        os._exit(0)\n    time.sleep(0.2)",
    "drip": "import os, threading, time\ndef drip():\n    while True:\n        os.write(2, b'.')\n"
    "        time.sleep(0.02)\nthreading.Thread(target=drip, daemon=True).start()\nwhile True: pass",
    "drip and grow": "import os, threading, time\ndef drip():\n    while True:\n        os.write(2, b'.')\n"
    "        time.sleep(0.02)\nthreading.Thread(target=drip, daemon=True).start()\nfor _ in range(9):\n"
    "    if os.fork() == 0:\n        kept = b'x' * (100 << 20)\n        time.sleep(99)\ntime.sleep(99)",
    "socket buffers": "import os, socket, time\nfor _ in range(16):\n    if os.fork() == 0: break\nkept = []\ntry:\n"
    "    while True:\n        kept.append(socket.socketpair())\n        for end in kept[-1]:\n"
    "            end.setblocking(False)\n            try:\n                while True: end.send(bytes(60000))\n"
    "            except BlockingIOError: pass\nexcept OSError: time.sleep(99)",
    "deep folders": "import os\nwhile True:\n    os.mkdir('d')\n    os.chdir('d')",
    "locked folders": "import os\nfor n in range(200):\n    os.mkdir(str(n))\n    os.chmod(str(n), 0)\nos._exit(0)",
    "watch": "import ctypes\nlibc = ctypes.CDLL(None)\nwhile True: libc.inotify_init()",
    "crash": "import ctypes\nctypes.string_at(0)",
}
DOUBLE = Task(task_id="double", prompt="Print the double.", test_cases=({"stdin": "3\n", "expected_output": "6\n"},))
C_DOUBLE = '#include <stdio.h>\nint main(void) { long n; scanf("%ld", &n); printf("%ld\\n", 2 * n); return 0; }\n'
NATIVE = {
    "loader of its own": (
        "c",
        '__attribute__((used, section(".interp"))) static const char loader[] = "/lib/none.so";\n' + C_DOUBLE,
    ),
    "too wide": (
        "c",
        "__attribute__((used, aligned(1u << 26))) char wide = 1;\nchar zeros[70 << 20] = {1};\n" + C_DOUBLE,
    ),
    "newlines": ("c", "#\n" + "\n" * 200_000 + "int main(void) { return 0; }"),
    "double forks": (
        "c",
        "#include <unistd.h>\nint main(void) { for (int n = 0; n < 2; n++) if (!fork()) { setsid(); "
        "if (fork()) _exit(0);\n"
        "for (;;); } pause(); }",
    ),
    "constructor": (
        "cpp",
        "#include <cstdlib>\n__attribute__((constructor)) void f() { abort(); }\nint main() { return 0; }",
    ),
    "another first line": ("cpp", "// halo-raft: go\nint main() { return 0; }"),
    "library": ("rust", '#![crate_type = "cdylib"]\npub fn main() {}'),
    "leak": ("rust", "fn main() { let mut v = Vec::new(); loop { v.push(Box::leak(vec![1u8; 1 << 20].into())); } }"),
    "goroutines": ("go", "package main\nfunc main() { for { go func() { select {} }() } }"),
    "drip": (
        "go",
        'package main\nimport ("os"; "time")\nfunc main() { go func() { for { os.Stderr.Write([]byte(".")); '
        "time.Sleep(time.Millisecond) } }(); for { } }",
    ),
}
COMPILERS = {"c": "gcc", "cpp": "g++", "rust": "rustc", "go": "go"}
