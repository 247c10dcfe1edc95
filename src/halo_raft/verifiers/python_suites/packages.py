"""Installed packages: which of those that a task's trusted text imports its programs and tests cannot have here."""

from __future__ import annotations

import ast
import functools
import importlib.metadata
import importlib.util
import re
import sys
from collections.abc import Iterable

from halo_raft.verifiers.functions.names import PROGRAM, parsed

DISTRIBUTIONS = {
    "bs4": "beautifulsoup4", "Crypto": "pycryptodome", "cv2": "opencv-python-headless", "dateutil": "python-dateutil",
    "docx": "python-docx", "dotenv": "python-dotenv", "mpl_toolkits": "matplotlib", "PIL": "pillow",
    "pkg_resources": "setuptools", "skimage": "scikit-image", "sklearn": "scikit-learn", "yaml": "pyyaml",
}  # fmt: skip
"""Packages to install, where they are not called as they are imported."""
_IMPORTS = re.compile(r"^[ \t]*(?:import|from)[ \t]", re.MULTILINE)
_REQUIRED = re.compile(r"[\w.-]+")


@functools.lru_cache(maxsize=4096)
def imported(*sources: str) -> frozenset[str]:
    """Return the top-level modules that sources import, but for those whose absence they catch."""
    names: set[str] = set()
    for source in filter(_IMPORTS.search, sources):
        nodes = [*ast.walk(parsed(source))]
        tries = [node for node in nodes if isinstance(node, ast.Try) and node.handlers]
        caught = {inner for node in tries for statement in node.body for inner in ast.walk(statement)}
        for node in nodes:
            if isinstance(node, ast.Import) and node not in caught:
                names |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node not in caught and node.module and not node.level:
                names.add(node.module.partition(".")[0])
    return frozenset(names)


def lacking(needed: Iterable[str], offered: Iterable[str]) -> str | None:
    """Return what is missing of the modules that a task needs, with the mend; None if nothing.

    Args:
        needed: Top-level modules.
        offered: Packages that runs may import.
    """
    offered = {*offered}
    for name in sorted({*needed} - sys.stdlib_module_names - {PROGRAM}):
        if not is_installed(name) or name not in offered:
            return without_package(name)
    return None


def without_package(name: str) -> str:
    """Say that something needs a package that it cannot have here, and the mend."""
    mend, why = f"name {name} in sandbox.packages", "the sandbox does not show"
    if not is_installed(name):
        mend, why = f"pip install {DISTRIBUTIONS.get(name, name)}, and {mend}", "is not installed"
    return f"needs the package {name}, which {why} ({mend})"


@functools.lru_cache(maxsize=256)
def is_installed(name: str) -> bool:
    """Return whether a top-level module can be found, without importing it."""
    try:
        return importlib.util.find_spec(name) is not None
    except (ImportError, ValueError):
        return False


@functools.lru_cache(maxsize=16)
def with_requirements(packages: tuple[str, ...]) -> tuple[str, ...]:
    """Return packages with those that they need in turn, and with the names of their folders of shared libraries."""
    if not {*packages} - {"numpy"}:
        return packages
    brings: dict[str, list[str]] = {}
    for module, distributions in importlib.metadata.packages_distributions().items():
        for name in distributions:
            brings.setdefault(_normal(name), []).append(module)
    found = dict.fromkeys(packages)
    modules = {module: name for name, brought in brings.items() for module in brought}
    queue = [modules[name] for name in packages if name in modules]
    seen: set[str] = set()
    while queue:
        name = queue.pop()
        if name in seen or name not in brings:
            continue
        seen.add(name)
        found |= dict.fromkeys([*brings[name], name])
        required = importlib.metadata.requires(name) or []
        queue += [_normal(r[0]) for text in required if "extra ==" not in text and (r := _REQUIRED.match(text))]
    return tuple(found)


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "_", name).lower()
