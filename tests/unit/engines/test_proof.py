"""By what an engine proves that it serves an adapter: of any scaling, and of a part of what was trained."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from halo_raft.engines.proof import canary_of, number, numbers_of_file, same_numbers

from ...tiny_model import make_tiny_model

torch = pytest.importorskip("torch")


@pytest.fixture(scope="module")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> str:
    return make_tiny_model(tmp_path_factory.mktemp("tiny"))


def make_adapter(base: str, folder: Path, *, rslora: bool, scale: float) -> str:
    """Write an adapter of which `scale` is kept, as training leaves it."""
    import peft
    import transformers

    from halo_raft.train.scaling import scale_adapter

    torch.manual_seed(1)
    model = transformers.AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
    shape = peft.LoraConfig(
        task_type="CAUSAL_LM", r=16, lora_alpha=8, use_rslora=rslora, init_lora_weights=False,
        target_modules="all-linear",
    )  # fmt: skip
    adapted = peft.get_peft_model(model, shape)
    if scale != 1:
        scale_adapter(adapted, (scale,), None, lambda line: None)
    adapted.save_pretrained(folder)
    return str(folder)


@pytest.mark.parametrize(("rslora", "scale"), [(False, 1.0), (True, 1.0), (False, 0.25), (True, 0.25)])
def test_merging_serves_what_was_trained_and_predicts_it(
    tiny_model: str, tmp_path: Path, rslora: bool, scale: float
) -> None:
    import peft
    import transformers

    from halo_raft.engines.merging import merge

    adapter = make_adapter(tiny_model, tmp_path / "adapter", rslora=rslora, scale=scale)
    (tmp_path / "merged").mkdir()
    prediction = merge(tiny_model, adapter, tmp_path / "merged")
    tokenizer = transformers.AutoTokenizer.from_pretrained(tiny_model)

    def canary(path: str | Path, adapter: str | None = None):
        model = transformers.AutoModelForCausalLM.from_pretrained(path, dtype=torch.float32)
        return canary_of(peft.PeftModel.from_pretrained(model, adapter) if adapter else model, tokenizer)

    base, merged, trained = canary(tiny_model), canary(tmp_path / "merged"), canary(tiny_model, adapter)
    assert merged.far(trained) < base.far(trained) / 100, "what is served is what was trained"
    assert not prediction.missed_by(base, merged)
    assert prediction.missed_by(base, base), "the base alone is not taken for it"
    wrong = make_adapter(tiny_model, tmp_path / "wrong", rslora=not rslora, scale=scale)
    assert prediction.missed_by(base, canary(tiny_model, wrong)), "nor the same matrices by another scaling"


@pytest.mark.parametrize("rslora", [False, True])
def test_the_numbers_of_a_file_are_those_of_the_matrices_that_vllm_holds(
    tiny_model: str, tmp_path: Path, rslora: bool
) -> None:
    pytest.importorskip("vllm")
    from vllm.lora.lora_model import LoRAModel
    from vllm.lora.peft_helper import PEFTHelper

    adapter = make_adapter(tiny_model, tmp_path / "adapter", rslora=rslora, scale=0.25)
    helper = PEFTHelper.from_local_dir(adapter, max_position_embeddings=None)
    assert helper.vllm_lora_scaling_factor == pytest.approx(8 / (math.sqrt(16) if rslora else 16))
    modules = {"q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"}
    held = LoRAModel.from_local_checkpoint(adapter, modules, helper, lora_model_id=1, device="cpu", dtype=torch.float32)
    layers = [layer.optimize() for layer in held.loras.values()]
    numbers = sorted(number(matrix) for layer in layers for matrix in (layer.lora_a, layer.lora_b))
    assert same_numbers(numbers, numbers_of_file(adapter, torch.float32))
    other = make_adapter(tiny_model, tmp_path / "other", rslora=not rslora, scale=0.25)
    assert not same_numbers(numbers, numbers_of_file(other, torch.float32))
