"""Name -> plugin. The file's name is the plugin's id; `package.module:Class` names a user's own.

A room that takes plugins (`tasks`, `engines`, `verifiers`) is a package with one file a plugin and
one `Registry` in its `__init__`. Adding a plugin is adding a file: nothing is registered by hand.
"""

from __future__ import annotations

import importlib
import inspect
import os
import pkgutil
import sys
from typing import Generic, TypeVar

from halo_raft.errors import ConfigError

T = TypeVar("T")

OLD_NAMES = ("halo_forge", "halo_raft.rlvr")
"""Where the guide, and those who replaced its program's name by ours, look for our classes."""


class Registry(Generic[T]):
    """The plugins of one package.

    Args:
        kind: What a plugin is, for messages (`verifier`).
        package: Dotted name of the package that holds one module a plugin.
        base: Class that every plugin derives from.
        support: Modules of the package that are no plugins; packages in it are none either.
    """

    def __init__(self, kind: str, package: str, base: type[T], support: frozenset[str]) -> None:
        self.kind = kind
        self.package = package
        self.base = base
        self.support = support

    def names(self) -> list[str]:
        """Return the ids of the built-in plugins, sorted, without importing them."""
        path = importlib.import_module(self.package).__path__
        return sorted(m.name for m in pkgutil.iter_modules(path) if not m.ispkg and m.name not in self.support)

    def load(self, name: str) -> type[T]:
        """Return the plugin class called `name`.

        Raises:
            ConfigError: There is no such plugin, or the user's own cannot be imported.
        """
        if ":" in name:
            return self._load_user(name)
        self.check(name)
        return self._only_plugin(importlib.import_module(f"{self.package}.{name}"))

    def check(self, name: str) -> None:
        """Find out whether there is a built-in plugin `name`, without importing it.

        Raises:
            ConfigError: There is none, and `name` does not name a class of the user's own.
        """
        if ":" not in name and name not in self.names():
            raise ConfigError(
                f"unknown {self.kind} {name!r}; there are: {', '.join(self.names())} (or your own, my_module:MyClass)"
            )

    def _only_plugin(self, module: object) -> type[T]:
        """Return the one subclass of `base` that `module` itself defines."""
        found = [
            value
            for _, value in inspect.getmembers(module, inspect.isclass)
            if issubclass(value, self.base) and value.__module__ == module.__name__  # type: ignore[attr-defined]
        ]
        if len(found) != 1:
            raise TypeError(f"{module} must define exactly one {self.base.__name__}, not {len(found)}")
        return found[0]

    def _load_user(self, name: str) -> type[T]:
        module_name, _, class_name = name.partition(":")
        if os.getcwd() not in sys.path:  # `python -m` has it, a console script has not
            sys.path.insert(0, os.getcwd())
        try:
            plugin = getattr(importlib.import_module(module_name), class_name)
        except Exception as error:  # the user's module may raise anything
            reason = f"{type(error).__name__}: {error}".splitlines()[0]
            mend = "is its folder on PYTHONPATH?"
            if isinstance(error, ModuleNotFoundError) and error.name in OLD_NAMES:
                mend = f"import from {self.package} there"
            raise ConfigError(f"{self.kind} {name!r} cannot be imported ({reason}); {mend}") from error
        if not (inspect.isclass(plugin) and issubclass(plugin, self.base)):
            raise ConfigError(f"{self.kind} {name!r} is no subclass of {self.base.__module__}.{self.base.__name__}")
        return plugin
