"""Which deaths of an engine are noticed, and what follows: the asking side, with a Ray that is pretended."""

from __future__ import annotations

import pytest

from halo_raft.engines import actor as actors
from halo_raft.engines.base import EngineDiedError
from halo_raft.errors import ConfigError, DataError

FOREVER = object()
"""An answer that never comes."""


class RayError(Exception):
    pass


class RayActorError(RayError):
    pass


class RayTaskError(RayError):
    def __init__(self, cause):
        super().__init__(f"Traceback ...\n{cause}")
        self.cause = cause


class PretendRay:
    """`wait` says what is there; `get` returns or raises it; `kill` is counted. Calls are their answers."""

    class exceptions:
        RayError = RayError
        RayActorError = RayActorError

    def __init__(self):
        self.killed = 0

    def wait(self, calls, timeout):
        (call,) = calls
        there = call is not FOREVER and not (isinstance(call, Stream) and call.is_hung)
        return ([call], []) if there else ([], [call])

    def get(self, call, timeout=None):
        if isinstance(call, Exception):
            raise call
        return call

    def kill(self, actor, no_restart):
        assert not no_restart
        self.killed += 1


class Stream:
    """What a streaming call returns: answers, and errors among them."""

    def __init__(self, answers):
        self.answers = list(answers)

    @property
    def is_hung(self):
        return bool(self.answers) and self.answers[0] is FOREVER

    def __next__(self):
        if not self.answers:
            raise StopIteration
        return self.answers.pop(0)


class Method:
    def __init__(self, answers):
        self.answers = list(answers)

    def options(self, num_returns, _generator_backpressure_num_objects):
        assert num_returns == "streaming"
        assert _generator_backpressure_num_objects == actors.MOST_WAITING
        return self

    def remote(self, *arguments):
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


class PretendActor:
    def __init__(self, *, use=(None,), ready=(7,), generate=()):
        self.here = Method([RayActorError("gone")])
        self.use, self.ready, self.generate = Method(use), Method(ready), Method(generate)


@pytest.fixture
def ray(monkeypatch):
    pretended = PretendRay()
    monkeypatch.setattr(actors, "ray", pretended)
    monkeypatch.setattr(actors, "SAYS_SO_EVERY_S", 0.001)
    return pretended


def ask(*engines, restarts=2):
    actors.ask(engines, "use", None, stall_s=0.01, restarts=restarts)


DEAD = RayTaskError(EngineDiedError("CUDA error"))
GONE = RayActorError("The actor died\nworker process was killed\n")


@pytest.mark.parametrize(("death", "kills"), [(DEAD, 1), (GONE, 0), (FOREVER, 1)], ids=["dead inside", "gone", "hung"])
def test_an_engine_that_died_is_asked_again_when_its_successor_is_up(ray, death, kills):
    ask(PretendActor(), PretendActor(use=[death, None]))
    assert ray.killed == kills, "its actor is ended, unless it is gone"


@pytest.mark.parametrize("death", [DEAD, GONE, FOREVER], ids=["dead inside", "gone", "hung"])
def test_one_that_dies_each_time_ends_it(ray, death):
    with pytest.raises(
        EngineDiedError, match=r"engine: it died 3 times, the last time because .*run the same again"
    ) as e:
        ask(PretendActor(use=[death]))
    assert "\n" not in str(e.value)


@pytest.mark.parametrize("death", [GONE, FOREVER], ids=["gone", "hung"])
def test_a_start_that_dies_or_hangs_is_tried_again(ray, death):
    ask(PretendActor(ready=[death, 7]))
    with pytest.raises(EngineDiedError, match="died 2 times"):
        ask(PretendActor(ready=[death]), restarts=1)


@pytest.mark.parametrize("error", [ConfigError("no model"), DataError("no adapter")])
def test_a_users_error_comes_out_as_itself_at_once(ray, error):
    with pytest.raises(type(error), match=str(error)):
        ask(PretendActor(use=[RayTaskError(error)]))
    assert ray.killed == 0


def test_a_bug_of_ours_keeps_its_traceback(ray):
    with pytest.raises(RayTaskError, match="Traceback"):
        ask(PretendActor(use=[RayTaskError(KeyError("x"))]))


def streamed(*answers):
    return list(actors.streamed(PretendActor(generate=[Stream(answers)]), [], None, stall_s=0.01))


def test_a_stream_is_passed_on_with_its_signs_of_life(ray):
    assert streamed(["a"], [], ["b"]) == [["a"], [], ["b"]]


@pytest.mark.parametrize(("death", "kills"), [(DEAD, 1), (GONE, 0), (FOREVER, 1)], ids=["dead inside", "gone", "hung"])
def test_a_stream_that_breaks_off_is_a_death(ray, death, kills):
    with pytest.raises(EngineDiedError):
        streamed(["a"], death)
    assert ray.killed == kills


def test_a_reader_that_goes_away_kills_nothing(ray):
    stream = actors.streamed(PretendActor(generate=[Stream([["a"], ["b"]])]), [], None, stall_s=0.01)
    assert next(stream) == ["a"]
    stream.close()
    assert ray.killed == 0
