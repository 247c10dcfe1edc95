"""Write the tasks of the C++ study: small programs, each with a reference and cases whose results are computed here.

    python bench/cpp/programs/make.py

- `train.jsonl`, `choose.jsonl` and `same.jsonl` share families and differ in a constant of each, a number or a text
- `new.jsonl` has programs of other families: who gets better there has learnt C++, and not how a family goes
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
SPLIT = ("train", "choose", "train", "same", "train", "choose", "same")
"""Where the variants of a shared family go, one for each constant."""
NUMBERS = (3, 7, 4, 9, 5, 11, 6)
TEXTS = ("banana", "river", "stone", "network", "apple", "compiler", "good morning")
LETTERS = ("a", "i", "e", "s", "l", "g", "n")

Case = tuple[Any, ...]
"""What a program reads, value by value."""
NOTHING: tuple[Case, ...] = ((),)
ONE = ((1,), (9,), (12,), (35,), (44,), (63,))
SMALL = ((1,), (2,), (5,), (8,))
TWO = ((12, 18), (7, 5), (100, 8), (33, 33), (9, 24))
LISTS = ((4, 3, 9, 4, 1), (1, 7), (5, -2, 8, 0, 8, 3), (6, 10, 11, 12, 13, 14, 15))
"""A count, and so many integers."""
WORD = (("level",), ("programming",), ("a",), ("mississippi",), ("banana",))

READ_N = "int n;\ncin >> n;"
READ_TWO = "int a, b;\ncin >> a >> b;"
READ_WORD = "string s;\ncin >> s;"
READ_LIST = "int n;\ncin >> n;\nvector<int> v(n);\nfor (int &x : v) cin >> x;"


@dataclass(frozen=True)
class Family:
    """Programs that differ in one constant, which stands as K in `asks` and `body`.

    Attributes:
        asks: What the program does, after "a complete C++ program that".
        body: Of the reference's `main`.
        reads: The cases.
        prints: (the constant if there is one, values that are read) -> what is printed; a list is printed line by line.
        constants: One for each variant.
    """

    asks: str
    body: str
    reads: Sequence[Case]
    prints: Callable[..., object]
    constants: Sequence[Any] = ()


SHARED = (
    Family('prints the text "K"', 'cout << "K" << endl;', NOTHING, str, TEXTS),
    Family('prints the length of the text "K"', 'string s = "K";\ncout << s.size() << endl;', NOTHING, len, TEXTS),
    Family(
        "prints the integers from K down to 1, one on each line",
        "for (int i = K; i >= 1; i--) cout << i << endl;",
        NOTHING,
        lambda k: list(range(k, 0, -1)),
        NUMBERS,
    ),
    Family(
        "prints the first five multiples of K, beginning with K itself, one on each line",
        "for (int i = 1; i <= 5; i++) cout << i * K << endl;",
        NOTHING,
        lambda k: [k * i for i in range(1, 6)],
        NUMBERS,
    ),
    Family(
        "prints the factorial of K",
        "long long f = 1;\nfor (int i = 2; i <= K; i++) f *= i;\ncout << f << endl;",
        NOTHING,
        math.factorial,
        NUMBERS,
    ),
    Family(
        "prints the sum of the integers from 1 to K",
        "int sum = 0;\nfor (int i = 1; i <= K; i++) sum += i;\ncout << sum << endl;",
        NOTHING,
        lambda k: k * (k + 1) // 2,
        [10 * number for number in NUMBERS],
    ),
    Family(
        "reads an integer and prints it multiplied by K",
        f"{READ_N}\ncout << n * K << endl;",
        ONE,
        lambda k, n: n * k,
        NUMBERS,
    ),
    Family(
        "reads two integers and prints K times their sum",
        f"{READ_TWO}\ncout << K * (a + b) << endl;",
        TWO,
        lambda k, a, b: k * (a + b),
        NUMBERS,
    ),
    Family(
        'reads an integer and prints "yes" if it is divisible by K, and "no" if it is not',
        f'{READ_N}\ncout << (n % K == 0 ? "yes" : "no") << endl;',
        ONE,
        lambda k, n: "no" if n % k else "yes",
        NUMBERS,
    ),
    Family(
        "reads an integer n and prints the first n powers of K, beginning with K itself, one on each line",
        f"{READ_N}\nlong long p = 1;\nfor (int i = 0; i < n; i++) {{\n    p *= K;\n    cout << p << endl;\n}}",
        SMALL,
        lambda k, n: [k**i for i in range(1, n + 1)],
        NUMBERS,
    ),
    Family(
        "reads an integer n and then n integers, and prints how many of these are greater than K",
        f"{READ_LIST}\nint count = 0;\nfor (int x : v)\n    if (x > K) count++;\ncout << count << endl;",
        LISTS,
        lambda k, _, *v: sum(x > k for x in v),
        NUMBERS,
    ),
    Family(
        "reads an integer n and then n integers, and prints the sum of these plus K",
        f"{READ_LIST}\nint sum = K;\nfor (int x : v) sum += x;\ncout << sum << endl;",
        LISTS,
        lambda k, _, *v: sum(v) + k,
        NUMBERS,
    ),
    Family(
        "reads a word and prints how many times the letter 'K' is in it",
        f"{READ_WORD}\nint count = 0;\nfor (char c : s)\n    if (c == 'K') count++;\ncout << count << endl;",
        WORD,
        lambda k, s: s.count(k),
        LETTERS,
    ),
    Family(
        "reads a word and prints it K times on one line, without spaces between",
        f"{READ_WORD}\nfor (int i = 0; i < K; i++) cout << s;\ncout << endl;",
        WORD,
        lambda k, s: s * k,
        NUMBERS,
    ),
)

NEW = (
    Family("reads a word and prints it reversed",
           f"{READ_WORD}\nreverse(s.begin(), s.end());\ncout << s << endl;", WORD, lambda s: s[::-1]),
    Family("reads a word and prints it in upper case",
           f"{READ_WORD}\nfor (char &c : s) c = toupper(c);\ncout << s << endl;", WORD, str.upper),
    Family("reads a word and prints its first letter", f"{READ_WORD}\ncout << s[0] << endl;", WORD, lambda s: s[0]),
    Family("reads a word and prints its last letter", f"{READ_WORD}\ncout << s.back() << endl;", WORD, lambda s: s[-1]),
    Family("reads two words and prints the longer one, or the first one if they are equally long",
           "string s, t;\ncin >> s >> t;\ncout << (t.size() > s.size() ? t : s) << endl;",
           (("river", "sea"), ("a", "tree"), ("one", "two")), lambda s, t: max(s, t, key=len)),
    Family("reads two integers and prints their difference, the first minus the second",
           f"{READ_TWO}\ncout << a - b << endl;", TWO, lambda a, b: a - b),
    Family("reads two integers and prints the larger one", f"{READ_TWO}\ncout << max(a, b) << endl;", TWO, max),
    Family("reads two integers and prints the remainder of the first divided by the second",
           f"{READ_TWO}\ncout << a % b << endl;", TWO, lambda a, b: a % b),
    Family("reads two integers and prints their greatest common divisor",
           f"{READ_TWO}\nwhile (b) {{\n    int r = a % b;\n    a = b;\n    b = r;\n}}\ncout << a << endl;", TWO,
           math.gcd),
    Family("reads two integers and prints them in the other order, with a space between",
           f'{READ_TWO}\ncout << b << " " << a << endl;', TWO, lambda a, b: f"{b} {a}"),
    Family('reads two integers and prints "equal" if they are equal, and "different" if they are not',
           f'{READ_TWO}\ncout << (a == b ? "equal" : "different") << endl;', TWO,
           lambda a, b: "equal" if a == b else "different"),
    Family("reads three integers and prints the smallest one",
           "int a, b, c;\ncin >> a >> b >> c;\ncout << min(a, min(b, c)) << endl;", ((3, 1, 2), (7, 7, 9), (5, 6, -4)),
           min),
    Family("reads an integer and prints its square", f"{READ_N}\ncout << n * n << endl;", ONE, lambda n: n * n),
    Family("reads an integer and prints its absolute value",
           f"{READ_N}\ncout << abs(n) << endl;", ((4,), (-9,), (0,)), abs),
    Family("reads an integer n and prints the sum of its decimal digits",
           f"{READ_N}\nint sum = 0;\nwhile (n) {{\n    sum += n % 10;\n    n /= 10;\n}}\ncout << sum << endl;", ONE,
           lambda n: sum(map(int, str(n)))),
    Family("reads a positive integer and prints how many decimal digits it has",
           f"{READ_N}\ncout << to_string(n).size() << endl;", ((7,), (12,), (1000,), (98765,)), lambda n: len(str(n))),
    Family('reads an integer and prints "positive", "negative" or "zero"',
           f'{READ_N}\ncout << (n > 0 ? "positive" : n < 0 ? "negative" : "zero") << endl;', ((5,), (-3,), (0,)),
           lambda n: "positive" if n > 0 else "negative" if n else "zero"),
    Family('reads an integer greater than 1 and prints "prime" if it is prime, and "composite" if it is not',
           f'{READ_N}\nbool prime = true;\nfor (int i = 2; i * i <= n; i++)\n    if (n % i == 0) prime = false;\n'
           'cout << (prime ? "prime" : "composite") << endl;', ((2,), (9,), (13,), (35,), (97,)),
           lambda n: "prime" if all(n % i for i in range(2, n)) else "composite"),
    Family("reads an integer n and prints the squares of the integers from 1 to n, one on each line",
           f"{READ_N}\nfor (int i = 1; i <= n; i++) cout << i * i << endl;", SMALL,
           lambda n: [i * i for i in range(1, n + 1)]),
    Family("reads an integer n and prints the even integers from 2 to n, one on each line",
           f"{READ_N}\nfor (int i = 2; i <= n; i += 2) cout << i << endl;", ((2,), (5,), (12,)),
           lambda n: list(range(2, n + 1, 2))),
    Family("reads an integer n and prints n lines: one asterisk on the first, two on the second, and so on",
           f"{READ_N}\nfor (int i = 1; i <= n; i++) cout << string(i, '*') << endl;", SMALL,
           lambda n: ["*" * i for i in range(1, n + 1)]),
    Family("reads a temperature in degrees Celsius, a multiple of 5, and prints it in degrees Fahrenheit",
           f"{READ_N}\ncout << n * 9 / 5 + 32 << endl;", ((0,), (100,), (-40,), (25,)), lambda n: n * 9 // 5 + 32),
    Family("reads a number of minutes and prints hours and minutes, as in 2:05",
           f'{READ_N}\ncout << n / 60 << ":" << (n % 60 < 10 ? "0" : "") << n % 60 << endl;', ((125,), (59,), (600,)),
           lambda n: f"{n // 60}:{n % 60:02}"),
    Family("reads an integer n and then n integers, and prints the largest of these",
           f"{READ_LIST}\nint most = v[0];\nfor (int x : v) most = max(most, x);\ncout << most << endl;", LISTS,
           lambda _, *v: max(v)),
    Family("reads an integer n and then n integers, and prints these in the opposite order, one on each line",
           f"{READ_LIST}\nfor (int i = n - 1; i >= 0; i--) cout << v[i] << endl;", LISTS,
           lambda _, *v: list(v[::-1])),
    Family("reads an integer n and then n integers, and prints these from the smallest to the largest, each on a line",
           f"{READ_LIST}\nsort(v.begin(), v.end());\nfor (int x : v) cout << x << endl;", LISTS,
           lambda _, *v: sorted(v)),
    Family("reads an integer n and then n integers, and prints how many of these are even",
           f"{READ_LIST}\nint count = 0;\nfor (int x : v)\n    if (x % 2 == 0) count++;\ncout << count << endl;", LISTS,
           lambda _, *v: sum(x % 2 == 0 for x in v)),
    Family("reads an integer n and then n integers, and prints the sum of the first and the last of these",
           f"{READ_LIST}\ncout << v[0] + v[n - 1] << endl;", LISTS, lambda _, *v: v[0] + v[-1]),
)  # fmt: skip


def program(body: str) -> str:
    """Return a C++ program whose `main` does this."""
    named = {"algorithm": ("sort(", "reverse(", "max(", "min("), "string": ("string",), "vector": ("vector",)}
    headers = ["iostream", *(header for header, names in named.items() if any(name in body for name in names))]
    included = "\n".join(f"#include <{header}>" for header in headers)
    inside = "\n".join(f"    {line}" for line in body.splitlines())
    return f"{included}\nusing namespace std;\n\nint main() {{\n{inside}\n    return 0;\n}}\n"


def task(name: str, family: Family, constant: Any = None) -> dict[str, Any]:
    """Return a row: prompt, cases and reference of a family, with one of its constants where it has any."""
    given = () if constant is None else (constant,)
    asks, body = (text if constant is None else text.replace("K", str(constant)) for text in (family.asks, family.body))
    cases = []
    for case in family.reads:
        printed = family.prints(*given, *case)
        lines = printed if isinstance(printed, list) else [printed]
        cases.append({"input": "".join(f"{value}\n" for value in case), "output": "".join(f"{x}\n" for x in lines)})
    prompt = f"Write a complete C++ program that {asks}."
    return {"task_id": name, "prompt": prompt, "language": "cpp", "test_cases": cases, "solution": program(body)}


def sets() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Yield each file's name with its rows."""
    shared: dict[str, list[dict[str, Any]]] = {name: [] for name in dict.fromkeys(SPLIT)}
    for number, family in enumerate(SHARED):
        for variant, (constant, name) in enumerate(zip(family.constants, SPLIT, strict=True)):
            shared[name].append(task(f"cpp/{number}-{variant}", family, constant))
    yield from shared.items()
    yield "new", [task(f"cpp/new-{number}", family) for number, family in enumerate(NEW)]


if __name__ == "__main__":
    for name, rows in sets():
        (HERE / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        print(f"{name}.jsonl: {len(rows)} tasks")
