"""Entry point of `python -m halo_raft.pipelines.verify`."""

from halo_raft.pipelines.verify import main

if __name__ == "__main__":
    raise SystemExit(main())
