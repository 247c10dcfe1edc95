from __future__ import annotations

import os

import pytest

from halo_raft.cluster.connection import _bring_token


@pytest.fixture
def home(tmp_path, monkeypatch):
    """An empty home, and no word of tokens in the environment."""
    for name in ("RAY_AUTH_MODE", "RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"):
        monkeypatch.setenv(name, "")  # so that it is taken back whatever the test does
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def test_a_local_instance_has_a_token_that_is_nowhere_else(home):
    _bring_token("local")
    assert len(os.environ["RAY_AUTH_TOKEN"]) == 64
    assert not list(home.iterdir())


def test_a_cluster_is_joined_with_the_token_that_is_there(home):
    _bring_token("host:6379")
    assert "RAY_AUTH_MODE" not in os.environ
    (home / ".ray").mkdir()
    (home / ".ray/auth_token").write_text("x")
    _bring_token("host:6379")
    assert os.environ["RAY_AUTH_MODE"] == "token"


def test_what_the_user_says_of_tokens_stays(home, monkeypatch):
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    monkeypatch.setenv("RAY_AUTH_TOKEN", "mine")
    _bring_token("host:6379")
    _bring_token("local")
    assert (os.environ["RAY_AUTH_MODE"], os.environ["RAY_AUTH_TOKEN"]) == ("disabled", "mine")
