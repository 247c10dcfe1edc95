"""What is on disk: JSONL records, files that appear whole, and the folders that commands go on in.

- `jsonl`: records, one a line, that outlive a crash
- `folder`: a folder that one process holds, tied to what it was begun with
- `mismatch`: what was changed since a folder was begun
- `run_folder`: the files of a RAFT run, cycle by cycle
"""

from halo_raft.store.folder import HeldFolder, check_writable, remove
from halo_raft.store.jsonl import JsonlWriter, read_records, read_verdicts, sync, write_atomically
from halo_raft.store.run_folder import RunFolder, has_weights

__all__ = [
    "HeldFolder",
    "JsonlWriter",
    "RunFolder",
    "check_writable",
    "has_weights",
    "read_records",
    "read_verdicts",
    "remove",
    "sync",
    "write_atomically",
]
