import logging

import pytest

from halo_raft.tracking.soft import WarnOnce, one_line


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


def test_one_line_is_short_and_never_empty():
    assert one_line(ValueError("")) == "ValueError"
    assert len(one_line(ValueError("x" * 999))) == 300
