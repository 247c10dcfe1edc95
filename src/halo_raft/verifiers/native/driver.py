"""What a language needs so that its programs report values: the sources of the two programs of a suite.

The candidate's program evaluates the calls, the trusted one the expected values; the two never meet.
"""

from __future__ import annotations

import abc
from collections.abc import Mapping
from typing import ClassVar

from halo_raft.verifiers.native.checks import Suite
from halo_raft.verifiers.native.program import Signature

Units = Mapping[str, str]
"""File name -> source of the units of one program."""


class Driver(abc.ABC):
    """The drivers of one language."""

    language: ClassVar[str]

    @abc.abstractmethod
    def candidate(self, program: str, suite: Suite, head: Signature | None, tests: str) -> Units:
        """Return the candidate's program, which reports the value of each call.

        Args:
            program: Source that defines the function under test.
            suite: The calls.
            head: The function's head in the prompt.
            tests: The tests, of which a program may need the imports.
        """

    @abc.abstractmethod
    def expected(self, before: str, suite: Suite, head: Signature | None) -> Units:
        """Return the trusted program, which reports the expected values.

        Args:
            before: What the prompt has before the function: imports and types.
            suite: The values.
            head: The function's head in the prompt.
        """
