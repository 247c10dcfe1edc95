"""Python programs that look into the calls that are still to come for what they have to return."""

from redteam.attack import Attack

LATER = """
import gc, marshal, sys
def later():
    frame = sys._getframe(1)
    while frame:
        if isinstance(frame.f_locals.get('body'), bytes):
            try: return [(name, args) for name, args, kwargs in marshal.loads(frame.f_locals['body'])]
            except Exception: pass
        frame = frame.f_back
    return []
def given(not_to):
    return next((args for name, args in later() if name != not_to), (None,))
"""
FOUND = """
import gc
def given(not_to):
    for calls in gc.get_objects():
        if type(calls) is list and all(type(c) is tuple and len(c) == 3 and type(c[0]) is str for c in calls):
            for name, args, _ in calls:
                if name != not_to: return args
    return (None,)
"""
ROWS = (
    Attack(
        "foreseen-in-frames",
        LATER + "def encode(s): return given('encode')[0]\ndef decode(s): return given('decode')[0]",
        task="there_and_back",
    ),
    Attack(
        "foreseen-in-memory",
        FOUND + "def encode(s): return given('encode')[0]\ndef decode(s): return given('decode')[0]",
        task="there_and_back",
    ),
    Attack(
        "foreseen-by-one-function",
        LATER + "def f(xs): return next((list(a[0]) for _, a in later() if list(a[0]) != list(xs)), None)",
        task="flipped",
    ),
    Attack(
        "foreseen-in-parts",
        LATER + "def split(*a): return given('split')[:2]\ndef join(*a): return given('join')[0]",
        task="undone",
    ),
)
