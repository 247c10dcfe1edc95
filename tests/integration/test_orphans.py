"""Placement groups whose creator was killed are given back; those that somebody holds are not."""

from __future__ import annotations

import time

import ray
from ray.util.placement_group import placement_group, placement_group_table, remove_placement_group

from halo_raft.cluster.orphans import release_orphaned_groups


@ray.remote(num_cpus=0)
class Maker:
    def make(self):
        group = placement_group([{"CPU": 1}])
        ray.get(group.ready())
        return group.id.hex()


def states() -> dict[str, str]:
    return {name: facts["state"] for name, facts in placement_group_table().items()}


def test_what_a_killed_process_held_is_free_again(ray_session):
    own = placement_group([{"CPU": 0.001}])
    ray.get(own.ready())
    makers = [Maker.remote() for _ in range(2)]
    lost = ray.get(makers[0].make.remote())
    assert release_orphaned_groups() == 0, "its maker lives"
    ray.kill(makers[0])
    until = time.monotonic() + 60
    while not (released := release_orphaned_groups()) and time.monotonic() < until:
        time.sleep(0.1)
    assert released == 1
    kept = ray.get(makers[1].make.remote())  # which takes the same CPU where there is one
    assert states()[lost] == "REMOVED"
    assert states()[kept] == states()[own.id.hex()] == "CREATED"
    remove_placement_group(own)
    ray.kill(makers[1])
    while not release_orphaned_groups():
        time.sleep(0.1)
