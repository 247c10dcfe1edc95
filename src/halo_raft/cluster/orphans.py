"""Placement groups that nobody holds any more: a process that made one and is killed leaves its CPUs taken.

Ray gives such a group up with the job, or with the actor where nothing was started from it. Ray Train's own cleaner
asks the dashboard who lives, and a Ray instance of ours has none.
"""

from __future__ import annotations

import logging

log = logging.getLogger(__name__)


def release_orphaned_groups() -> int:
    """Remove the placement groups of this job whose creator is dead; return how many. Needs Ray.

    Public calls do not tell who made a group; where Ray's own table cannot be read, nothing is removed.
    """
    import ray
    from ray._private.state import state
    from ray.core.generated.gcs_pb2 import PlacementGroupTableData
    from ray.util.placement_group import PlacementGroup, remove_placement_group

    job = ray.JobID.from_hex(ray.get_runtime_context().get_job_id()).binary()
    released = 0
    try:
        rows = state._connect_and_get_accessor().get_placement_group_table()
        groups = [PlacementGroupTableData.FromString(row) for row in rows]
    except (AttributeError, RuntimeError) as error:
        log.debug("placement groups are not known: %s", error)
        return 0
    for group in groups:
        by_an_actor = not ray.ActorID(group.creator_actor_id).is_nil()  # else by the driver, and Ray calls that dead
        orphaned = by_an_actor and group.creator_actor_dead and group.creator_job_id == job
        if orphaned and not group.is_detached and group.state != PlacementGroupTableData.REMOVED:
            remove_placement_group(PlacementGroup(ray.PlacementGroupID(group.placement_group_id)))
            released += 1
            log.info("The CPUs of a training that was killed are free again")
    return released
