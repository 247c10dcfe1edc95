from __future__ import annotations

from pathlib import Path

import pytest

from halo_raft.train.saving import atomic_folder


def test_the_folder_appears_when_the_block_ends(tmp_path: Path) -> None:
    target = tmp_path / "parent" / "adapter"
    with atomic_folder(target) as scratch:
        (scratch / "inner").mkdir()
        (scratch / "inner" / "file").write_text("x")
        (scratch / "inner" / "file").chmod(0o600)
        assert not target.exists()
    assert (target / "inner" / "file").read_text() == "x"
    assert [path.name for path in target.parent.iterdir()] == ["adapter"]
    assert target.stat().st_mode & 0o777 == 0o755
    assert (target / "inner" / "file").stat().st_mode & 0o777 == 0o644


def test_a_crash_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), atomic_folder(tmp_path / "adapter") as scratch:
        (scratch / "file").write_text("x")
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []


def test_an_existing_folder_is_not_replaced(tmp_path: Path) -> None:
    target = tmp_path / "adapter"
    target.mkdir()
    (target / "old").write_text("x")
    with pytest.raises(OSError, match="not empty"), atomic_folder(target) as scratch:
        (scratch / "new").write_text("x")
    assert [path.name for path in tmp_path.rglob("*")] == ["adapter", "old"]
