"""The model that is trained: the base's weights, where they compute, and an adapter on them."""

from __future__ import annotations

import importlib.util
import os
from typing import Any

import peft
import torch
import transformers

from halo_raft.errors import ConfigError
from halo_raft.train.job import FinetuneJob


def load_model(job: FinetuneJob, dtype: torch.dtype) -> peft.PeftModel:
    """Return the base model with a trainable adapter, new or continued, in float32."""
    base = transformers.AutoModelForCausalLM.from_pretrained(
        job.model or job.base_model,
        dtype=dtype,
        trust_remote_code=job.trust_remote_code,
        **straight_onto_device(job),
        **quantized(job),
    )
    base.config.use_cache = False
    if job.init_adapter is not None:
        return peft.PeftModel.from_pretrained(base, str(job.init_adapter), is_trainable=True)
    targets = job.lora.target_modules
    shape = peft.LoraConfig(
        task_type="CAUSAL_LM",
        r=job.lora.r,
        lora_alpha=job.lora.alpha,
        lora_dropout=job.lora.dropout,
        use_rslora=job.lora.rslora,
        target_modules=targets if isinstance(targets, str) else list(targets),
        bias="none",  # vLLM refuses adapters with biases or whole modules in them
    )
    try:
        return peft.get_peft_model(base, shape)
    except ValueError as error:
        raise ConfigError(f"lora.target_modules: {error}") from error


def straight_onto_device(job: FinetuneJob) -> dict[str, Any]:
    """Return the argument that has weights read into the GPU: host memory need not hold the model too.

    Raises:
        ConfigError: Ray gave this worker a GPU that torch does not find.
    """
    if not job.gpus_per_worker:
        return {}
    if not torch.cuda.is_available():
        raise ConfigError(
            f"training: Ray counts a GPU here that torch {torch.__version__} does not find; install a torch that is "
            "built for it and for its driver (halo-raft info tells them), or set resources.num_gpus: 0"
        )
    if job.sharding == "fsdp" and job.workers > 1:
        return {}
    return {"device_map": {"": os.environ.get("ACCELERATE_TORCH_DEVICE", "cuda:0")}}  # Ray Train sets it


def quantized(job: FinetuneJob) -> dict[str, Any]:
    """Return the argument that has the base held in 4 bits, where that is asked for.

    Raises:
        ConfigError: Nothing here can compute on such weights.
    """
    if job.training.quantize is None:
        return {}
    if not job.gpus_per_worker or torch.version.hip:
        raise ConfigError(
            f"training.quantize: {job.training.quantize} is computed on NVIDIA's GPUs alone, and this is "
            f"{'an AMD GPU (ROCm)' if job.gpus_per_worker else 'a CPU'}; remove the setting"
        )
    if importlib.util.find_spec("bitsandbytes") is None:
        raise ConfigError("training.quantize: bitsandbytes is missing where training runs; pip install bitsandbytes")
    return {
        "quantization_config": transformers.BitsAndBytesConfig(
            load_in_4bit=True,
            bnb_4bit_quant_type=job.training.quantize,
            bnb_4bit_compute_dtype=torch.bfloat16,
            bnb_4bit_use_double_quant=True,
        )
    }
