"""What a task's trusted text says of the program's names; worked out by `names`, used by the judge."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Protocol

    class Program(Protocol):
        """The program, as what stands for its objects asks it; `remote.Candidate` is one."""

        terms: Terms
        border: bool

        def ask(self, operation: str, *operands: Any, given: bool = False, kwargs: dict[str, Any] | None = None) -> Any:
            """See `remote.Candidate.ask`."""

        def exception(self, description: Any) -> BaseException:
            """See `remote.Candidate.exception`."""

        def may_swallow(self, error: BaseException) -> bool:
            """See `remote.Candidate.may_swallow`."""


FIELDS = ("targets", "classes", "errors", "unbelieved", "raised")


class Terms:
    """Names, by what the trusted text takes them for. The program has no say in it.

    Attributes:
        targets: Names that the text uses and that it, its set-up and Python leave for the program to define.
        classes: Those of them that it uses as classes.
        errors: Those of them that it uses as exceptions.
        unbelieved: Methods whose answer the text takes for truth without comparing it.
        raised: Names of exceptions that it raises itself.
        ends: Whether it expects `SystemExit`.
        stops: Whether `StopIteration` may reach it; see `stops`.
    """

    def __init__(
        self,
        targets: tuple[str, ...] = (),
        classes: frozenset[str] = frozenset(),
        errors: frozenset[str] = frozenset(),
        unbelieved: frozenset[str] = frozenset(),
        raised: frozenset[str] = frozenset(),
        ends: bool = False,
        stops: bool = False,
    ) -> None:
        self.targets, self.ends, self.stops = targets, ends, stops
        self.classes, self.errors, self.unbelieved, self.raised = classes, errors, unbelieved, raised

    def to_dict(self) -> dict[str, Any]:
        """Return the terms as `marshal` takes them."""
        return {"ends": self.ends, "stops": self.stops, **{name: sorted(getattr(self, name)) for name in FIELDS}}

    @classmethod
    def from_dict(cls, facts: dict[str, Any]) -> Terms:
        """Return the terms that `to_dict` wrote."""
        classes, errors, unbelieved, raised = (frozenset(facts[name]) for name in FIELDS[1:])
        sets = classes, errors, unbelieved, raised
        return cls(tuple(facts["targets"]), *sets, ends=facts["ends"], stops=facts["stops"])
