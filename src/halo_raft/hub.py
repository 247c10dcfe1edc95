"""What the model hub and its cache have: told in seconds, by a model's small config file, or by a data set's page."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable

SECONDS = 5.0
"""The hub answers in so long, or is not to be had; its own client would try again for half a minute."""


def cached_config(name: str) -> str | None:
    """Return the path of the config.json that the cache has of a model."""
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    try:
        path = try_to_load_from_cache(name, "config.json")
    except HFValidationError:
        return None
    return path if isinstance(path, str) else None


def bring_config(name: str) -> None:
    """Bring a model's config.json into the cache.

    Raises:
        Exception: The hub does not have it, or is not to be had; see `why_not`.
    """
    from huggingface_hub import get_hf_file_metadata, hf_hub_download, hf_hub_url

    _ask_once(lambda: get_hf_file_metadata(hf_hub_url(name, "config.json"), timeout=SECONDS))
    hf_hub_download(name, "config.json")


def answers_about(data_set: str) -> bool:
    """Return whether the hub answers at all, be it that it has no such set, or that it is not for everybody."""
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError

    try:
        _ask_once(lambda: HfApi().dataset_info(data_set, timeout=SECONDS))
    except HfHubHTTPError:
        return True
    except Exception:
        return False
    return True


def _ask_once(question: Callable[[], object]) -> None:
    """Ask the hub, in a thread: looking up a name, and trying an address after the other, know no limit.

    Raises:
        Exception: What the question raises, or there is no answer in `SECONDS`.
    """
    said = queue.SimpleQueue[Exception | None]()

    def ask() -> None:
        try:
            question()
        except Exception as error:
            said.put(error)
        else:
            said.put(None)

    threading.Thread(target=ask, name="hub", daemon=True).start()
    try:
        error = said.get(timeout=SECONDS)
    except queue.Empty:
        error = TimeoutError(f"no answer in {SECONDS:g} s")
    if error:
        raise error


def why_not(name: str, error: Exception) -> str:
    """Say in part of a line why a model is not to be had, and what helps but for a folder of it."""
    from huggingface_hub import constants, errors

    if isinstance(error, errors.GatedRepoError):
        return "is gated on the hub; accept its terms on its page there and log in (hf auth login)"
    if isinstance(error, errors.RepositoryNotFoundError | errors.HFValidationError):
        return "is no folder here and no model on the hub; correct the name, log in if it is private (hf auth login)"
    if isinstance(error, errors.EntryNotFoundError):
        return "has no config.json on the hub; name a model in the form of transformers"
    cache = constants.HF_HUB_CACHE
    if isinstance(error, errors.OfflineModeIsEnabled):
        return (
            f"is not in the cache of the hub ({cache}), and HF_HUB_OFFLINE keeps the hub from being asked; go online "
            "once without it, name a cache that has it (HF_HUB_CACHE=...)"
        )
    return (
        f"is not in the cache of the hub ({cache}), and the hub does not answer ({type(error).__name__}); go online "
        "once, name a cache that has it (HF_HUB_CACHE=..., and HF_HUB_OFFLINE=1 to ask no hub)"
    )
