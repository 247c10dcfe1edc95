"""Python tasks with a pytest suite that imports the program as `solution`."""

from __future__ import annotations

import importlib.util

from halo_raft.errors import ConfigError
from halo_raft.verifiers.python_suites.verifier import PYTEST, PythonTests


class PytestVerifier(PythonTests):
    """Runs the task's suite under pytest itself; every test that its source names has to pass."""

    uses_prompt = True
    by_pytest = True

    def check(self) -> None:
        """Find out before a run whether pytest is here.

        Raises:
            ConfigError: It is not.
        """
        super().check()
        missing = [name for name in PYTEST if importlib.util.find_spec(name) is None]
        if missing:
            raise ConfigError(f"verifier 'pytest' needs the package {missing[0]}: pip install pytest")
