"""The loss in pieces: the same numbers and gradients as plain PyTorch's, and never more logits than allowed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from halo_raft.train import FinetuneJob
from halo_raft.train.batches import pad_right
from halo_raft.train.examples import TrainExample, load_examples

torch = pytest.importorskip("torch")
EOS, VOCABULARY = 2, 96


def model_of(base: str, **changes: Any) -> Any:
    import peft
    import transformers

    torch.manual_seed(0)
    model = transformers.AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
    for name, value in changes.pop("config", {}).items():
        setattr(model.config, name, value)
    shape = peft.LoraConfig(task_type="CAUSAL_LM", r=4, init_lora_weights=False, **changes)
    return peft.get_peft_model(model, shape)


def gradients(model: Any) -> dict[str, Any]:
    found = {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}
    model.zero_grad()
    return found


def plain(model: Any, batch: dict[str, Any], tokens: int) -> Any:
    labels = batch["labels"]
    logits = model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]).logits[:, :-1]
    return torch.nn.functional.cross_entropy(logits.flatten(0, 1), labels[:, 1:].flatten(), reduction="sum") / tokens


def lean(model: Any, batch: dict[str, Any], tokens: int, weights: Any = None) -> Any:
    from halo_raft.train.losses import completion_loss, loss_as_logits

    inputs = {name: rows for name, rows in batch.items() if name != "labels"}
    with loss_as_logits(model, batch["labels"], tokens, weights):
        return completion_loss(model(**inputs), batch["labels"], tokens, weights)


def batch_of(examples: tuple[TrainExample, ...]) -> dict[str, Any]:
    return {name: torch.tensor(rows) for name, rows in pad_right(examples, EOS).items()}


@pytest.mark.parametrize("targets", [("q_proj", "down_proj"), ("q_proj", "lm_head")])
@pytest.mark.parametrize("rows", [1, 7, 10_000])
def test_gradients_are_those_of_the_whole_loss(
    make_job: Callable[..., FinetuneJob], monkeypatch: pytest.MonkeyPatch, rows: int, targets: tuple[str, ...]
) -> None:
    from halo_raft.train import losses

    seen = []
    cross_entropy = torch.nn.functional.cross_entropy

    def watched(logits: Any, *args: Any, **kwargs: Any) -> Any:
        seen.append(logits.shape[0])
        return cross_entropy(logits, *args, **kwargs)

    job = make_job()
    model = model_of(job.base_model, target_modules=list(targets))
    examples = load_examples(job.example_files, [EOS], 2048).examples
    tokens = sum(len(e.completion_token_ids) for e in examples)
    expected = plain(model, batch_of(examples), tokens)
    expected.backward()
    wanted = gradients(model)
    monkeypatch.setattr(losses, "MOST_LOGITS", rows * VOCABULARY)
    monkeypatch.setattr(torch.nn.functional, "cross_entropy", watched)
    found = lean(model, batch_of(examples), tokens)
    found.backward()
    assert max(seen) <= rows and sum(seen) >= tokens
    assert found.item() == pytest.approx(expected.item(), rel=1e-5)
    for name, gradient in gradients(model).items():
        torch.testing.assert_close(gradient, wanted[name], rtol=1e-3, atol=1e-6)
    assert any("lora" in name for name in wanted)


@pytest.mark.parametrize(
    ("targets", "config"), [("q_proj", {}), ("lm_head", {}), ("q_proj", {"final_logit_softcapping": 1e9})],
    ids=["frozen head", "learned head", "whole logits"],
)  # fmt: skip
def test_each_examples_tokens_count_what_its_weight_says(
    make_job: Callable[..., FinetuneJob], monkeypatch: pytest.MonkeyPatch, targets: str, config: dict[str, float]
) -> None:
    from halo_raft.train import losses

    monkeypatch.setattr(losses, "MOST_LOGITS", 7 * VOCABULARY)
    job = make_job()
    model = model_of(job.base_model, target_modules=[targets], config=config)
    examples = load_examples(job.example_files, [EOS], 2048).examples
    weights = torch.tensor([0.25 * (1 + n) for n in range(len(examples))])
    alone = [plain(model, batch_of((example,)), 10) * weight for example, weight in zip(examples, weights, strict=True)]
    expected = torch.stack(alone).sum()
    expected.backward()
    wanted = gradients(model)
    found = lean(model, batch_of(examples), 10, weights)
    found.backward()
    assert found.item() == pytest.approx(expected.item(), rel=1e-5)
    for name, gradient in gradients(model).items():
        torch.testing.assert_close(gradient, wanted[name], rtol=1e-3, atol=1e-5)


def test_a_model_that_changes_its_logits_after_its_last_layer_has_them_whole(
    make_job: Callable[..., FinetuneJob], monkeypatch: pytest.MonkeyPatch
) -> None:
    from halo_raft.train import losses

    monkeypatch.setattr(losses, "MOST_LOGITS", VOCABULARY)
    job = make_job()
    model = model_of(job.base_model, target_modules=["q_proj"], config={"final_logit_softcapping": 30.0})
    examples = load_examples(job.example_files, [EOS], 2048).examples
    batch = batch_of(examples)
    inputs = {name: rows for name, rows in batch.items() if name != "labels"}
    with losses.loss_as_logits(model, batch["labels"], 1):
        assert model(**inputs).logits.shape == (1, sum(len(e.completion_token_ids) for e in examples), VOCABULARY)
