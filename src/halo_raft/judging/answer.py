"""What is judged: a completion, or a whole program as one."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Answer:
    """A completion that is to be judged.

    Attributes:
        completion: The text as the model wrote it.
        tokens: Tokens in it, for progress; 0 where nobody counted.
        key: What identical programs have in common (`known`); empty where nothing is known of them.
        copy: Another answer with the same key is being judged: its verdict is this one's too.
    """

    sample_id: str
    task_id: str
    completion: str
    tokens: int = 0
    key: str = ""
    copy: bool = False


def as_completion(program: str) -> str:
    """Return a whole program as a completion that extraction takes as it is."""
    mark = "```" if any(line.lstrip().startswith("~~~") for line in program.splitlines()) else "~~~"
    return f"{mark}\n{program}\n{mark}\n"
