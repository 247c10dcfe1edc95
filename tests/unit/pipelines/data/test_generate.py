"""`data generate` against a server of OpenAI's protocol that answers well, badly, slowly, endlessly and with malice."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from halo_raft import cli, tasks
from halo_raft.pipelines.data.generating import backends
from halo_raft.pipelines.data.generating.asking import Attempt, Refused
from halo_raft.pipelines.data.generating.topics import TOPICS

Script = Callable[[int, int], object]
"""(number of the attempt, how often it was asked before) -> text, (status, headers), or what a handler does."""


class Server:
    """Answers by a script; remembers what it was asked."""

    def __init__(self) -> None:
        self.script: Script = lambda number, before: good(number)
        self.asked: Counter[int] = Counter()
        self.at_once = self.most_at_once = 0
        self.context: int | None = None
        self.keys: set[str] = set()
        self._lock = threading.Lock()
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._http.server_port}/v1"
        threading.Thread(target=self._http.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()

    def _handler(server) -> type[BaseHTTPRequestHandler]:
        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *args: object) -> None:
                pass

            def send(self, status: int, body: object, headers: dict[str, str] | None = None) -> None:
                data = body if isinstance(body, bytes) else json.dumps(body).encode()
                self.send_response(status)
                for name, value in {
                    "Content-Type": "application/json",
                    "Content-Length": len(data),
                    **(headers or {}),
                }.items():
                    self.send_header(name, str(value))
                self.end_headers()
                self.wfile.write(data)

            def do_GET(self) -> None:
                self.send(200, {"object": "list", "data": [{"id": "scripted", "object": "model"}]})

            def do_POST(self) -> None:
                asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                number = asked["seed"]
                with server._lock:
                    before = server.asked[number]
                    server.asked[number] += 1
                    server.keys.add(self.headers["Authorization"])
                    server.at_once += 1
                    server.most_at_once = max(server.most_at_once, server.at_once)
                try:
                    answer = server.script(number, before)
                    if server.context and asked.get("max_tokens", 0) >= server.context:
                        answer = 400, {}
                    if callable(answer):
                        answer(self)
                    elif isinstance(answer, tuple):
                        self.send(answer[0], {"error": {"message": "no"}}, answer[1])
                    else:
                        self.send(200, completion(answer))
                finally:
                    with server._lock:
                        server.at_once -= 1

        return Handler


def completion(text: object) -> dict:
    return {"id": "../../../etc/passwd", "object": "chat.completion", "created": 0, "model": "rm -rf /",
            "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}],
            "usage": {"prompt_tokens": 100, "completion_tokens": 50, "total_tokens": 150}}  # fmt: skip


WORDS = [
    *("apples", "boats", "candles", "drums", "engines", "ferries", "gloves", "harbours", "islands", "jackets"),
    *("kettles", "ladders", "mirrors", "needles", "oranges", "pencils", "quilts", "rivers", "saddles", "tunnels"),
]


def good(number: int, code: str = "return [x * {n} for x in xs]", tests: str | None = None) -> str:
    """A sound task that is like no other one."""
    n, word = number + 2, WORDS[number % len(WORDS)]
    name = f"weigh_{word}_{number}"
    asserts = (f"{name}([1, 2]) == [{n}, {2 * n}]", f"{name}([]) == []", f"{name}([{n}]) == [{n * n}]")
    lines = tests or "\n".join(f"assert {line}" for line in asserts)
    asked = f"For a crate of {word} write `{name}`, which multiplies all weights by {n}."
    return "Here you are!\n\n" + sections(asked, f"def {name}(xs):\n    {code.format(n=n)}", lines)


def sections(asked: str, solution: str, tests: str) -> str:
    fenced = [f"```python\n{code}\n```" for code in (solution, tests)]
    return f"### TASK\n{asked}\n\n### SOLUTION\n{fenced[0]}\n\n### TESTS\n{fenced[1]}\n"


def endless(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Type", "application/json")
    handler.end_headers()
    try:
        while True:
            handler.wfile.write(b" " * 4096)
    except OSError:
        pass


def slow(number: int) -> str:
    time.sleep(0.3)
    return good(number)


@pytest.fixture
def server(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OPENAI_API_KEY", "secret")
    monkeypatch.setattr(backends, "MOST_BYTES", 1 << 16)
    started = Server()
    yield started
    started.close()


def generate(server: Server, *words: str, count: int = 3, topic: str = "python_algorithms") -> int:
    command = ["data", "generate", "--topic", topic, "--backend", "openai", "--base-url", server.url, "--model",
               "scripted", "--output", "out.jsonl", "--count", str(count)]  # fmt: skip
    return cli.main([*command, *words])


def written() -> list[dict]:
    return [json.loads(line) for line in Path("out.jsonl").read_text().splitlines()]


def test_sound_tasks_are_written_and_all_else_is_not(server, capsys):
    human = tasks.load("humaneval").tasks[11]
    tests = "assert string_xor('010', '110') == '100'\nassert string_xor('1', '1') == '0'"
    copied = sections(human.prompt, human.prompt + human.solution, tests)
    answers: dict[int, Script] = {
        0: lambda before: good(0),
        1: lambda before: good(1, code="return [x + {n} for x in xs]"),  # the reference fails
        2: lambda before: good(2, tests="assert weigh_candles_2([1]) or True\nassert callable(weigh_candles_2)"),
        3: lambda before: (429, {"Retry-After": "0"}) if before < 2 else good(3),
        4: lambda before: (500, {"Retry-After": "0"}) if before < 1 else good(4),
        5: lambda before: endless,
        6: lambda before: slow(6),
        7: lambda before: good(0).replace("For a crate", "For one crate"),  # as the first, in other words
        8: lambda before: "I cannot help with that, but see https://example.org/run.sh for `curl | sh`.",
        9: lambda before: good(9).replace("Here", "\x00Here"),
        10: lambda before: good(10, code="import os; os._exit(0)"),
        11: lambda before: copied,
        12: lambda before: lambda handler: handler.send(200, b"{not json"),
        13: lambda before: lambda handler: handler.send(200, {"choices": []}),
        14: lambda before: lambda handler: handler.send(200, completion({"verifier": "os:system"})),
        15: lambda before: good(15),
        16: lambda before: good(16),
        17: lambda before: good(17),
    }  # fmt: skip
    server.script = lambda number, before: answers[number](before) if number in answers else good(1, code="return None")
    # three rounds: twelve requests, of which four are kept, then four, then the rest
    assert generate(server, "--price", "1", "2", count=6) == 0
    kept = {row["attempt"] for row in written()}
    assert kept <= {0, 7, 3, 4, 6, 15, 16, 17} and len(kept) == 6 and not {0, 7} <= kept
    assert {row["topic"] for row in written()} == {"python_algorithms"} and written()[0]["model"] == "scripted"
    assert set(written()[0]) == {"task_id", "prompt", "language", "solution", "test_list", "topic", "category", "level",
                                 "attempt", "model"}  # fmt: skip
    printed = capsys.readouterr().out
    for reason in ("its reference does not pass", "passes its tests", "has the prompt of HumanEval/11", "has no code",
                   "characters that are no text", "did not end within", "has no text"):  # fmt: skip
        assert reason in printed
    assert "tokens in" in printed and "at the prices given" in printed
    assert server.asked[3] == 3 and server.asked[4] == 2 and 1 < server.most_at_once <= backends.AT_ONCE
    assert server.keys == {"Bearer secret"} and "secret" not in printed
    assert cli.main(["data", "validate", "out.jsonl"]) == 0


def test_a_server_with_less_room_is_asked_without_a_bound(server, capsys):
    server.context = backends.MAX_TOKENS
    assert generate(server, count=2) == 0 and len(written()) == 2
    server.script = lambda number, before: (400, {})
    assert generate(server, count=3) == 3, "what it refuses all the same is refused"
    assert "refuses model 'scripted'" in capsys.readouterr().err


def test_a_run_that_was_stopped_goes_on_and_asks_nothing_twice(server, capsys):
    server.script = lambda number, before: good(number) if number < 3 else (401, {})
    assert generate(server, count=8) == 3
    assert "refuses the key; look at OPENAI_API_KEY" in capsys.readouterr().err
    first, asked = written(), Counter(server.asked)
    assert first and {row["attempt"] for row in first} <= {0, 1, 2}
    with Path("out.jsonl").open("a") as file:
        file.write('{"task_id": "torn')  # as a kill leaves it
    server.script = lambda number, before: good(number)
    assert generate(server, count=8) == 0
    assert written()[: len(first)] == first and len(written()) == 8
    answered = {row["attempt"] for row in first}
    assert all(server.asked[number] == asked[number] for number in answered)
    assert generate(server, count=8) == 0, "nothing is missing, so nobody is asked"
    server.script = lambda number, before: good(number)
    assert generate(server, count=2, topic="python_testing") == 3
    assert "holds tasks of topic python_algorithms" in capsys.readouterr().err


def test_what_is_missing_is_one_line(server, capsys, monkeypatch):
    assert generate(server, "--model", "other") == 3
    assert "does not serve other; --model can be: scripted" in capsys.readouterr().err
    assert generate(server, "--base-url", "http://127.0.0.1:9/v1") == 3
    assert "no server answers at http://127.0.0.1:9/v1" in capsys.readouterr().err
    monkeypatch.delenv("OPENAI_API_KEY")
    assert generate(server) == 3
    assert "needs a key; export OPENAI_API_KEY=" in capsys.readouterr().err
    assert cli.main(["data", "generate", "--topic", "nonsense", "--backend", "local", "--output", "o.jsonl"]) == 3
    assert cli.main(["data", "generate", "--list"]) == 0
    assert "rust_async" in capsys.readouterr().out


def test_a_model_that_writes_nothing_sound_is_given_up(server, capsys, monkeypatch):
    monkeypatch.setattr("halo_raft.pipelines.data.generating.command.LEAST_ATTEMPTS", 6)
    monkeypatch.setattr("halo_raft.pipelines.data.generating.command.ATTEMPTS_A_TASK", 1)
    server.script = lambda number, before: "No."
    assert generate(server, count=1) == 5
    assert "of 6 answers not one is a sound task" in capsys.readouterr().err
    assert written() == []


PROGRAM = """### TASK
Read two numbers from one line and print their sum on a line of its own.

### SOLUTION
```cpp
#include <iostream>
int main() { long a, b; std::cin >> a >> b; std::cout << a + b << "\\n"; }
```

### TESTS
#### INPUT
```
1 2
```
#### OUTPUT
```
3
```
#### INPUT
```
-5 5
```
#### OUTPUT
```
0
```
"""


def test_programs_are_read_with_their_inputs_and_outputs():
    made = Attempt(0, TOPICS["cpp_algorithms"], None, 0).read(PROGRAM, "m")
    assert made.task.language == "cpp" and made.task.judged_by == "execution"
    assert made.test_cases == (
        {"stdin": "1 2\n", "expected_output": "3\n"},
        {"stdin": "-5 5\n", "expected_output": "0\n"},
    )
    with pytest.raises(Refused, match="blocks of input and output"):
        Attempt(0, TOPICS["cpp_algorithms"], None, 0).read(PROGRAM.split("-5 5")[0], "m")


def test_a_topic_of_ones_own_is_asked_for_in_its_words(server, capsys):
    Path("mine.yaml").write_text("name: mine\nlanguage: python\ncategories: [tides]\nlevels: [odd]\nhint: Be brief.\n")
    command = ["data", "generate", "--topic-file", "mine.yaml", "--backend", "openai", "--base-url", server.url]
    assert cli.main([*command, "--model", "scripted", "--output", "out.jsonl", "--count", "1"]) == 0
    assert (written()[0]["topic"], written()[0]["category"], written()[0]["level"]) == ("mine", "tides", "odd")
    Path("mine.yaml").write_text("name: mine\n")
    assert cli.main([*command, "--model", "scripted", "--output", "o.jsonl"]) == 3
    assert "needs name, language and categories" in capsys.readouterr().err


def test_a_run_that_was_killed_goes_on(server):
    gate = threading.Event()

    def script(number: int, before: int) -> str:
        if number >= 2:
            gate.wait(600)
        return good(number)

    server.script = script
    words = f"data generate --topic python_algorithms --backend openai --base-url {server.url} --model scripted"
    command = [sys.executable, "-m", "halo_raft.cli", *words.split(), "--output", "out.jsonl", "--count", "4"]
    running = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        while running.poll() is None and not (Path("out.jsonl").is_file() and len(written()) == 2):
            gate.wait(0.1)
    finally:
        running.kill()
        assert running.wait() == -signal.SIGKILL
    first = written()
    gate.set()
    assert generate(server, count=4) == 0
    assert written()[:2] == first and len({row["attempt"] for row in written()}) == 4
    assert server.asked[0] == server.asked[1] == 1, "what was answered is not asked again"
