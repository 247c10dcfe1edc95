"""Engines without a model that die in the ways in which real ones do; their model is a folder for marks."""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import re
import signal
import sys
import time
from dataclasses import replace
from pathlib import Path

from halo_raft.engines import Completion, Engine
from halo_raft.engines.base import EngineDiedError
from halo_raft.engines.proof import Canary
from halo_raft.engines.transformers import TransformersEngine
from halo_raft.verifiers import Verifier, VerifyResult


class Sound(Engine):
    """Answers each request with its id."""

    def __init__(self, spec):
        super().__init__(spec)
        self.marks = Path(spec.model)

    def first(self, what):
        """Whether this happens for the first time, over all processes."""
        try:
            (self.marks / what).touch(exist_ok=False)
        except FileExistsError:
            return False
        return True

    def starts(self):
        return len(list(self.marks.glob("start-*")))

    def stream(self, requests):
        for n, request in enumerate(requests):
            if n == 1:
                self.dies()
            yield []
            yield [Completion(request.sample_id, "text", [1], [2], "stop")]

    def dies(self):
        """What happens after the first completion."""

    def canary(self):
        return Canary((float(self.adapter.number) if self.adapter else 0.0,))

    def _apply(self, adapter):
        pass


class Passes(Verifier):
    """Says of each program that it passed."""

    version = "1"

    def verify(self, code):
        return VerifyResult(success=True, reward=1.0)


class Hangs(Sound):
    """Yields nothing any more, the first time."""

    def dies(self):
        if self.first("hung"):
            time.sleep(3600)


class Breaks(Sound):
    """Says that it is dead, the first time, and its process lives on."""

    def dies(self):
        if self.first("broke"):
            raise EngineDiedError("CUDA error: an illegal memory access was encountered")


class AlwaysBreaks(Sound):
    """Says that it is dead each time."""

    def dies(self):
        raise EngineDiedError("CUDA error: an illegal memory access was encountered")


class HasACore(Sound):
    """Computes in a process of its own, which is killed the first time; nobody tells this one."""

    def __init__(self, spec):
        super().__init__(spec)
        self.core = multiprocessing.get_context("spawn").Process(target=time.sleep, args=(3600,), daemon=True)
        self.core.start()

    def dies(self):
        if self.first("killed"):
            os.kill(self.core.pid, signal.SIGKILL)
            time.sleep(3600)


class HangsOverAnAdapter(Sound):
    """Never comes back from its first delivery."""

    def _apply(self, adapter):
        if self.first("delivered"):
            time.sleep(3600)


class DoesNotStart(Sound):
    """As vLLM with several processes: the cause is in the log alone, and the error points there."""

    def __init__(self, spec):
        super().__init__(spec)
        print("(Worker pid=7) ERROR 11-28 12:00:00 [multiproc.py:9] torch.OutOfMemoryError: CUDA out of memory.")
        print("(EngineCore pid=6) Exception: WorkerProc initialization failed. See stack trace for root cause.")
        sys.stdout.flush()
        raise RuntimeError("Engine core initialization failed. See root cause above. Failed core proc(s): {}")


class Scripted(Sound):
    """Solves `f0` alone, `f1` when it sees that it failed, `f2` to `f4` when it sees the reference, and dies once."""

    def render(self, messages):
        """Made up: as many ids as there are messages, which depend on what they say."""
        digest = hashlib.sha256(repr(messages).encode()).digest()
        return [3 + byte % 90 for byte in digest[: 4 * len(messages)]]

    def stream(self, requests):
        for n, request in enumerate(requests):
            asked = request.messages[-1]["content"]
            if n == 3 and "Fix it" in asked:
                self.dies()
            text = self.answer(request.messages[1]["content"], request.messages, request.seed)
            yield [Completion(request.sample_id, text, self.render(request.messages), [5, 6, 7], "stop")]

    def dies(self):
        if self.first("broke"):
            raise EngineDiedError("its script says so")

    def answer(self, question, messages, seed):
        number = int(re.search(r"\bf(\d)\(", question)[1])
        wrong = f"def f{number}(x):\n    return {seed}"
        sees_reference, sees_failure = (
            "correct solution" in messages[-1]["content"],
            "Fix it" in messages[-1]["content"],
        )
        if number == 0 or (number == 1 and sees_failure):
            return f"def f{number}(x):\n    return x + {number}"
        if number == 2 and sees_reference:
            return "def f2(x):  # copied\n    return x + 1 + 1"
        if number in (3, 4) and sees_reference:
            return f"def f{number}(x):\n    y = x\n    return y + {number}"
        return wrong


class OnPretendedGpu(TransformersEngine):
    """Computes on the CPU, is told that it has a GPU, and notes its turns on it."""

    def __init__(self, spec):
        super().__init__(replace(spec, device="cpu"))
        self.note("start")

    def note(self, what):
        turn = {"what": what, "process": os.getpid(), "gpus": os.environ.get("CUDA_VISIBLE_DEVICES")}
        with (Path(self.spec.model) / "turns.jsonl").open("a") as file:
            file.write(json.dumps(turn) + "\n")

    def sleep(self):
        self.note("sleep")

    def wake(self):
        self.note("wake")

    def _apply(self, adapter):
        self.note(f"serve {adapter.name if adapter else 'base'}")
        super()._apply(adapter)


def pretend_gpu():
    """Have a trainer to which Ray gave a GPU compute on the CPU; runs as each of Ray's workers starts."""
    import torch
    from ray.air._internal.device_manager.nvidia_gpu import CUDATorchDeviceManager

    from halo_raft.train import loading

    CUDATorchDeviceManager.get_devices = lambda manager: [torch.device("cpu")]
    loading.straight_onto_device = lambda job: {}
