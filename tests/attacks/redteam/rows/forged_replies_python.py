"""Python programs that take over the conversation with the judge and answer with bytes of their own."""

from redteam.attack import Attack

TAKE_OVER = r"""
import os, struct, sys
N = 200_000
def length(n): return struct.pack('>I', n)
CALL_BACK = b't' + length(3) + b'y' + length(0) + b't' + length(0) + b'd' + length(0)
def error(name): return b't' + length(2) + b'l' + length(1) + b's' + length(len(name)) + name + b's' + length(0)
def serve(*bodies, kind=b'V'):
    frame = sys._getframe()
    while 'nonce' not in frame.f_locals: frame = frame.f_back
    send, receive = frame.f_globals['send'], frame.f_globals['receive']
    fd, nonce = frame.f_locals['fd'], frame.f_locals['nonce']
    while True:
        for body in bodies: send(fd, nonce, kind, body)
        nonce = receive(fd)[0]
"""


def _row(name: str, body: str, task: str = "square") -> Attack:
    return Attack(f"reply-{name}", f"{TAKE_OVER}def f(x): {body}\n", task=task)


ROWS = (
    _row("twice", "serve(b'i' + length(1) + b'\\x04', b'i' + length(1) + b'\\x09')"),
    _row("nothing", "serve(b'')"),
    _row("unknown-tag", "serve(b'\\xff' + length(4))"),
    _row("cut-short", "serve(b'l' + length(3) + b'N')"),
    _row("more-than-a-value", "serve(b'NNN')"),
    _row("empty-int", "serve(b'i' + length(0))"),
    _row("claims-more-than-it-has", "serve(b's' + length(0xFFFFFFFF))"),
    _row("nested", "serve((b'l' + length(1)) * 100000 + b'N')"),
    _row("wide", "serve(b'l' + length(399_000) + b'N' * 399_000)"),
    _row("wide-and-nested", "serve((b'l' + length(399_000)) * 80 + b'N')"),
    _row("set-of-lists", "serve(b'S' + length(1) + b'l' + length(0))"),
    _row("dict-with-a-list-as-key", "serve(b'd' + length(1) + b'l' + length(0) + b'N', )", task="counts"),
    _row(
        "colliding-set",
        "serve(b'S' + length(N) + b''.join(b'i' + length(17) + (k * (2**61 - 1)).to_bytes(17) for k in range(N)))",
    ),
    _row("huge-fraction", "serve(b'R' + length(12) + b'1e9999999999'[:12])"),
    _row("huge-decimal", "serve(b'D' + length(14) + b'1E+99999999999'[:14])", task="close"),
    _row("signalling-nan", "serve(b'D' + length(4) + b'sNaN')", task="close"),
    _row("not-a-date", "serve(b'T' + length(4) + b'9999')"),
    _row("huge-range", "serve(b'r' + length(3) + (b'i' + length(9) + b'\\x7f' * 9) * 3)", task="evens"),
    _row("range-without-step", "serve(b'r' + length(3) + (b'i' + length(1) + b'\\0') * 3)", task="evens"),
    _row("object-of-nobody", "serve(b'y' + length(7))"),
    _row("object-of-a-strange-name", "serve(b'h' + length(3) + length(5) + b'\\0\\n\\xff()')"),
    _row("class-of-nobody", "serve(b'o' + length(3) + b'int' + b'd' + length(0))"),
    _row(
        "callback-of-nobody",
        "serve(CALL_BACK, kind=b'K')",
    ),
    _row(
        "callbacks-without-end",
        "serve(CALL_BACK, kind=b'K')",
        task="callback",
    ),
    _row("callback-that-is-a-value", "serve(b'N', kind=b'K')", task="callback"),
    _row("error-without-names", "serve(b't' + length(2) + b'l' + length(0) + b's' + length(0), kind=b'E')"),
    _row(
        "error-that-ends-loops",
        "serve(error(b'StopIteration'), kind=b'E')",
        task="mapped",
    ),
    _row(
        "error-that-ends-the-judge",
        "serve(error(b'SystemExit'), kind=b'E')",
    ),
    _row(
        "error-named-ended",
        "serve(error(b'Ended'), kind=b'E')",
    ),
    _row("request-instead", "serve(b't' + length(0), kind=b'C')"),
    _row("loaded-again", "serve(b'', kind=b'R')"),
    _row(
        "syntax-error-late",
        "serve(error(b'X'), kind=b'X')",
    ),
    _row("unknown-kind", "serve(b'N', kind=b'P')"),
    _row(
        "right-answers-to-any-nonce",
        "[os.write(3, length(15) + os.urandom(8) + b'Vi' + length(1) + bytes([x * x])) for _ in range(500)]",
    ),
)
