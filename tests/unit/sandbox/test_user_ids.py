import os

import pytest

from halo_raft.sandbox import user_ids
from halo_raft.sandbox.user_ids import NOBODY, PREFERRED, SYSTEM_IDS, Span, candidates

EVERYTHING = [Span(0, 4294967295)]
ROOTLESS = [Span(0, 1), Span(1, 65536)]
"""What podman and docker map without root."""


def test_where_everything_is_mapped_ids_are_far_from_all_that_is_given_out() -> None:
    assert next(candidates([EVERYTHING, EVERYTHING], 5)) == PREFERRED + 5


@pytest.mark.parametrize("seed", [0, 1, 31, 4_000_000])
def test_only_mapped_ids_are_taken(seed: int) -> None:
    found = list(candidates([ROOTLESS, ROOTLESS], seed))
    assert len(set(found)) == len(found) > 1000
    assert all(SYSTEM_IDS <= number <= 65536 and number != NOBODY for number in found)


def test_an_id_has_to_be_mapped_for_users_and_groups() -> None:
    assert list(candidates([[Span(0, 20_000)], [Span(0, 10_003)]], 0)) == [10_002, 10_001, 10_000]


def test_a_single_mapped_id_leaves_none() -> None:
    assert list(candidates([[Span(0, 1)], [Span(0, 1)]], 7)) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root takes ids")
def test_an_id_that_is_taken_is_taken_by_nobody_else() -> None:
    first = user_ids.take(12345)
    second = user_ids.take(12345)
    assert first is not None and second is not None
    assert first.number != second.number
    first.close()
    third = user_ids.take(12345)
    assert third is not None and third.number == first.number
    second.close()
    third.close()
