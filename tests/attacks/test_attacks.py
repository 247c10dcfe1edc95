"""No attack of the table passes, and none harms anybody: in each tier that the machine offers, as root and not.

One process per tier and user judges the whole table (`redteam.worker`); the tests here read what it
reported, so that each failure has a row's name.
"""

import json
import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from redteam import users
from redteam.rows import limits_under_a_drip
from redteam.table import ATTACKS, IN_PROCESS, THEMES

import halo_raft

FOLDER = Path(__file__).parent
PACKAGE = Path(halo_raft.__file__).parents[1]
"""Where these tests have the package from; the worker judges with the same."""
SETTINGS = [(tier, user) for tier in ("A", "B") for user in (users.ROOT, users.ORDINARY)]
QUICK = {row.name for theme in THEMES for row in theme.ROWS[: 3 if theme is limits_under_a_drip else 2]}
"""Rows of each theme, and of each resource that can be hidden: judged in tier A, as whoever runs the tests, where the
slow tests are left out."""
FIRST = next(iter(ATTACKS))
"""The row that is always judged in every setting: the honest programs before and after it have to pass there."""
ME = users.ROOT if os.geteuid() == 0 else users.ORDINARY
CASES = [
    pytest.param(
        tier,
        user,
        name,
        marks=() if name == FIRST or (tier, user, name in QUICK) == ("A", ME, True) else pytest.mark.slow,
    )
    for tier, user in SETTINGS
    for name in ATTACKS
]
Records = dict[str, dict[str, Any]]
pytestmark = [pytest.mark.timeout(3600)]


@pytest.fixture(scope="session")
def judged(request: pytest.FixtureRequest) -> Callable[[str, str], Records]:
    """Return what a worker of a tier and user reported; it judges the rows of the selected tests at the first call."""
    cache: dict[tuple[str, str], Records | str | AssertionError] = {}
    params = [item.callspec.params for item in request.session.items if hasattr(item, "callspec")]
    selected = {(p["tier"], p["user"], p["name"]) for p in params if {"tier", "user", "name"} <= p.keys()}

    def ask(tier: str, user: str) -> Records:
        if (tier, user) not in cache:
            try:
                names = [name for name in ATTACKS if (tier, user, name) in selected]
                cache[tier, user] = _judge_table(tier, user, names or [FIRST])
            except AssertionError as error:  # once is enough to find out
                cache[tier, user] = error
        found = cache[tier, user]
        if isinstance(found, AssertionError):
            raise found
        if isinstance(found, str):
            pytest.skip(found)
        return found

    return ask


def _judge_table(tier: str, user: str, names: list[str]) -> Records | str:
    """Return row name -> what the worker said, or why this tier and user cannot be had here.

    A worker that ends early, as it does when a row hangs, is followed by one for the rows that are left.
    """
    records: Records = {}
    while left := [name for name in names if name not in records]:
        command = users.command(user, ["-m", "redteam.worker", tier, *left])
        if isinstance(command, str):
            return command
        lines, error = _run(command)
        if lines[:1] and "skip" in lines[0]:
            return f"tier {tier} as {user}: {lines[0]['skip']}"
        assert len(lines) > 1, f"the worker of tier {tier} as {user} judged nothing: {error[-2000:]}"
        assert lines[0] == {"tier": tier}
        records |= {line["row"]: line for line in lines[1:]}
    return records


def _run(command: list[str]) -> tuple[list[dict[str, Any]], str]:
    """Run a worker to its end; return its lines, and what it wrote to standard error."""
    process = subprocess.Popen(
        command,
        cwd=FOLDER,
        env={**os.environ, "PYTHONPATH": f"{FOLDER}{os.pathsep}{PACKAGE}", "PYTHONDONTWRITEBYTECODE": "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        out, error = process.communicate()
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
    return [json.loads(line) for line in out.splitlines()], error


@pytest.mark.parametrize(("tier", "user", "name"), CASES)
def test_attack(tier: str, user: str, name: str, judged: Callable[[str, str], Records]) -> None:
    record = judged(tier, user)[name]
    if "skip" in record:
        pytest.skip(record["skip"])
    assert not record.get("hung"), "the judge did not come to an end"
    assert "honest_before" not in record, f"the honest solution fails: {record['honest_before']}"
    verdict = record["verdict"]
    told = f"{verdict['kind']}: {verdict['details']}"
    assert record["damage"] == []
    assert "leak" not in record, "the worker's secret stands in the verdict"
    if name in IN_PROCESS and verdict["success"]:
        assert verdict["integrity"] == "in_process"
        return
    assert not verdict["success"], told
    assert verdict["kind"] not in ("passed", "infra"), told
    assert verdict["kind"] in (ATTACKS[name].kinds or (verdict["kind"],)), told
    assert verdict["reward"] < 0.5, told
    assert verdict["tier"] == tier
    assert verdict["details"].isprintable(), told
    honest = record.get("honest_after", {"success": True})
    assert honest["success"], f"the next honest program fails: {honest}"


def test_the_table_was_judged_in_some_tier(judged: Callable[[str, str], Records]) -> None:
    """The skips above must not hide that nothing was judged at all."""
    found = [_judged_or_none(judged, tier, ME) for tier in ("A", "B")]
    assert any(found), "neither tier A nor tier B can be had on this machine"


def _judged_or_none(judged: Callable[[str, str], Records], tier: str, user: str) -> Records | None:
    try:
        return judged(tier, user)
    except pytest.skip.Exception:
        return None
