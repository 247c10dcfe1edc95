"""Entry point of `python -m halo_raft.pipelines.sft`."""

from halo_raft.pipelines.sft import main

if __name__ == "__main__":
    raise SystemExit(main())
