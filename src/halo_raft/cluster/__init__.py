"""Where a run computes: Ray, who gets which devices, and where a job's files lie.

- `connection`: a local Ray instance, or a cluster that is joined
- `placement`: shares of devices
- `jobs`: output paths that outlive a Ray job
- `orphans`: what killed processes hold
- `home`: what travels between nodes that share nothing
"""
