"""What MLflow did not take is kept, brought once, and in its order."""

from __future__ import annotations

import json
from pathlib import Path
from typing import ClassVar

import pytest

from halo_raft.tracking.mlflow_run import MlflowRunLog
from halo_raft.tracking.soft import WarnOnce
from halo_raft.tracking.unsent import Unsent


class Server:
    """An MLflow that is there or not."""

    def __init__(self) -> None:
        self.there = True
        self.tries = 0

    def log_batch(self, run_id, metrics=(), params=(), tags=()):
        self.tries += 1
        if not self.there:
            raise ConnectionRefusedError("nobody listens")


class Run:
    """What `attach` looks at."""

    class info:
        run_id = "r"

    class data:
        params: ClassVar[dict[str, str]] = {}
        metrics: ClassVar[dict[str, float]] = {}


@pytest.fixture
def unsent(tmp_path: Path) -> Unsent:
    return Unsent(tmp_path / "tracking" / "unsent.jsonl")


def kept(unsent: Unsent) -> list[dict]:
    return [json.loads(line) for line in unsent.path.read_text().splitlines()] if unsent.path.is_file() else []


def test_what_fails_is_kept_and_a_server_that_is_away_is_not_asked_again_and_again(unsent: Unsent) -> None:
    server, log = Server(), MlflowRunLog(WarnOnce(), unsent, cycle=2)
    log.attach(server, Run)
    log.log_metrics({"loss": 1.0}, 1)
    assert (server.tries, kept(unsent)) == (1, [])
    server.there = False
    for step in range(2, 50):
        log.log_metrics({"loss": 1.0}, step)
    log.log_artifacts(Path("/nowhere"), "folder")
    assert server.tries == 2
    assert [call["arguments"][1] for call in kept(unsent)[:-1]] == list(range(2, 50))
    assert kept(unsent)[-1] == {"cycle": 2, "method": "log_artifacts", "arguments": ["/nowhere", "folder"]}


def test_what_is_not_tried_puts_the_next_try_off_no_further(unsent: Unsent, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr("halo_raft.tracking.unsent.time.monotonic", lambda: now)
    server, log = Server(), MlflowRunLog(WarnOnce(), unsent, cycle=2)
    log.attach(server, Run)
    server.there = False
    log.log_metrics({"loss": 1.0}, 1)
    server.there = True
    for step in range(2, 5):
        now += 25
        log.log_metrics({"loss": 1.0}, step)
    assert server.tries == 2
    assert [call["arguments"][1] for call in kept(unsent)] == [1, 2, 3]


def test_it_is_brought_in_its_order_and_what_fails_again_stays(unsent: Unsent) -> None:
    for step in range(5):
        unsent.keep(1, "log_metrics", ({"loss": 0.5}, step))
    seen = []

    def send(cycle, method, arguments):
        if len(seen) == 3:
            raise ConnectionResetError
        seen.append(arguments[1])

    assert unsent.bring(send) == (3, 2)
    assert [call["arguments"][1] for call in kept(unsent)] == [3, 4]
    seen.clear()
    assert unsent.bring(send) == (2, 0)
    assert seen == [3, 4]
    assert not unsent.path.exists()
    assert unsent.bring(send) == (0, 0)


def test_a_damaged_line_or_a_file_that_is_gone_holds_up_nothing(unsent: Unsent, caplog) -> None:
    unsent.keep(0, "log_artifact", ("/gone", ""))
    unsent.keep(0, "set_tags", ({"a": 1},))
    unsent.path.write_text("{broken\n" + unsent.path.read_text() + '{"cycle": 0, "meth')
    seen = []

    def send(cycle, method, arguments):
        if method == "log_artifact":
            raise FileNotFoundError("/gone")
        seen.append(method)

    assert unsent.bring(send) == (2, 0)
    assert seen == ["set_tags"]
    assert "unsent.jsonl:1 is damaged" in caplog.text and "/gone is no longer there" in caplog.text


def test_where_nothing_can_be_kept_the_run_goes_on(tmp_path: Path, caplog) -> None:
    (tmp_path / "tracking").write_text("a file")
    Unsent(tmp_path / "tracking" / "unsent.jsonl").keep(0, "set_tags", ({},))
    assert "cannot be kept either" in caplog.text
