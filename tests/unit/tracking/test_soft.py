import logging

import pytest

from halo_raft.tracking.soft import WarnOnce, reason


def test_warns_once_per_action_and_kind(caplog):
    soft = WarnOnce()
    for error in (ValueError("first\nsecond"), ValueError("again"), OSError("other")):
        with caplog.at_level(logging.WARNING), soft("log metrics"):
            raise error
    assert [record.getMessage() for record in caplog.records] == [
        "tracking: could not log metrics: ValueError: first; the run goes on, repeats are silent",
        "tracking: could not log metrics: OSError: other; the run goes on, repeats are silent",
    ]


def test_an_interrupt_is_no_logging_error():
    with pytest.raises(KeyboardInterrupt), WarnOnce()("log metrics"):
        raise KeyboardInterrupt


def test_a_reason_is_short_and_never_empty():
    assert reason(ValueError("")) == "ValueError"
    assert len(reason(ValueError("x" * 999))) == 300


def test_the_reason_is_where_the_trouble_began():
    try:
        try:
            raise ConnectionRefusedError("refused")
        except OSError as error:
            raise RuntimeError("page of\nretries") from error
    except RuntimeError as error:
        assert reason(error) == "ConnectionRefusedError: refused"
