"""Python programs that would like to be judged in the process of their tests, or that are and cheat there."""

from redteam.attack import Attack
from redteam.rows.liars_python import LIAR

TO_BE_BESIDE = """
import os, sys
for name in ('HALO_RAFT_MODE', 'IN_PROCESS'): os.environ[name] = '1'
integrity = mode = '__in_process__'
# halo-raft: in_process
"""
WALK = """
import functools
def get(o, n): return functools.reduce(getattr, [n], o)
"""

ROWS = (
    Attack("mode-asked-for", TO_BE_BESIDE + "def f(x): return 0"),
    Attack(
        "mode-by-a-value-that-cannot-cross",
        "import threading\nlock = threading.Lock()\ndef f(x): return lock",
    ),
    Attack(
        "mode-by-a-refused-object",
        LIAR.format(base="") + "def f(s): return Liar()",
        task="upper",
    ),
    Attack("mode-by-many-calls-back", "def f(function, x):\n    for _ in range(10 ** 6): function(x)", task="callback"),
    Attack("printed-forged", "import sys\ndef f(n):\n    sys.__stdout__.write('1\\n4\\n9\\n')", task="printed"),
    Attack("printed-by-descriptor", "import os\ndef f(n): os.write(1, b'1\\n4\\n9\\n')", task="printed"),
    Attack(
        "printed-text-that-lies",
        "import sys\nclass T(str):\n    __eq__ = lambda s, o: True\n    __str__ = lambda s: s\n"
        "def f(n): sys.stdout.write(T('no'))",
        task="printed",
    ),
    Attack("asked-answers-ignored", "def f(): return 7", task="asked"),
    Attack(
        "asked-for-ever",
        "def f():\n    while True:\n        try: input()\n        except BaseException: pass",
        task="asked",
    ),
    Attack(
        "eval-of-a-liar",
        "def f(x): return \"type('E', (), {'__eq__': lambda s, o: True})()\"",
        task="evaluated",
        fools="exec",
    ),
    Attack(
        "eval-of-an-int-that-lies",
        "def f(x): return \"type('E', (int,), {'__eq__': lambda s, o: True})(7)\"",
        task="evaluated",
    ),
    Attack(
        "eval-reaches-the-reporter",
        "def f(x): return '__judge_' + 'ok__(0) or __judge_' + 'ok__(1) or 0'",
        task="evaluated",
    ),
    Attack("eval-exits", "def f(x): return \"__import__('o' + 's')._exit(0)\"", task="evaluated", fools="status"),
    Attack(
        "eval-replaces-the-reporter",
        """
def f(x):
    return ("__judge_" "ok__(0) or __judge_" "ok__(1) or glob" "als().update({'__judge_' 'bad__': lambda *a: 0}) or 0")
""",
        task="evaluated",
    ),
    Attack(
        "eval-replaces-what-is-named-so",
        """
def f(x):
    return "[glob" + "als().__setitem__(k, lambda *a: 0) for k in list(glob" + "als()) if 'bad' in k]"
""",
        task="evaluated",
    ),
    Attack(
        "eval-walks-the-classes",
        """
def f(x):
    return "[c for c in ().__cla" + "ss__.__base__.__subcla" + "sses__() if c.__name__ == 'Outcomes'][0].x"
""",
        task="evaluated",
    ),
    Attack("eval-raises-skip", 'def f(x): return "(_ for _ in ()).throw(SystemExit)"', task="evaluated"),
    Attack(
        "exec-of-a-liar",
        "def f(name): return 'class A:\\n    __eq__ = lambda s, o: True\\ndef sq(x): return A()'",
        task="executed",
        fools="exec",
    ),
    Attack("exec-exits", "def f(name): return 'import os\\nos._exit(0)'", task="executed", fools="status"),
    Attack(
        "pickle-of-a-liar",
        """
import pickle
class P:
    def __reduce__(self): return (eval, ("type('E', (), {'__eq__': lambda s, o: True})()",))
def f(x): return pickle.dumps(P())
""",
        task="pickled",
        fools="exec",
    ),
    Attack(
        "pickle-exits",
        "import pickle, os\nclass P:\n    def __reduce__(self): return (os._exit, (0,))\n"
        "def f(x): return pickle.dumps(P())",
        task="pickled",
        fools="status",
    ),
    Attack(
        "pickle-raises-the-end",
        "import pickle\ndef f(x): return pickle.dumps(x) if x == [1] else b'c__builtin__\\nexit\\n(I0\\ntR.'",
        task="pickled",
    ),
    Attack(
        "seeded-with-a-liar", LIAR.format(base="(list)") + "def f(n): return Liar([9])", task="seeded", fools="exec"
    ),
    Attack("seeded-anew", "import random\ndef f(n):\n    random.seed(0)\n    return [0] * n", task="seeded"),
    Attack(
        "seeded-draws-replaced",
        "import random\nrandom.randint = lambda a, b: 0\ndef f(n): return [0] * n",
        task="seeded",
    ),
    Attack("mocked-with-a-liar", LIAR.format(base="(float)") + "def f(): return Liar(7)", task="mocked", fools="exec"),
    Attack("mocked-clock-ignored", "def f(): return 14.0", task="mocked"),
    Attack(
        "beside-getattr-by-another-name",
        "G = getattr\ndef f(): return G(G(f, '__glob' + 'als__'), 'get')('f')()",
        task="mocked",
    ),
    Attack(
        "beside-frames-by-reduce",
        WALK
        + """
def f():
    try: raise ValueError
    except ValueError as e: frame = get(get(e, '__trace' + 'back__'), 'tb_' + 'frame')
    while frame:
        for thing in list(get(frame, 'f_' + 'locals').values()):
            if type(thing) is list:
                try: thing[:] = [(0, None), (1, None)]
                except Exception: pass
        frame = get(frame, 'f_' + 'back')
    return 0
""",
        task="mocked",
    ),
    Attack(
        "beside-frames-by-a-pattern",
        """
def f():
    try: raise ValueError
    except ValueError as e:
        match e:
            case ValueError(__traceback__=trace):
                match trace:
                    case object(tb_frame=frame): raise SystemExit(frame)
""",
        task="mocked",
    ),
    Attack(
        "beside-modules-of-modules",
        "import random, enum\nout = random._os\nout._exit(0)\ndef f(): return 0",
        task="mocked",
    ),
    Attack(
        "beside-truth-by-turns",
        """
class T:
    n = 0
    def __bool__(self):
        T.n += 1
        return T.n % 2 == 0
    def __eq__(self, o):
        T.n += 1
        return self
def f(): return T()
""",
        task="mocked",
        fools="exec",
    ),
    Attack(
        "beside-builtins-shadowed",
        "def abs(x): return 0\ndef len(x): return 0\ndef isinstance(*a): return True\ndef f(): return 14.0",
        task="mocked",
    ),
)
