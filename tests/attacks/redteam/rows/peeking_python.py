"""Python programs that look for the expected values, or for the place where verdicts are kept."""

from redteam.attack import Attack

ROWS = (
    Attack(
        "constants-of-the-caller",
        """
import sys
seen = []
def f(x):
    numbers = [c for c in sys._getframe(1).f_code.co_consts if isinstance(c, int)]
    seen.append(x)
    return numbers[2 * len(seen) - 1]
""",
        task="check",
        fools="exec",
    ),
    Attack(
        "source-of-the-caller",
        """
import re, sys
def f(x):
    text = open(sys._getframe(1).f_code.co_filename).read()
    return int(re.search(r'f\\(%d\\) == (\\d+)' % x, text.rsplit('return', 1)[1])[1])
""",
        fools="status",
    ),
    Attack(
        "source-by-argv",
        r"""
import re, sys
pairs = dict(re.findall(r'assert f\((\d+)\) == (\d+)', open(sys.argv[0]).read()))
def f(x): return int(pairs[str(x)])
""",
        fools="status",
    ),
    Attack(
        "source-in-own-memory",
        """
import re
def f(x):
    with open('/proc/self/mem', 'rb', 0) as memory:
        for line in open('/proc/self/maps'):
            if '[heap]' in line or 'rw-p 00000000 00:00 0' in line:
                low, high = (int(n, 16) for n in line.split()[0].split('-'))
                memory.seek(low)
                if found := re.search(rb'assert f\\(%d\\) == (\\d+)' % x, memory.read(min(high - low, 1 << 27))):
                    return int(found[1])
""",
        fools="exec",
    ),
    Attack(
        "strings-in-the-heap",
        """
import gc, re, sys
def f(x):
    for thing in gc.get_objects():
        for value in thing.values() if type(thing) is dict else ():
            if type(value) is str and (found := re.search(r'assert f\\(%d\\) == (\\d+)' % x, value)):
                return int(found[1])
""",
        fools="exec",
    ),
    Attack(
        "functions-in-the-heap",
        """
import gc, types
seen = []
def f(x):
    seen.append(x)
    for thing in gc.get_objects():
        if isinstance(thing, types.FunctionType) and thing.__name__ in ('check', 'test_solution', 'test_two'):
            return [c for c in thing.__code__.co_consts if isinstance(c, int)][2 * len(seen) - 1]
""",
        task="check",
        fools="exec",
    ),
    Attack(
        "frames-of-all-threads",
        """
import sys, threading
box, seen = [], []
def look():
    frame = sys._current_frames()[threading.main_thread().ident]
    while frame and frame.f_code.co_name != 'check': frame = frame.f_back
    box[:] = [c for c in frame.f_code.co_consts if isinstance(c, int)]
def f(x):
    seen.append(x)
    watcher = threading.Thread(target=look)
    watcher.start()
    watcher.join()
    return box[2 * len(seen) - 1]
""",
        task="check",
        fools="exec",
    ),
    Attack(
        "locals-of-the-caller",
        """
import sys
def f(x):
    frame = sys._getframe(1)
    while 'wanted' not in frame.f_globals: frame = frame.f_back
    f.n = getattr(f, 'n', -1) + 1
    return (frame.f_globals['wanted'] + [25])[f.n]
""",
        task="zipped",
        fools="exec",
    ),
    Attack(
        "globals-of-the-caller-changed",
        """
import sys
def f(x):
    sys._getframe(1).f_globals['sorted'] = lambda xs: 0
    return 0
""",
        task="in_order",
        fools="exec",
    ),
    Attack(
        "traceback-of-an-error",
        """
import sys
def f(x):
    try:
        raise ValueError
    except ValueError as error:
        frame = error.__traceback__.tb_frame.f_back
    frame.f_globals.update(wanted=[0, 0, 0])
    return 25 if x == 5 else 0
""",
        task="zipped",
    ),
    Attack(
        "traceback-of-a-callback",
        """
def f(function, x):
    try:
        function(object())
    except TypeError as error:
        while error.__traceback__.tb_next: error.__traceback__ = error.__traceback__.tb_next
        frame = error.__traceback__.tb_frame
        frame.f_globals['str'] = lambda n: 0
    return [c for c in frame.f_back.f_back.f_code.co_consts if c == 4 or c == '3'][function is str]
""",
        task="callback",
    ),
    Attack(
        "globals-of-a-callback",
        """
def f(function, x):
    space = getattr(function, '__globals__', {})
    space['f'] = lambda *a: '3'
    return 4
""",
        task="callback",
        fools="exec",
    ),
    Attack(
        "callback-into-the-judge",
        """
def f(function, x):
    for name in ('__self__', '__closure__', '__func__', '__code__', '__wrapped__', '__dict__'):
        thing = getattr(function, name, None)
        if name == '__code__' and thing:
            function.__code__ = (lambda n: 0).__code__
    return 0
""",
        task="callback",
    ),
    Attack(
        "trace-function-jumps-over-the-tests",
        """
import sys
jumped = []
def trace(frame, event, arg):
    if event == 'line' and frame.f_code.co_name == '<module>' and not jumped:
        jumped.append(frame)
        frame.f_lineno += 2
    return trace
sys.settrace(trace)
def f(x): return 49
""",
        fools="exec",
    ),
    Attack(
        "trace-function-for-all-threads",
        """
import sys, threading
threading.settrace_all_threads(lambda *a: None) if hasattr(threading, 'settrace_all_threads') else 0
threading.setprofile(lambda *a: sys.exit(0))
sys.setprofile(lambda *a: None)
def f(x): return 0
""",
    ),
    Attack(
        "profile-function-exits",
        """
import os, sys
sys.setprofile(lambda frame, event, arg: os._exit(0) if event == 'return' and arg == 0 else None)
def f(x): return 0
""",
        fools="status",
    ),
    Attack(
        "list-of-results-found",
        """
import sys
class Results(list):
    def append(self, item): list.append(self, 'passed')
def f(x):
    frame = sys._getframe()
    while frame:
        for name, value in list(frame.f_globals.items()):
            if type(value) is list and 'result' in name: frame.f_globals[name] = Results()
        frame = frame.f_back
    return 0
""",
        fools="exec",
    ),
    Attack("marker-printed", "print('ALL TESTS PASSED')\ndef f(x): return 0", fools="marker"),
    Attack(
        "marker-printed-then-killed",
        """
import os
print('ALL TESTS PASSED', flush=True)
os.kill(os.getpid(), 9)
""",
        fools="marker",
    ),
    Attack("marker-printed-then-hang", "print('ALL TESTS PASSED', flush=True)\nwhile True: pass", fools="marker"),
    Attack("marker-at-exit", "import atexit\natexit.register(print, 'passed')\ndef f(x): return 0", fools="exec"),
    Attack(
        "marker-by-a-destructor",
        """
import sys
class D:
    def __del__(self, w=sys.stdout.write): w('passed')
keep = D()
def f(x): return 0
""",
        fools="exec",
    ),
    Attack(
        "score-printed",
        """
for line in ('3/3 tests passed', 'passed 3', 'reward 1.0', '{"success": true}', 'OK'):
    print(line)
def f(x): return 0
""",
    ),
    Attack(
        "every-file-is-searched",
        r"""
import os, re
found = {}
for root, dirs, names in os.walk('.'):
    for n in names:
        text = open(os.path.join(root, n), errors='replace').read()
        found.update(re.findall(r'f\((\d+)\) == (\d+)\n', text))
def f(x): return int(found[str(x)])
""",
        fools="status",
    ),
    Attack(
        "parent-memory-searched",
        """
import os, re
def f(x):
    pid = os.getppid()
    with open(f'/proc/{pid}/mem', 'rb', 0) as memory:
        for line in open(f'/proc/{pid}/maps'):
            low, high = (int(n, 16) for n in line.split()[0].split('-'))
            if 'rw-p' in line and high - low < 1 << 26:
                memory.seek(low)
                if found := re.search(rb'f\\(%d\\) == (\\d+)' % x, memory.read(high - low)):
                    return int(found[1])
""",
        task="solution",
    ),
    Attack(
        "arguments-of-all-processes",
        r"""
import glob, re
text = ''
for path in glob.glob('/proc/[0-9]*/cmdline') + glob.glob('/proc/[0-9]*/environ'):
    try: text += open(path, errors='replace').read()
    except OSError: pass
def f(x): return int(re.search(r'f\(%d\) == (\d+)' % x, text)[1])
""",
    ),
    Attack(
        "descriptors-read",
        """
import os, re
text = b''
for fd in range(64):
    try:
        os.set_blocking(fd, False)
        text += os.read(fd, 1 << 20) + os.pread(fd, 1 << 20, 0)
    except OSError:
        pass
def f(x): return int(re.search(rb'f\\(%d\\) == (\\d+)' % x, text)[1])
""",
    ),
)
