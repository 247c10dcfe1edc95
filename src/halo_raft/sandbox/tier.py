"""Which isolation is in force on this machine, found by trying."""

from __future__ import annotations

import dataclasses
import functools
import os

from halo_raft.sandbox import self_check
from halo_raft.sandbox.zygote import SandboxError, SandboxLateError, View, Zygote

VARIABLE = "HALO_RAFT_SANDBOX_TIER"
"""Environment variable that asks for a tier by name instead of the best there is."""
DESCRIPTIONS = {
    "A": "own user, mount, process, network and IPC namespaces, seccomp, limits; no way to files, network or processes",
    "B": "Landlock, seccomp without sockets, limits",
    "C": "resource limits alone: files can be read and the network is open",
}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Tier:
    """An isolation tier.

    Attributes:
        name: `A`, `B` or `C`, best first.
        reason: What is in force, and why it is no better, for display.
    """

    name: str
    reason: str


@functools.cache
def probe() -> Tier:
    """Return the tier in force, found once per process by running a program in it.

    Raises:
        SandboxError: The tier that the environment asks for cannot be had, or nothing can be run at all.
    """
    wanted = os.environ.get(VARIABLE, "")
    if wanted and wanted not in DESCRIPTIONS:
        raise SandboxError(f"{VARIABLE} is {wanted!r}; it can be {', '.join(DESCRIPTIONS)}")
    refusals = ""
    for name in wanted or DESCRIPTIONS:
        try:
            with Zygote(View(name)) as zygote:
                self_check.short(zygote)
        except SandboxLateError:
            raise
        except SandboxError as error:
            refusals += f"; tier {name} is refused: {error}"
            continue
        return Tier(name=name, reason=DESCRIPTIONS[name] + refusals)
    raise SandboxError(f"no sandbox can be started{refusals}")
