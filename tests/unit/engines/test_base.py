"""What an engine loads its model in, and that what it says it serves is what it serves."""

from dataclasses import dataclass

import pytest

from halo_raft.config import EngineConfig
from halo_raft.engines import Adapter, Engine, EngineSpec
from halo_raft.engines.base import AdapterNotAppliedError
from halo_raft.engines.proof import Canary


@pytest.mark.parametrize(
    ("dtype", "device", "fast", "precision"),
    [
        ("auto", "cpu", False, "float32"),
        ("auto", "cpu", True, "auto"),
        ("auto", "cuda", False, "auto"),
        ("bfloat16", "cpu", False, "bfloat16"),
    ],
)
def test_a_cpu_that_would_emulate_bfloat16_computes_in_float32(monkeypatch, dtype, device, fast, precision):
    monkeypatch.setattr("halo_raft.engines.base.bfloat16_is_fast", lambda: fast)
    assert EngineSpec("m", EngineConfig(), dtype=dtype, device=device).precision == precision


@dataclass
class Faults:
    """How a delivery goes wrong, by the name of the adapter; `base` is the base model's."""

    raises: frozenset[str] = frozenset()
    changes_nothing: frozenset[str] = frozenset()
    is_another: frozenset[str] = frozenset()


class PretendEngine(Engine):
    """Its weights are a number: the served adapter's, 0 for the base model."""

    def __init__(self, faults=None):
        super().__init__(EngineSpec("m", EngineConfig()))
        self.faults = faults or Faults()
        self.weights = 0.0

    def stream(self, requests):
        yield []

    def canary(self):
        return Canary((self.weights,))

    def _apply(self, adapter):
        name = adapter.name if adapter else "base"
        if name in self.faults.changes_nothing:
            return
        self.weights = float(adapter.number) if adapter else 0.0
        if name in self.faults.is_another:
            self.weights += 1
        if name in self.faults.raises:
            raise OSError(f"{name} cannot be read")

    def _holds(self, canary):
        return canary.read == (float(self.adapter.number),)


GOOD, BAD = Adapter("good", 3, "/good"), Adapter("bad", 5, "/bad")
EVERY_WAY = [
    (Faults(raises=frozenset({"bad"})), OSError, "cannot be read"),
    (Faults(changes_nothing=frozenset({"bad"})), AdapterNotAppliedError, "did not change"),
    (Faults(is_another=frozenset({"bad"})), AdapterNotAppliedError, "serves something else"),
]


@pytest.mark.parametrize("before", [None, GOOD], ids=["base", "adapter"])
@pytest.mark.parametrize(("faults", "error", "said"), EVERY_WAY, ids=["raises", "changes nothing", "another"])
def test_what_failed_is_put_back_and_fails_each_time(faults, error, said, before):
    engine = PretendEngine(faults)
    engine.use(before)
    served = engine.canary()
    for _ in range(3):
        with pytest.raises(error, match=said):
            engine.use(BAD)
        assert engine.adapter == before
        assert engine.canary() == served
    engine.use(None if before else GOOD)
    assert engine.weights == (0.0 if before else 3.0)


def test_an_adapter_that_is_the_base_model_is_an_error_after_another_one_too():
    engine = PretendEngine()
    engine.use(GOOD)
    for _ in range(2):
        with pytest.raises(AdapterNotAppliedError, match=r"zero was delivered .* did not change"):
            engine.use(Adapter("zero", 0, "/zero"))
    assert (engine.adapter, engine.weights) == (GOOD, 3.0)


def test_a_base_that_does_not_come_back_is_an_error():
    engine = PretendEngine()
    engine.use(GOOD)
    engine.faults = Faults(is_another=frozenset({"base"}))  # 1 in place of 0, and 3 before it
    engine.use(None)
    assert engine.adapter is None, "nearer to what the base said than to the adapter: noise"
    engine.use(Adapter("small", 2, "/small"))
    with pytest.raises(AdapterNotAppliedError, match="the base model was delivered"):
        engine.use(None)
    assert engine.weights == 2.0


def test_what_cannot_be_put_back_is_asked_for_anew():
    engine = PretendEngine()
    engine.use(GOOD)
    engine.faults = Faults(raises=frozenset({"bad", "good"}))
    for _ in range(2):
        with pytest.raises(OSError, match="bad cannot be read"):
            engine.use(BAD)
    with pytest.raises(OSError, match="good cannot be read"):
        engine.use(GOOD)
    engine.faults = Faults()
    engine.use(GOOD)
    assert (engine.adapter, engine.weights) == (GOOD, 3.0)
