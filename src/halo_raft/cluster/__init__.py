"""Where a run computes: Ray, who gets which devices, and where a job's files lie.

- `session`: a local Ray instance, or a cluster that is joined
- `placement`: shares of devices
- `workers`: how many verification workers a file of answers takes
- `jobs`: output paths that outlive a Ray job
"""
