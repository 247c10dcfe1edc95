"""What is on disk: JSONL records, files that appear whole, and the folders that commands go on in.

- `reading`: how files are read back, and what is said of damaged ones
- `lines`: a record as a line of JSON
- `jsonl`: records, one a line, that outlive a crash
- `stored`: samples that stay in their files
- `folder`: a folder that one process holds, tied to what it was begun with
- `mismatch`: what was changed since a folder was begun
- `adapters`: whether an adapter is whole
- `run_folder`: the files of a RAFT run, cycle by cycle
"""

from halo_raft.store.adapters import has_weights
from halo_raft.store.folder import HeldFolder, begun_in, check_writable, remove
from halo_raft.store.jsonl import (
    JsonlWriter,
    LineCount,
    last_verdicts,
    read_records,
    read_verdicts,
    sync,
    write_atomically,
)
from halo_raft.store.lines import line_of, reader_of
from halo_raft.store.reading import A_COPY, ANEW, DAMAGES, checked, damaged, read_as, read_yaml, record_of
from halo_raft.store.run_folder import RunFolder, stats_of
from halo_raft.store.stored import Drawn, StoredSample, stored_samples

__all__ = [
    "ANEW",
    "A_COPY",
    "DAMAGES",
    "Drawn",
    "HeldFolder",
    "JsonlWriter",
    "LineCount",
    "RunFolder",
    "StoredSample",
    "begun_in",
    "check_writable",
    "checked",
    "damaged",
    "has_weights",
    "last_verdicts",
    "line_of",
    "read_as",
    "read_records",
    "read_verdicts",
    "read_yaml",
    "reader_of",
    "record_of",
    "remove",
    "stats_of",
    "stored_samples",
    "sync",
    "write_atomically",
]
