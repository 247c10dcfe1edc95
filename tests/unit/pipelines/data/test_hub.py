"""The hub's path, against a server of the hub's shape on this machine: what `datasets` really asks is answered."""

from __future__ import annotations

import gzip
import importlib.util
import io
import json
import os
import subprocess
import sys
from pathlib import Path

from halo_raft import tasks
from halo_raft.tasks.public import hub
from halo_raft.tasks.public.catalogue import SETS

spec = importlib.util.spec_from_file_location("hub_server", Path(__file__).with_name("hub_server.py"))
hub_server = importlib.util.module_from_spec(spec)
spec.loader.exec_module(hub_server)

ROWS = [
    {"task_id": 601 + n, "text": f"Write a function that adds {n}. {n * 7919:x}", "test_setup_code": "",
     "code": f"def add(x):\n    return x + {n}  # {hash((n, 1)):x}{hash((n, 2)):x}{hash((n, 3)):x}",
     "test_list": [f"assert add({m}) == {m + n}" for m in range(3)], "challenge_test_list": []}
    for n in range(374)
]  # fmt: skip
CARD = b"""---
configs:
- config_name: full
  data_files:
  - split: train
    path: full/train-*
- config_name: sanitized
  data_files:
  - split: train
    path: sanitized/train-*
---
"""
SCRIPT = """
import sys
from halo_raft import cli
for spec in sys.argv[1:]:
    name = spec.replace("/", "_").replace(":", "_")
    code = cli.main(["data", "prepare", "--dataset", spec, "--quick", "--output", f"{name}.jsonl"])
    print("CODE", spec, code)
"""


def test_parquet_gzip_and_plain_files_come_from_the_hub_and_broken_downloads_go_on(tmp_path):
    from datasets import Dataset

    parquet = io.BytesIO()
    Dataset.from_list(ROWS).to_parquet(parquet)
    lines = "".join(json.dumps(row) + "\n" for row in ROWS).encode()
    sets = {
        "google-research-datasets/mbpp": {
            "README.md": CARD,
            "full/train-00000-of-00001.parquet": parquet.getvalue(),
            "sanitized/train-00000-of-00001.parquet": parquet.getvalue(),
        },
        "me/zipped": {"train.jsonl.gz": gzip.compress(lines)},
        "codeparrot/apps": {"train.jsonl": lines, "apps.py": b"raise SystemExit('a script of a data set ran')"},
        "me/scripted": {"scripted.py": b"raise SystemExit('a script of a data set ran')"},
        "me/scripted@converted": {"default/train/0000.parquet": parquet.getvalue()},
    }
    hub = hub_server.Hub(sets, breaks=1)
    with hub_server.served(hub) as address:
        environment = {**os.environ, "HF_ENDPOINT": address, "HF_HOME": str(tmp_path / "hf"), "HF_HUB_OFFLINE": "0"}
        command = [sys.executable, "-c", SCRIPT, "mbpp", "me/zipped", "apps", "me/scripted", "me/missing"]
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    codes = dict(line.split()[1:] for line in done.stdout.splitlines() if line.startswith("CODE"))
    assert codes == {"mbpp": "0", "me/zipped": "0", "apps": "0", "me/scripted": "0", "me/missing": "3"}, done.stderr
    wanted = tuple(tasks.parse_row(row, "x") for row in ROWS)
    for name in ("mbpp", "me_zipped", "apps", "me_scripted"):
        assert tasks.load(str(tmp_path / f"{name}.jsonl")).tasks == wanted
        assert f"revision: {hub_server.COMMIT}" in (tmp_path / f"{name}_card.md").read_text()
    assert set(hub.breaks) == {"full/train-00000-of-00001.parquet", "train.jsonl.gz", "train.jsonl",
                               "default/train/0000.parquet"}  # fmt: skip
    assert "a script of a data set ran" not in done.stderr
    assert "me/missing cannot be had from the hub" in done.stderr


def test_a_hub_that_does_not_answer_is_left_alone_while_its_cache_is_read_and_no_longer(monkeypatch):
    from huggingface_hub import constants

    seen = []

    def opened(*arguments):
        seen.append(constants.HF_HUB_OFFLINE)
        yield ROWS[0]

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(hub, "_opened", opened)
    public = SETS["mbpp"]
    for answers in (False, True):
        monkeypatch.setattr(hub, "answers_about", lambda name, answers=answers: answers)
        assert [row for _, row in hub.rows_of(public, *public.split("train"))] == [ROWS[0]]
        assert constants.HF_HUB_OFFLINE is False
    assert seen == [True, False]
