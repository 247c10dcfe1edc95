"""What tasks may be about: topics with their categories and levels, ours and a user's own."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import yaml

from halo_raft.errors import ConfigError
from halo_raft.extract import canonical
from halo_raft.prompts import LANGUAGE_NAMES

LEVELS = ("easy", "medium", "hard")


@dataclass(frozen=True, slots=True)
class Topic:
    """One topic.

    Attributes:
        language: Of the answers. Python tasks are functions with asserts, others programs with inputs and outputs.
        categories: What single tasks are about, taken in turn.
        levels: How hard they are, taken in turn.
        hint: What a task of this topic has to keep to.
    """

    name: str
    language: str
    categories: tuple[str, ...]
    levels: tuple[str, ...] = LEVELS
    hint: str = ""

    @property
    def functions(self) -> bool:
        """Whether answers are functions; else programs."""
        return self.language == "python"


TOPICS = {
    topic.name: topic
    for topic in (
        Topic("python_algorithms", "python",
              ("sorting and searching", "dynamic programming", "graphs", "strings", "number theory", "greedy choices",
               "stacks and queues", "intervals", "matrices", "recursion")),
        Topic("python_testing", "python",
              ("validating input", "edge cases of lists", "parsing text", "dates and times", "error handling",
               "rounding and tolerance", "comparing nested data", "state machines"),
              hint="The point is thorough tests: every edge case that the task names has an assert."),
        Topic("rust_basics", "rust",
              ("ownership and borrowing", "pattern matching", "iterators", "structs and traits", "Option and Result",
               "string handling", "collections", "generics")),
        Topic("rust_async", "rust",
              ("a future polled by hand", "channels", "threads that share state", "a small executor", "timeouts",
               "back-pressure"), hint="Use the standard library alone: no crates, no runtime."),
        Topic("cpp_algorithms", "cpp",
              ("sorting and searching", "dynamic programming", "graphs", "trees", "strings", "number theory",
               "geometry", "prefix sums")),
        Topic("go_concurrency", "go",
              ("goroutines and channels", "worker pools", "select", "mutexes", "pipelines", "contexts"),
              hint="The output must not depend on how goroutines are scheduled."),
    )
}  # fmt: skip
"""Name -> topic."""


def topic_of(name: str | None, file: Path | None) -> Topic:
    """Return a topic of ours, or the one of a YAML file (`name`, `language`, `categories`; `levels`, `hint`).

    Raises:
        ConfigError: There is none, or the file is none.
    """
    if file is None:
        if name not in TOPICS:
            raise ConfigError(f"data generate: no topic {name!r}; there are: {', '.join(TOPICS)} (or --topic-file)")
        return TOPICS[name]
    try:
        said = yaml.safe_load(file.read_text(encoding="utf-8"))
        texts = {key: tuple(map(str, said[key])) for key in ("categories", "levels") if key in said}
        language = canonical(str(said["language"]))
        topic = Topic(str(said["name"]), language, texts["categories"], texts.get("levels", LEVELS),
                      str(said.get("hint", "")))  # fmt: skip
    except (OSError, UnicodeDecodeError, yaml.YAMLError, KeyError, TypeError, AttributeError) as error:
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        raise ConfigError(f"--topic-file: {file} needs name, language and categories ({reason})") from None
    if language not in LANGUAGE_NAMES or not topic.categories or not topic.levels:
        raise ConfigError(
            f"--topic-file: {file}: language must be one of {', '.join(LANGUAGE_NAMES)}, categories not empty"
        )
    return topic
