"""Merge a LoRA adapter into its base: W + (alpha / r) B A, computed in float32, saved in the base's type."""

from __future__ import annotations

from pathlib import Path

from halo_raft.engines.proof import Prediction, canary_of


def merge(base: str, adapter: str, folder: Path, *, trust_remote_code: bool = False) -> Prediction:
    """Write the checkpoint of `base` with `adapter` merged in to `folder`; return what it says of the fixed prompts.

    Args:
        base: Folder or hub name of the base model.
        adapter: Adapter folder in PEFT's form.
        folder: Existing, empty folder to fill.
        trust_remote_code: Run code that comes with the base model.
    """
    import torch
    from peft import PeftModel
    from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

    dtype = AutoConfig.from_pretrained(base, trust_remote_code=trust_remote_code).dtype
    model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32, trust_remote_code=trust_remote_code)
    tokenizer = AutoTokenizer.from_pretrained(base, trust_remote_code=trust_remote_code)
    before = canary_of(model, tokenizer)
    merged = PeftModel.from_pretrained(model, adapter).merge_and_unload().to(dtype or torch.float32)
    merged.save_pretrained(folder)
    return Prediction(before, canary_of(merged.float(), tokenizer))
