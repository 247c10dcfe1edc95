"""What one zygote prepares once, and every run that it forks finds there."""

from __future__ import annotations

import dataclasses

TYPE_CHECKING = False
if TYPE_CHECKING:  # importing `typing` would make every fork larger
    from typing import Any

    from halo_raft.sandbox.inside import seccomp


@dataclasses.dataclass(frozen=True)
class World:
    """What is the same for every run of one zygote.

    Attributes:
        tier: `A`, `B` or `C`.
        workdir: Where runs work: a fresh mount in tier A, an emptied folder else.
        packages: Folder of the Python packages that runs may import.
        own_uid: Whether the processes of runs share their user id with nothing else.
        run_uid: User id that runs change to; None when the zygote has it already.
        sized: Whether a mount below the zygote's folder limits work folders, outside of tier A.
        filter: Seccomp filter; None in tier C.
        tool_filter: The same for our own tools, such as compilers, which start processes.
        rules: Landlock ruleset, in tier B.
        harnesses: Name -> its `main`.
        env: What runs usually see of the environment.
        fork_hooks: What runs register with `os.register_at_fork`.
    """

    tier: str
    workdir: str
    packages: str
    own_uid: bool
    run_uid: int | None
    sized: bool
    filter: seccomp.Filter | None
    tool_filter: seccomp.Filter | None
    rules: int | None
    harnesses: dict[str, Any]
    env: dict[str, str] = dataclasses.field(default_factory=dict)
    fork_hooks: list[dict[str, Any]] = dataclasses.field(default_factory=list)
