"""One row with its place: its fields by name, and which of them nobody has read."""

from __future__ import annotations

import difflib
import functools
import logging
import re
from collections.abc import Mapping
from typing import Any

from halo_raft.errors import DataError
from halo_raft.extract import canonical
from halo_raft.records import stable_hash
from halo_raft.tasks.rows.reading import parse_json

log = logging.getLogger(__name__)

TEST_FIELDS = (
    *("tests", "test", "test_list", "test_cases", "test_code", "test_setup", "test_setup_code", "test_imports"),
    *("input_output", "official_tests", "public_tests", "private_tests", "generated_tests", "public_test_cases"),
    *("private_test_cases", "verification_info", "expected_output", "checker", "generated_checker"),
)
"""Names of fields that some form reads tests from."""
_TEST_WORD = re.compile(
    r"(?:unit)?tests?|tets?|tsets?|testcases?|asserts?|assertions?|cases?|checkers?|expected|verif\w*|oracle|judge|graders?|interactor"
)
_TEST_TEXT = re.compile(r"^\s*assert\s|^def (?:test_\w*|check)\(|^class Test\w*\(", re.MULTILINE)


class Row:
    """The fields of a row.

    Args:
        fields: The JSON object.
        where: File and line, for messages.
    """

    def __init__(self, fields: Mapping[str, Any], where: str) -> None:
        self.fields = fields
        self.where = where
        self._read: set[str] = set()

    def has(self, *keys: str) -> bool:
        """Return whether any of the fields is there and not empty."""
        return any(self.fields.get(key) not in (None, "", [], {}, ()) for key in keys)

    def get(self, *keys: str) -> Any:
        """Return the first of the fields that is there, None without any."""
        self._read.update(keys)
        return next((self.fields[key] for key in keys if self.fields.get(key) is not None), None)

    def text(self, *keys: str) -> str | None:
        """Return the first of the fields that is there.

        Raises:
            DataError: It is no text.
        """
        for key in keys:
            value = self.get(key)
            if value is not None:
                if not isinstance(value, str):
                    raise self.wrong(f"{key} must be text, not {type(value).__name__}")
                return value
        return None

    def texts(self, key: str) -> tuple[str, ...]:
        """Return a list of texts, empty without one.

        Raises:
            DataError: It is something else.
        """
        value = self.get(key) or ()
        if not isinstance(value, list | tuple) or not all(isinstance(item, str) for item in value):
            raise self.wrong(f"{key} must be a list of strings")
        return tuple(value)

    def decoded(self, key: str) -> Any:
        """Return a field; one that is a JSON text is decoded.

        Raises:
            DataError: It is a text and not JSON.
        """
        value = self.get(key)
        return parse_json(value, f"{self.where}: {key}") if isinstance(value, str) and value.strip() else value

    def name(self, *keys: str, prompt: str) -> str:
        """Return the id of the task: the first of the fields, else a hash of its prompt."""
        value = self.get(*keys)
        if value is None:
            return stable_hash(prompt)
        try:
            return str(value)
        except ValueError:
            raise self.wrong(f"{keys[0]} is a number of more digits than Python writes") from None

    def setup(self) -> str | None:
        """Return the code that runs before the tests: their imports, then their set-up; None without any."""
        parts = (*self.texts("test_imports"), self.text("test_setup", "test_setup_code"))
        return "\n".join(filter(None, parts)) or None

    def language(self) -> str:
        """Return the language that the row names, `python` where it names none."""
        return canonical(self.text("language") or "python")

    def prompt(self, *keys: str) -> str:
        """Return the question.

        Raises:
            DataError: There is none.
        """
        prompt = self.text(*keys)
        if prompt is None or not prompt.strip():
            raise self.wrong("has no prompt; give the question under `prompt` or `text`")
        return prompt

    def wrong(self, what: str) -> DataError:
        """Return the error of a row that cannot be read."""
        return DataError(f"{self.where}: {what}")

    def unread_tests(self) -> list[str]:
        """Return the fields that look like tests and that nobody has read."""
        unread = [key for key in self.fields if key not in self._read and self.has(key)]
        return [key for key in unread if _looks_like_tests(key, self.fields[key])]


def name_unread_tests(row: Row, judged: bool) -> None:
    """Say which fields look like tests and were not read, once a file.

    Args:
        row: A row that has been read.
        judged: Whether the task has tests all the same.

    Raises:
        DataError: It has none.
    """
    unread = row.unread_tests()
    if unread and not judged:
        near = difflib.get_close_matches(unread[0], TEST_FIELDS, n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise row.wrong(f"has no tests, but {unread[0]} looks like some and is not read{hint}")
    for key in unread:
        _warn_once(re.sub(r"(?::|, row )\d+$", "", row.where), key)


@functools.cache
def _warn_once(file: str, key: str) -> None:
    log.warning("%s: %s looks like tests and is not read: tasks are judged by their other tests alone", file, key)


def _looks_like_tests(key: str, value: Any) -> bool:
    if not isinstance(value, str | list | tuple | dict):
        return False
    words = re.split(r"[^A-Za-z]+|(?<=[a-z])(?=[A-Z])", key)
    if any(_TEST_WORD.fullmatch(word.lower()) for word in words) or difflib.get_close_matches(
        key.lower(), [name for name in TEST_FIELDS if len(name) > 6], n=1, cutoff=0.8
    ):
        return True
    texts = [value] if isinstance(value, str) else [item for item in value if isinstance(item, str)]
    return any(_TEST_TEXT.match(text) for text in texts)
