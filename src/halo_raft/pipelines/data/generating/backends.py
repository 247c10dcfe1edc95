"""What writes tasks: any server of OpenAI's protocol, through the official client, or the engine of this machine."""

from __future__ import annotations

import logging
import os
import queue
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from halo_raft import models
from halo_raft.config import EngineConfig
from halo_raft.errors import ConfigError
from halo_raft.pipelines.data.generating.asking import Attempt
from halo_raft.records import Sampling

log = logging.getLogger(__name__)

TEMPERATURE, MAX_TOKENS = 1.0, 2048
AT_ONCE = 4
"""Requests that are under way together."""
TRIES, LONGEST_PAUSE_S = 6, 60.0
DEADLINE_S, MOST_BYTES = 900.0, 4 << 20
"""An answer that takes longer, or is longer, is given up."""


@dataclass(frozen=True, slots=True)
class Service:
    """A kind of server.

    Attributes:
        url: Base URL, where neither `--base-url` nor the variable `NAME_BASE_URL` says another.
        key: Variable that holds the key.
        needs_key: Whether it serves nobody without.
        model: The model that is asked where the user names none; None takes the first that the server lists.
    """

    url: str
    key: str
    needs_key: bool = False
    model: str | None = None


SERVICES = {
    "deepseek": Service("https://api.deepseek.com", "DEEPSEEK_API_KEY", True, "deepseek-chat"),
    "openai": Service("https://api.openai.com/v1", "OPENAI_API_KEY", True, "gpt-4o-mini"),
    "ollama": Service("http://localhost:11434/v1", "OLLAMA_API_KEY"),
    "vllm": Service("http://localhost:8000/v1", "VLLM_API_KEY"),
}
LOCAL = "local"


@dataclass(frozen=True, slots=True)
class Answered:
    """What came of a request.

    Attributes:
        text: The answer; None where there was none.
        reason: Why there was none.
        tokens_in, tokens_out: As the server counts them.
    """

    attempt: Attempt
    text: str | None
    reason: str = ""
    tokens_in: int = 0
    tokens_out: int = 0


class Backend(Protocol):
    """Answers requests, in any order.

    Attributes:
        batch: Requests of the largest round.
        a_task: Requests of the first round for each task that is wanted: few where each is paid for.
    """

    model: str
    batch: int
    a_task: int

    def answers(self, attempts: Sequence[Attempt]) -> Iterator[Answered]:
        """Yield what comes of each request as it comes.

        Raises:
            ConfigError: Nobody would be answered: no server, no such model, no right key.
        """
        ...


def backend_of(name: str, model: str | None, base_url: str | None) -> Backend:
    """Return a backend that has been looked at: its server answers, and knows the key and the model.

    Raises:
        ConfigError: It does not; one line with the mend.
    """
    if name == LOCAL:
        return LocalEngine(model or "builtin:smollm2-135m")
    return Server(name, SERVICES[name], model, base_url)


class Server:
    """A server of OpenAI's protocol."""

    batch, a_task = 4 * AT_ONCE, 2

    def __init__(self, name: str, service: Service, model: str | None, base_url: str | None) -> None:
        key = os.environ.get(service.key)
        if service.needs_key and not key:
            raise ConfigError(f"data generate: --backend {name} needs a key; export {service.key}=...")
        import openai

        self._openai = openai
        self.url = base_url or os.environ.get(f"{name.upper()}_BASE_URL") or service.url
        self._name, self._service = name, service
        self._client = openai.OpenAI(
            base_url=self.url, api_key=key or "none", max_retries=0, timeout=DEADLINE_S,
            http_client=openai.DefaultHttpxClient(event_hooks={"response": [_read_within_bounds]}),
        )  # fmt: skip
        self.model = model or service.model or ""
        self._bounds: dict[str, Any] = {"max_tokens": MAX_TOKENS}
        self._look()

    def _look(self) -> None:
        """Find out what the server serves; one that lists no models is asked all the same."""
        try:
            served = [entry.id for entry in self._client.models.list().data]
        except (self._openai.NotFoundError, self._openai.InternalServerError, self._openai.RateLimitError):
            served = []
        except self._openai.OpenAIError as error:
            raise self._fatal(error) from error
        self.model = self.model or next(iter(served), "")
        if not self.model or (served and self.model not in served and f"{self.model}:latest" not in served):
            pull = f" (ollama pull {self.model or 'MODEL'})" if self._name == "ollama" else ""
            raise ConfigError(
                f"data generate: {self.url} does not serve {self.model or 'any model'}{pull}; --model can be: "
                f"{', '.join(served[:8]) or 'none that it lists'}"
            )

    def answers(self, attempts: Sequence[Attempt]) -> Iterator[Answered]:
        """Yield answers as they come, `AT_ONCE` requests under way; the first fatal error ends it.

        Nobody waits for requests that are under way when the reader stops: their threads end with the process.
        """
        stopped = threading.Event()
        waiting: queue.SimpleQueue[Attempt] = queue.SimpleQueue()
        results: queue.SimpleQueue[Answered | BaseException] = queue.SimpleQueue()
        for attempt in attempts:
            waiting.put(attempt)

        def work() -> None:
            while not stopped.is_set():
                try:
                    results.put(self._answer(waiting.get_nowait(), stopped))
                except queue.Empty:
                    return
                except BaseException as error:
                    results.put(error)

        for _ in range(min(AT_ONCE, len(attempts))):
            threading.Thread(target=work, daemon=True).start()
        try:
            for _ in attempts:
                if isinstance(result := results.get(), BaseException):
                    raise result
                yield result
        finally:
            stopped.set()

    def _answer(self, attempt: Attempt, stopped: threading.Event) -> Answered:
        """Ask, again after a growing pause where the server is busy or away for a moment."""
        last = ""
        for number in range(TRIES):
            bounds = self._bounds
            try:
                got = self._client.chat.completions.create(
                    model=self.model, messages=list(attempt.messages), temperature=TEMPERATURE,  # type: ignore[arg-type]
                    seed=attempt.seed + attempt.number, **bounds,
                )  # fmt: skip
            except _TooMuchError as error:
                return Answered(attempt, None, str(error))
            except self._openai.APIConnectionError as error:
                if isinstance(error.__cause__, _TooMuchError):
                    return Answered(attempt, None, str(error.__cause__))
                last = _one_line(error)
            except (self._openai.RateLimitError, self._openai.InternalServerError) as error:
                last = _one_line(error)
                if stopped.wait(_pause(number, error.response.headers.get("retry-after"))):
                    break
                continue
            except self._openai.APIStatusError as error:
                if not (isinstance(error, self._openai.BadRequestError) and bounds):
                    raise self._fatal(error) from error
                last, self._bounds = _one_line(error), {}  # its context is shorter, or it has another word for it
                continue
            except Exception as error:  # an answer that is no answer: what it raises depends on what it is
                return Answered(attempt, None, f"the server's answer cannot be read ({type(error).__name__})")
            else:
                return _answered(attempt, got)
            if stopped.wait(_pause(number, None)):
                break
        if "Connection" in last:
            raise ConfigError(f"data generate: no server answers at {self.url} any more ({last})")
        return Answered(attempt, None, f"the server gave no answer in {TRIES} tries ({last})")

    def _fatal(self, error: Exception) -> ConfigError:
        """Return what is wrong with the whole set-up as one line."""
        if isinstance(error, self._openai.AuthenticationError | self._openai.PermissionDeniedError):
            return ConfigError(f"data generate: {self.url} refuses the key; look at {self._service.key}")
        if isinstance(error, self._openai.APIConnectionError):
            start = " (ollama serve)" if self._name == "ollama" else ""
            return ConfigError(f"data generate: no server answers at {self.url}{start}; name another with --base-url")
        return ConfigError(f"data generate: {self.url} refuses model {self.model!r} ({_one_line(error)})")


class LocalEngine:
    """The engine of this machine, without a server."""

    batch = a_task = 32  # as many as there are take hardly longer than one

    def __init__(self, model: str) -> None:
        models.check_reachable(model)
        self.model = model
        self._engine: Any = None

    def answers(self, attempts: Sequence[Attempt]) -> Iterator[Answered]:
        """Yield answers as the engine finishes them."""
        from halo_raft.engines import GenerationRequest

        engine = self._started()
        sampling = Sampling(temperature=TEMPERATURE, min_p=0.1, max_new_tokens=768)
        by_name = {str(attempt.number): attempt for attempt in attempts}
        requests = [GenerationRequest(name, attempt.messages, sampling, attempt.seed + attempt.number)
                    for name, attempt in by_name.items()]  # fmt: skip
        for done in engine.stream(requests):
            for completion in done:
                tokens = len(completion.prompt_token_ids), len(completion.token_ids)
                yield Answered(by_name[completion.sample_id], completion.text, "", *tokens)

    def _started(self) -> Any:
        if self._engine is None:
            import torch

            from halo_raft.engines import REGISTRY, EngineSpec

            device = "cuda" if torch.cuda.is_available() else "cpu"
            config = EngineConfig()
            log.info("starting %s with %s on the %s", config.name, self.model, device)
            self._engine = REGISTRY.load(config.name)(EngineSpec(models.resolve(self.model), config, device=device))
        return self._engine


class _TooMuchError(Exception):
    """An answer that would not end."""


def _read_within_bounds(response: Any) -> None:
    """Read an answer up to the bounds: a server may send without end, and a timeout counts single pieces alone."""
    started, size, pieces = time.monotonic(), 0, []
    for piece in response.iter_bytes():
        pieces.append(piece)
        size += len(piece)
        if size > MOST_BYTES or time.monotonic() - started > DEADLINE_S:
            response.close()
            raise _TooMuchError(f"the answer did not end within {MOST_BYTES >> 20} MiB and {DEADLINE_S:.0f} s")
    response._content = b"".join(pieces)  # what `read` would have kept


def _answered(attempt: Attempt, got: Any) -> Answered:
    """Return what is of use in a server's answer, which may be of any shape."""
    try:
        text, usage = got.choices[0].message.content, got.usage
        tokens = [int(getattr(usage, name, 0) or 0) for name in ("prompt_tokens", "completion_tokens")]
    except (AttributeError, IndexError, TypeError, ValueError):
        return Answered(attempt, None, "the server's answer has no text")
    if not isinstance(text, str) or not text.strip():
        return Answered(attempt, None, "the server's answer has no text", *tokens)
    return Answered(attempt, text, "", *tokens)


def _pause(number: int, wanted: str | None) -> float:
    """Return seconds to wait: what the server asks for, else twice as long each time."""
    try:
        asked = float(wanted) if wanted else 2.0**number / 2
    except ValueError:
        asked = 2.0**number / 2
    return asked if 0 <= asked <= LONGEST_PAUSE_S else LONGEST_PAUSE_S


def _one_line(error: Exception) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())[:160]
