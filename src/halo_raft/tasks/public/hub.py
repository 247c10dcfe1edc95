"""Rows of a data set from the model hub, through `datasets`; what is large is read as it comes."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, cast

from halo_raft.errors import DataError
from halo_raft.hub import answers_about
from halo_raft.tasks.public.catalogue import PublicSet, Split
from halo_raft.tasks.public.copies import BUILDERS, first_line

CONVERTED = "refs/convert/parquet"
"""Where the hub keeps the rows of sets that are scripts."""


def rows_of(public: PublicSet, name: str, split: Split) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield (place, row) of a split, from the hub or from what it left in the cache.

    A download that broke off goes on where it was; a stream that breaks is taken up again.

    Raises:
        DataError: It cannot be had; says the two ways to get it.
    """
    online = answers_about(public.hub or "")
    from datasets import disable_progress_bars

    logging.getLogger("datasets").setLevel(logging.ERROR)
    disable_progress_bars()
    wanted = split.hub or name
    try:
        with contextlib.nullcontext() if online else _by_the_cache_alone():
            for number, row in enumerate(_opened(public, split, wanted), start=1):
                yield f"{public.hub}, row {number}", row
    except Exception as error:  # datasets raises whatever its parts do
        why = first_line(error) if online else f"it does not answer, and of its cache: {first_line(error)}"
        raise DataError(
            f"tasks: {public.hub} cannot be had from the hub ({why}); go online, or give a copy: "
            f"halo-raft data prepare --dataset {public.name}:{name} --source FILE_OR_FOLDER"
        ) from error


@contextlib.contextmanager
def _by_the_cache_alone() -> Iterator[None]:
    """Keep the clients from asking meanwhile: they would try a hub that does not answer for half a minute."""
    import datasets
    from huggingface_hub import constants

    before = constants.HF_HUB_OFFLINE, datasets.config.HF_HUB_OFFLINE
    constants.HF_HUB_OFFLINE = datasets.config.HF_HUB_OFFLINE = True
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE, datasets.config.HF_HUB_OFFLINE = before


def _opened(public: PublicSet, split: Split, wanted: str) -> Iterable[Mapping[str, Any]]:
    """Open a split: by its files, as the hub describes it, or where it is a script as the hub has converted it."""
    from datasets import load_dataset

    how: dict[str, Any] = {"split": wanted, "streaming": public.streamed}
    if split.files:
        kind = BUILDERS["." + split.files[0].rpartition(".")[2]]
        files = [f"hf://datasets/{public.hub}/{file}" for file in split.files]
        return cast(Iterable[Mapping[str, Any]], load_dataset(kind, data_files={wanted: files}, **how))
    try:
        return cast(Iterable[Mapping[str, Any]], load_dataset(public.hub, split.config, **how))
    except RuntimeError as error:
        if "scripts are no longer supported" not in str(error):
            raise
        parts = split.config or "default"
        return cast(Iterable[Mapping[str, Any]], load_dataset(public.hub, data_dir=parts, revision=CONVERTED, **how))


def revision_of(public: PublicSet) -> str | None:
    """Return the commit that the hub serves, None where it does not say."""
    from huggingface_hub import HfApi

    try:
        return HfApi().dataset_info(public.hub, timeout=10).sha if public.hub else None
    except Exception:  # offline with a cache, mostly: the rows were had, their revision is not known
        return None
