"""Entry point of `python -m halo_raft.pipelines.sweep`."""

from halo_raft.pipelines.sweep import main

if __name__ == "__main__":
    raise SystemExit(main())
