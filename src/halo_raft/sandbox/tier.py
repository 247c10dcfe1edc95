"""Which isolation is in force on this machine, found by trying."""

from __future__ import annotations

import dataclasses
import functools
import os


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Tier:
    """An isolation tier.

    Attributes:
        name: `A`, `B` or `C`, best first.
        reason: Why it is no better, and what is in force, for display.
        own_uid: Whether each run has a user id of its own.
    """

    name: str
    reason: str
    own_uid: bool


@functools.cache
def probe() -> Tier:
    """Return the tier in force, found once per process.

    Raises:
        SandboxError: Nothing can be run at all.
    """
    if os.geteuid() != 0:
        return _tier_c(own_uid=False)
    from halo_raft.sandbox.box import SandboxError, start_probe

    try:
        start_probe(own_uid=True)
    except SandboxError:
        start_probe(own_uid=False)
        return _tier_c(own_uid=False)
    return _tier_c(own_uid=True)


def _tier_c(*, own_uid: bool) -> Tier:
    uid = "a user id of its own for each run" if own_uid else "the user id of the worker"
    return Tier(
        name="C",
        reason=f"resource limits and {uid}; no namespaces, so files can be read and the network is open",
        own_uid=own_uid,
    )
