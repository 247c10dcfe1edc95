"""Rows of a data set from the model hub, through `datasets`; what is large is read as it comes."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from typing import Any

from halo_raft.errors import DataError
from halo_raft.tasks.public.catalogue import PublicSet, Split
from halo_raft.tasks.public.copies import BUILDERS, first_line


def rows_of(public: PublicSet, name: str, split: Split) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield (place, row) of a split, from the hub or from what it left in the cache.

    A download that broke off goes on where it was; a stream that breaks is taken up again.

    Raises:
        DataError: It cannot be had; says the two ways to get it.
    """
    from datasets import disable_progress_bars, load_dataset

    logging.getLogger("datasets").setLevel(logging.ERROR)
    disable_progress_bars()
    wanted = split.hub or name
    try:
        if split.files:
            suffix = "." + split.files[0].rpartition(".")[2]
            files = {wanted: [f"hf://datasets/{public.hub}/{file}" for file in split.files]}
            rows = load_dataset(BUILDERS[suffix], data_files=files, split=wanted, streaming=public.streamed)
        else:
            rows = load_dataset(public.hub, split.config, split=wanted, streaming=public.streamed)
        for number, row in enumerate(rows, start=1):
            yield f"{public.hub}, row {number}", row
    except Exception as error:  # datasets raises whatever its parts do
        raise DataError(
            f"tasks: {public.hub} cannot be had from the hub ({first_line(error)}); go online, or give a copy: "
            f"halo-raft data prepare --dataset {public.name}:{name} --source FILE_OR_FOLDER"
        ) from error


def revision_of(public: PublicSet) -> str | None:
    """Return the commit that the hub serves, None where it does not say."""
    from huggingface_hub import HfApi

    try:
        return HfApi().dataset_info(public.hub, timeout=10).sha if public.hub else None
    except Exception:  # offline with a cache, mostly: the rows were had, their revision is not known
        return None
