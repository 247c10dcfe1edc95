"""Entry point of `python -m halo_raft.pipelines.raft`."""

from halo_raft.pipelines.raft import main

if __name__ == "__main__":
    raise SystemExit(main())
