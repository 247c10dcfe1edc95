"""Which linker rustc is told to use."""

from pathlib import Path

import pytest

from halo_raft.errors import ConfigError
from halo_raft.verifiers.native import toolchain_rust
from halo_raft.verifiers.native.toolchain_rust import _linking

BFD = "-Clink-arg=-fuse-ld=bfd"


@pytest.mark.parametrize(
    ("offers", "lld", "links", "fast"),
    [
        ("strip=val linker-features=val", True, True, True),
        ("strip=val linker-features=val", True, False, False),
        ("strip=val linker-features=val", False, True, False),
        ("strip=val", True, True, False),
    ],
)
def test_rustc_s_own_linker_where_it_works(
    offers: str, lld: bool, links: bool, fast: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def answer(*argv: str, **_: object) -> str:
        if "help" not in argv and not links:
            raise ConfigError("cc: unrecognized option")
        return offers

    monkeypatch.setattr(toolchain_rust, "output_of", answer)
    monkeypatch.setenv("HALO_RAFT_CACHE", str(tmp_path / "cache"))
    if lld:
        folder = tmp_path / "lib" / "rustlib" / "target" / "bin"
        folder.mkdir(parents=True)
        (folder / "rust-lld").touch()
    arguments, mounts = _linking.__wrapped__("rustc", str(tmp_path))
    assert (BFD in arguments, bool(mounts)) == (not fast, fast)
    assert not fast or Path(mounts[0], "ld.lld").exists()


def test_an_old_rustc_is_asked_for_nothing_new(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(toolchain_rust, "output_of", lambda *argv: "lto=val")
    assert _linking.__wrapped__("rustc", str(tmp_path)) == ((BFD,), ())
