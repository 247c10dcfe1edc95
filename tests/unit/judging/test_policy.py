"""A worker holds to the policy: what its machine offers is looked at there, and less than allowed judges nothing."""

import logging
from types import SimpleNamespace
from typing import ClassVar

import pytest

from halo_raft import sandbox
from halo_raft.config import SandboxConfig
from halo_raft.config.judging import VerifierConfig
from halo_raft.errors import ConfigError
from halo_raft.judging import JudgingPolicy, policy
from halo_raft.judging.failures import collected_messages
from halo_raft.judging.referee import Referee
from halo_raft.verifiers import Verifier, VerifierOptions, VerifyResult


class Counting(Verifier):
    """Notes that it was asked."""

    version = "1"
    asked: ClassVar[list] = []

    def verify(self, code):
        self.asked.append(code)
        return VerifyResult(True, 1.0)


def made(**fields):
    return JudgingPolicy(verifier=f"{__name__}:Counting", options=VerifierOptions(), **fields)


@pytest.fixture
def machine(monkeypatch):
    """Says which tier this machine offers."""

    def offers(tier):
        found = sandbox.Tier(name=tier, reason="limits alone")
        # in this module alone: verifiers that are imported meanwhile would keep it
        monkeypatch.setattr(policy, "sandbox", SimpleNamespace(probe=lambda: found, SandboxError=sandbox.SandboxError))

    return offers


def test_limits_alone_judge_nothing_unless_the_policy_allows_it(machine):
    machine("C")
    with pytest.raises(ConfigError, match=r"limits alone .*; set sandbox.allow_unsafe=true"):
        Referee(made(), {})
    assert Counting.asked == []
    assert Referee(made(allow_unsafe=True), {}).station.tier == "C"


@pytest.mark.parametrize("tier", ["A", "B"])
def test_a_station_says_what_it_found_and_another_tier_is_another_station(machine, tier):
    machine(tier)
    station = made().station()
    assert station.tier == tier
    machine("B" if tier == "A" else "A")
    assert made().station().identity != station.identity


def test_a_machine_with_other_code_of_ours_judges_nothing(machine):
    machine("A")
    with pytest.raises(ConfigError, match="judges with other code than the run was started with"):
        made(code="of the driver").station()


def test_a_machine_without_any_sandbox_is_one_line(monkeypatch):
    def probe():
        raise sandbox.SandboxError("no sandbox can be started")

    monkeypatch.setattr(policy, "sandbox", SimpleNamespace(probe=probe, SandboxError=sandbox.SandboxError))
    with pytest.raises(ConfigError, match=r"^sandbox: no sandbox can be started"):
        made().station()


def test_the_tier_that_the_user_names_travels_with_the_policy(monkeypatch):
    monkeypatch.setenv("HALO_RAFT_SANDBOX_TIER", "B")
    asked = JudgingPolicy.of("python", VerifierConfig(), SandboxConfig())
    assert asked.tier == "B"
    monkeypatch.delenv("HALO_RAFT_SANDBOX_TIER")  # as on a worker
    sandbox.probe.cache_clear()
    try:
        assert asked.station().tier == "B"
    finally:
        monkeypatch.delenv("HALO_RAFT_SANDBOX_TIER")
        sandbox.probe.cache_clear()


def test_a_cycle_may_run_what_it_compiles():
    settings = VerifierConfig(run_after_compile=True)
    assert JudgingPolicy.of("gcc", settings, SandboxConfig()).options.run_after_compile
    assert not JudgingPolicy.of("gcc", settings, SandboxConfig(), run_after_compile=False).options.run_after_compile


def test_what_verifiers_log_goes_where_it_went_when_judging_is_over(caplog):
    log = logging.getLogger("halo_raft.verifiers")
    with collected_messages() as messages:
        log.error("inside")
    log.error("outside")
    assert messages.take() == "inside"
    assert [record.message for record in caplog.records] == ["outside"]
