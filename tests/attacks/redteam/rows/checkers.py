"""Programs whose output a special judge reads: data that tries to be more than data."""

from redteam.attack import Attack

PROGRAMS = {
    "says-yes": "print(1)",
    "says-ok-and-ends": "print('ok')\nraise SystemExit(0)",
    "says-what-the-checker-would": "print('accepted')\nprint('1')",
    "right-sum-of-wrong-parts": "n = int(input())\nprint(0, n)",
    "overflowing-parts": "n = int(input())\nprint(2 ** 32 + 1, n - 1)",
    "parts-that-are-no-digits": "n = int(input())\nprint(chr(0x661), n - 1, 'nan', '1e0')",
    "right-and-more": "n = int(input())\nprint(1, n - 1, 1)",
    "right-by-a-comment": "n = int(input())\nprint(f'1 {n - 1} # 1')",
    "bytes": "import os\nos.write(1, bytes(range(256)) * 8)",
    "million-numbers": "print('1 6 ' * 50_000)",
    "digits-without-end": "print('9' * 100_000, 1)",
    "format-signs": "print('%s%n%d %n')",
    "code": 'print(\'__import__("os").write(3, b"yes")\')',
    "writes-the-checkers-files": (
        "for name in ('answer.txt', 'output.txt', 'checker.py', 'testlib.h'):\n"
        "    open(name, 'w').write('1 ' + '6\\n')\nprint(0, 7)"
    ),
    "writes-on-the-channel": "import os\ntry: os.write(3, b'yes')\nexcept OSError: pass\nprint(0, 7)",
    "reads-the-answer": "try: print(open('answer.txt').read())\nexcept OSError: print(0, 7)",
    "looks-for-the-checker": (
        "import glob\nfound = [f for f in glob.glob('/work/*') + glob.glob('*') if 'check' in f or 'answer' in f]\n"
        "n = int(input())\nprint(*([1, n - 1] if found else [0, n]))"
    ),
    "stays-behind": "import os, time\nif os.fork() == 0:\n    time.sleep(2)\n    print('1 6')\nelse:\n    print(0, 7)",
}
ROWS = tuple(
    Attack(f"checker-{kind}-{name}", code, task=f"summands_{kind}")
    for kind in ("program", "function", "testlib")
    for name, code in PROGRAMS.items()
)
