"""A disk that is full ends a command in one line, and all that is on it can be read and gone on from."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from halo_raft.errors import full_disk
from halo_raft.store import JsonlWriter, RunFolder
from halo_raft.terminal.exits import run_main

from ..made_run import answer


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 KiB."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "halo-raft-test", str(place)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("this user may not mount a small disk")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def samples(count: int):
    return [answer(1, "", "t1", index, "passed")[0] for index in range(count)]


def test_what_was_written_stays_and_goes_on_where_there_is_room_again(
    small_disk: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = RunFolder(small_disk / "run")
    folder.open({"model": "a"})
    wanted = samples(1000)

    def command(_: object) -> int:
        with JsonlWriter(folder.samples_path(1)) as writer:
            for sample in wanted[len(folder.samples(1)) :]:
                writer.append([sample])
        return 0

    assert run_main(command, None) == 1  # type: ignore[arg-type]
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: the disk is full") and "run the same command again" in line
    kept = folder.samples(1)
    assert kept == wanted[: len(kept)] and 0 < len(kept) < 1000

    subprocess.run(["mount", "-o", "remount,size=1m", str(small_disk)], check=True)
    assert run_main(command, None) == 0  # type: ignore[arg-type]
    assert folder.samples(1) == wanted
    folder.close()


def test_a_file_that_should_appear_whole_leaves_the_old_one(small_disk: Path) -> None:
    folder = RunFolder(small_disk)
    folder.write_kept(1, samples(3))
    with pytest.raises(OSError) as failed:
        folder.write_kept(1, samples(1000))
    assert full_disk(failed.value) is not None
    assert folder.kept(1) == samples(3)
    assert [path.name for path in small_disk.iterdir()] == ["cycle_1_kept.jsonl"]


def test_another_error_of_the_system_is_not_taken_for_a_full_disk() -> None:
    assert full_disk(PermissionError(13, "no")) is None
    wrapper = RuntimeError("wrapped by Ray")
    wrapper.cause = OSError(28, "No space left on device", "/x")  # type: ignore[attr-defined]
    found = full_disk(wrapper)
    assert found is not None and "/x" in str(found)


def test_a_training_that_could_not_save_says_so(small_disk: Path) -> None:
    from halo_raft.train.saving import atomic_folder

    with pytest.raises(OSError), atomic_folder(small_disk / "adapter") as folder:
        (folder / "weights").write_bytes(os.urandom(100_000))
    assert list(small_disk.iterdir()) == []
