"""Completions as no model would write them: real programs, damaged at random. Seeded, so they repeat."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator

PROGRAMS = (
    "def f(x):\n    return x * x\n",
    "import math\n\ndef f(x):\n    total = 0\n    for i in range(abs(x)):\n        total += abs(x)\n    return total\n",
    "class Solution:\n    def f(self, x):\n        return x ** 2\n\nf = Solution().f\n",
    "def helper(a, b):\n    '''Multiply.\n\n    >>> helper(2, 3)\n    6\n    '''\n    return a * b\n\n"
    "def f(x): return helper(x, x)\n",
    '#include <stdio.h>\nint main(void) { int n; scanf("%d", &n); printf("%d\\n", n * n); }\n',
    "Sure! Here is the function:\n\n    f = lambda x: x * x\n\nIt squares **x**.\n",
)
FENCES = ("```", "```python\n", "~~~", "````", "``` py\n", "```bash\npip install x\n```\n", "\n```\n```\n")
ODD = ("\x00", "\ud800", "\udfff", "\ufeff", "\u2028", "\x1b[2J", "\r", "\r\n", "\x0c", "\U0001f4a9", "\u202e", "\t")
HUGE = ("x" * 3_000_000, "(" * 100_000, "\n" * 1_000_000, "```\n" * 200_000, "a = 1\n" * 200_000, "'" * 500_001)


def completions(count: int, seed: int) -> Iterator[str]:
    """Yield `count` damaged completions."""
    source = random.Random(seed)
    for number in range(count):
        text = source.choice(PROGRAMS)
        if source.random() < 0.7:
            text = f"{source.choice(FENCES[:5])}python\n{text}```\n"
        for _ in range(source.randint(1, 4)):
            text = source.choice(MUTATIONS)(text, source)
        if number % 50 == 0:
            place = source.randint(0, len(text))
            text = text[:place] + source.choice(HUGE) + text[place:]
        yield text


def _truncate(text: str, source: random.Random) -> str:
    return text[: source.randint(0, len(text))]


def _drop(text: str, source: random.Random) -> str:
    place = source.randint(0, len(text))
    return text[:place] + text[place + source.randint(1, 20) :]


def _insert(text: str, source: random.Random) -> str:
    place = source.randint(0, len(text))
    return text[:place] + source.choice((*ODD, *FENCES)) * source.randint(1, 3) + text[place:]


def _noise(text: str, source: random.Random) -> str:
    letters = list(text)
    for _ in range(source.randint(1, 8)):
        letters.insert(source.randint(0, len(letters)), chr(source.randint(0, 0x10FFFF)))
    return "".join(letters)


def _bytes(text: str, source: random.Random) -> str:
    raw = bytearray(text.encode("utf-8", "surrogatepass"))
    for _ in range(source.randint(1, 8)):
        raw.insert(source.randint(0, len(raw)), source.randint(0, 255))
    return raw.decode("utf-8", source.choice(("replace", "surrogateescape")))


def _repeat(text: str, source: random.Random) -> str:
    return text * source.randint(2, 4)


def _nest(text: str, source: random.Random) -> str:
    return f"{source.choice(FENCES)}\n{text}\n{source.choice(FENCES)}"


def _dedent(text: str, source: random.Random) -> str:
    return text.replace("    ", source.choice(("", "\t", " ", "     ")))


MUTATIONS: tuple[Callable[[str, random.Random], str], ...] = (
    _truncate,
    _drop,
    _insert,
    _noise,
    _bytes,
    _repeat,
    _nest,
    _dedent,
)
