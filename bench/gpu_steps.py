"""The steps of `gpu.py`: each is called in a process of its own, and returns what goes into the report."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from gpu_models import GIB, SEVEN_B, SMALL, device, greedy, make_adapter, make_model, spec_of, used_gib

COMMAND = Path(__file__).with_name("gpu.py")

CARD_GIB = 24.0
"""The card that the 7B step pretends to have; what a larger one has beyond that is held by ballast."""


def machine(folder: Path, short: bool) -> dict[str, Any]:
    """Drivers and imports."""
    import torch
    import vllm

    from halo_raft import devices
    from halo_raft.tracking.versions import versions

    return {
        "gpus": [asdict(gpu) for gpu in devices.local_gpus()],
        "missing": list(devices.missing()),
        "torch": torch.__version__,
        "cuda": torch.version.cuda,
        "hip": torch.version.hip,
        "vllm": vllm.__version__,
        "versions": versions(),
        "multiplies": float((torch.ones(64, 64, device=device()) @ torch.ones(64, 64, device=device()))[0, 0]) == 64,
    }


def adapters(folder: Path, short: bool) -> dict[str, Any]:
    """A tiny random model: adapter A, B, A, base; hot against merged; asleep and awake with the same tokens."""
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    from halo_raft.engines import Adapter
    from halo_raft.engines.proof import canary_of
    from halo_raft.engines.vllm import VllmEngine

    base = make_model(folder / "tiny", SMALL, 2, weights=True)
    a, b = (Adapter(name, n, make_adapter(base, folder / name, n)) for n, name in ((2, "a"), (3, "b")))
    begun = time.monotonic()
    engine = VllmEngine(spec_of(base, "engine.gpu_memory_utilization=0.3"))
    started_s = time.monotonic() - begun
    drawn, canaries = [], []
    for adapter in (None, a, b, a, None):
        engine.use(adapter)
        drawn.append(greedy(engine))
        canaries.append(engine.canary())
    merged = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32), a.path)
    awake = used_gib()
    engine.sleep()
    asleep = used_gib()
    engine.wake()
    return {
        "start_s": round(started_s, 1),
        "a_again": drawn[1] == drawn[3],
        "base_again": drawn[0] == drawn[4],
        "all_differ": len({json.dumps(d, sort_keys=True) for d in drawn[:3]}) == 3,
        "nats_hot_from_merged": canaries[1].far(canary_of(merged.merge_and_unload(), engine.tokenizer)),
        "nats_a_from_base": canaries[1].far(canaries[0]),
        "awake_gib": awake,
        "asleep_gib": asleep,
        "same_after_waking": greedy(engine) == drawn[4],
    }


def deaths(folder: Path, short: bool) -> dict[str, Any]:
    """The product's actor: SIGKILL of the engine's core, and of the actor, in the middle of a stage."""
    import ray

    from halo_raft.engines import GenerationRequest
    from halo_raft.engines.actor import ask, start_engines, streamed
    from halo_raft.engines.base import EngineDiedError
    from halo_raft.records import Sampling

    base = make_model(folder / "tiny", SMALL, 2, weights=True)
    os.environ["VLLM_ENABLE_V1_MULTIPROCESSING"] = "1"  # as with several GPUs: a core of its own
    ray.init(address="local", num_cpus=2, include_dashboard=False, log_to_driver=False)
    (actor,) = start_engines(
        spec_of(base, "engine.gpu_memory_utilization=0.3"), 1, gpus=float(device() == "cuda"), cpus=1
    )
    ask([actor], "use", None, stall_s=100, restarts=0)
    sampling = Sampling(temperature=1.0, max_new_tokens=64)
    pending = {str(n): n for n in range(256)}
    survived, seen = [], []
    for victim in ("core", "actor", None):
        chat = ({"role": "user", "content": "Write a function."},)
        requests = [GenerationRequest(i, chat, sampling, seed=n) for i, n in pending.items()]
        process = ray.get(actor.ready.remote())
        begun = time.monotonic()
        with suppress(EngineDiedError):
            for completions in streamed(actor, requests, None, stall_s=100):
                seen += [c.sample_id for c in completions if pending.pop(c.sample_id, None) is not None]
                if victim and completions:
                    os.kill(_child(process) if victim == "core" else process, signal.SIGKILL)
                    begun, killed, victim = time.monotonic(), victim, None
        if pending:
            survived.append({"killed": killed, "noticed_s": round(time.monotonic() - begun, 1)})
    return {"each_once": sorted(seen, key=int) == [str(n) for n in range(256)], "deaths": survived}


def _child(process: int) -> int:
    """Return the engine's core among the children of an actor: the one with the most memory."""
    children = Path(f"/proc/{process}/task").glob("*/children")
    ids = [int(word) for file in children for word in file.read_text().split()]
    return max(ids, key=lambda i: int(Path(f"/proc/{i}/statm").read_text().split()[1]))


def seven_b(folder: Path, short: bool) -> dict[str, Any]:
    """Random weights of a 7B in 24 GB: awake, asleep, host memory, the trainer's peak beside the sleeping engine."""
    import torch
    from vllm import LLM

    from halo_raft.engines import vllm_settings as settings

    on_gpu = device() == "cuda" and not short
    model = make_model(folder / "big", SEVEN_B if on_gpu else SMALL, 4 if on_gpu else 2, weights=not on_gpu)
    card = torch.cuda.mem_get_info()[1] / GIB if on_gpu else 0.0
    share = min(1.0, CARD_GIB / card) if on_gpu else 1.0
    if on_gpu and share < 1.0:
        ballast = torch.empty(int((card - CARD_GIB) * GIB), dtype=torch.uint8, device="cuda")
    arguments = settings.arguments(spec_of(model, "engine.max_model_len=2048"))
    if on_gpu:
        arguments["gpu_memory_utilization"] *= share
        arguments["load_format"] = "dummy"
    os.environ.update(settings.environment(spec_of(model)))
    llm = LLM(**arguments)
    result: dict[str, Any] = {"card_gib": round(card * share, 1), "ballast": on_gpu and ballast.numel() / GIB}
    result["awake_gib"] = used_gib()
    if on_gpu:
        llm.sleep(level=1)
    result |= {"asleep_gib": used_gib(), "host": _memory_of(os.getpid())}
    for tokens in (768, 2048) if on_gpu else (32,):
        step = [
            sys.executable,
            str(Path(__file__).with_name("gpu.py")),
            "--step",
            "train_step",
            "--folder",
            str(folder),
            "--tokens",
            str(tokens),
        ]
        done = subprocess.run(step, capture_output=True, text=True, timeout=120, check=False)
        lines = done.stdout.strip().splitlines()
        if done.returncode:
            raise RuntimeError(f"training on 2x{tokens} tokens: {done.stderr[-1000:]}")
        result[f"train_2x{tokens}"] = json.loads(lines[-1])
    if on_gpu:
        llm.wake_up(tags=["weights"])
        llm.wake_up(tags=["kv_cache"])
    return result | {"awake_again_gib": used_gib()}


def _memory_of(process: int) -> dict[str, float]:
    """Return a process's resident and locked memory, GiB: pinned pages are in one or the other, by the driver."""
    fields = dict(line.split(":", 1) for line in Path(f"/proc/{process}/status").read_text().splitlines())
    return {name: round(int(fields[name].split()[0]) / 2**20, 2) for name in ("VmRSS", "VmLck", "VmPin")}


def train_step(folder: Path, tokens: int) -> dict[str, Any]:
    """One step of the product's loss on two rows, half of each an answer, with gradient checkpointing."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoConfig, AutoModelForCausalLM

    from halo_raft.train.losses import completion_loss, loss_as_logits

    torch.set_default_device(device())
    config = AutoConfig.from_pretrained(folder / "big")
    model = AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16)
    model.gradient_checkpointing_enable()
    model.enable_input_require_grads()
    shape = LoraConfig(task_type="CAUSAL_LM", r=32, lora_alpha=64, target_modules="all-linear")
    adapter = get_peft_model(model, shape).train()
    optimizer = torch.optim.AdamW([p for p in adapter.parameters() if p.requires_grad])
    ids = torch.randint(0, 1000, (2, tokens))
    labels = ids.clone()
    labels[:, : tokens // 2] = -100
    begun = time.monotonic()
    with loss_as_logits(adapter, labels, 1):
        loss = completion_loss(adapter(input_ids=ids, use_cache=False), labels, 1)
    loss.backward()
    optimizer.step()
    peak = torch.cuda.max_memory_reserved() / GIB if device() == "cuda" else None
    return {"loss": float(loss.detach()), "step_s": round(time.monotonic() - begun, 2), "peak_gib": peak}


def cycle(folder: Path, short: bool) -> dict[str, Any]:
    """One whole cycle of the product with the embedded model: generate, judge, train in turns on the GPU, deliver."""
    from halo_raft.pipelines import raft

    settings = [
        "cycles=1",
        f"output_dir={folder}/run",
        "tracking.mlflow=false",
        "tasks.limit=24",
        "tasks.heldout=starter:heldout",
        "tasks.heldout_limit=12",
        "heldout.samples=0",
        "selection.reward_threshold=0",
        "selection.keep_top_percent=1.0",
        "training.num_train_epochs=1",
        f"resources.require_gpu={str(device() == 'cuda').lower()}",
    ]
    few = ["tasks.limit=4", "tasks.heldout_limit=2", "sampling.samples_per_prompt=4", "sampling.max_new_tokens=32"]
    begun = time.monotonic()
    code = raft.main([*settings, *(few if short else [])])
    stats = [json.loads(path.read_text()) for path in sorted((folder / "run").glob("cycle_*_stats.json"))]
    return {"exit_code": code, "seconds": round(time.monotonic() - begun, 1), "cycles": stats}


def speed(folder: Path, short: bool) -> dict[str, Any]:
    """Tokens per second: raw vLLM, our engine, and our engine beside verification on all other cores."""
    from vllm import SamplingParams

    from halo_raft import models, tasks, verifiers
    from halo_raft.engines.vllm import VllmEngine

    engine = VllmEngine(spec_of(models.resolve("builtin:smollm2-135m")))
    count, tokens = (8, 8) if short else (512, 128)
    prompt = engine.tokenizer("Write a function.")["input_ids"]

    def rate(draw: Callable[[], int]) -> float:
        begun = time.monotonic()
        return round(draw() / (time.monotonic() - begun), 1)

    def raw() -> int:
        parameters = SamplingParams(temperature=0, max_tokens=tokens, ignore_eos=True)
        outputs = engine.llm.generate([{"prompt_token_ids": prompt}] * count, parameters, use_tqdm=False)
        return sum(len(output.outputs[0].token_ids) for output in outputs)

    def ours() -> int:
        return sum(map(len, greedy(engine, count, tokens).values()))

    rate(ours)  # the first call compiles
    result = {"raw_tokens_per_s": rate(raw), "our_tokens_per_s": rate(ours)}
    task, verifier, stop = tasks.load("starter").tasks[0], verifiers.create("mbpp", verifiers.VerifierOptions()), []

    def judge() -> None:
        while not stop:
            verifier.judge("x", task.solution or "", task)

    threads = [threading.Thread(target=judge) for _ in range(max(1, (os.cpu_count() or 2) - 2))]
    for thread in threads:
        thread.start()
    result["our_tokens_per_s_beside_verification"] = rate(ours)
    stop.append(True)
    for thread in threads:
        thread.join()
    return result
