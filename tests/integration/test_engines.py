"""The real vLLM engine in its Ray actor, and the transformers engine, behind the same interface."""

from __future__ import annotations

import pytest

from halo_raft.config import RaftConfig, load
from halo_raft.engines import Adapter, EngineSpec, GenerationRequest
from halo_raft.engines.base import AdapterNotAppliedError
from halo_raft.engines.transformers import TransformersEngine
from halo_raft.errors import HaloRaftError
from halo_raft.pipelines.cluster import EnginePool
from halo_raft.records import Sampling

GREEDY = Sampling(temperature=0.0, max_new_tokens=24)
QUESTIONS = ("Write a Python function that adds two numbers.", "Write a Python function that reverses a list.")


def requests(sampling: Sampling, count: int = 1) -> list[GenerationRequest]:
    return [
        GenerationRequest(f"{q}-{n}", ({"role": "user", "content": question},), sampling, seed=7)
        for q, question in enumerate(QUESTIONS)
        for n in range(count)
    ]


@pytest.fixture(scope="module")
def config(default_model):
    return load(RaftConfig, None, ["engine.max_model_len=512", "engine.kv_cache_gb=1", "engine.max_num_seqs=16"])


@pytest.fixture(scope="module")
def pool(ray_session, config):
    pool = EnginePool(config, "cpu")
    yield pool
    pool.stop()


def generate(pool, wanted, adapter=None):
    """Return the completions of one actor by sample id, and how many messages they came in."""
    import ray

    (actor,) = pool.start()
    batches = [ray.get(r) for r in actor.generate.options(num_returns="streaming").remote(wanted, adapter)]
    return {c.sample_id: c for batch in batches for c in batch}, len(batches)


def test_every_request_is_answered_once_and_samples_stream(pool):
    # lengths differ, so some finish long before others
    wanted = [
        GenerationRequest(str(n), requests(GREEDY)[0].messages, Sampling(temperature=1.0, max_new_tokens=n), seed=1)
        for n in (2, 8, 24)
    ]
    completions, messages = generate(pool, wanted)
    assert set(completions) == {"2", "8", "24"}
    assert messages == 3
    assert [len(completions[n].token_ids) for n in ("2", "8")] == [2, 8]


def test_token_ids_are_the_models_own(pool, default_model):
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(default_model)
    completions, _ = generate(pool, requests(GREEDY))
    for request in requests(GREEDY):
        completion = completions[request.sample_id]
        assert tokenizer.decode(completion.token_ids, skip_special_tokens=True) == completion.text
        chat = tokenizer.apply_chat_template(list(request.messages), add_generation_prompt=True, tokenize=False)
        assert tokenizer.decode(completion.prompt_token_ids) == chat
        assert completion.finish_reason == "length"


def test_a_stop_string_ends_the_completion_and_stays_in_it(pool):
    stopping = Sampling(temperature=0.0, max_new_tokens=96, stop=("\n```\n",))
    completions, _ = generate(pool, requests(stopping))
    stopped = [c for c in completions.values() if "\n```\n" in c.text]
    assert stopped, "the model fences its code"
    assert all(c.text.endswith("\n```\n") and c.finish_reason == "stop" for c in stopped)


def test_the_same_seed_draws_the_same_samples(pool):
    warm = Sampling(temperature=1.0, max_new_tokens=16)
    first, _ = generate(pool, requests(warm, count=3))
    second, _ = generate(pool, requests(warm, count=3))
    assert {k: c.text for k, c in first.items()} == {k: c.text for k, c in second.items()}
    assert len({c.text for c in first.values()}) > 2, "samples of one prompt differ"


def test_an_adapter_changes_the_outputs_and_the_base_comes_back(pool, make_adapter):
    path = make_adapter("adapter", 0.02)
    before, _ = generate(pool, requests(GREEDY))
    changed, _ = generate(pool, requests(GREEDY), Adapter("cycle-1", 2, path))
    after, _ = generate(pool, requests(GREEDY), None)
    assert {k: c.token_ids for k, c in changed.items()} != {k: c.token_ids for k, c in before.items()}
    assert {k: c.token_ids for k, c in after.items()} == {k: c.token_ids for k, c in before.items()}


def test_an_adapter_that_changes_nothing_is_an_error(pool, make_adapter):
    path = make_adapter("adapter", 0.0)
    with pytest.raises(AdapterNotAppliedError, match="outputs did not change"):
        pool.use(Adapter("cycle-9", 10, path))
    pool.use(None)


def test_a_prompt_that_does_not_fit_is_one_clear_line(pool):
    too_long = GenerationRequest("x", ({"role": "user", "content": "word " * 600},), GREEDY, seed=1)
    with pytest.raises(Exception, match=r"does not fit in engine\.max_model_len 512"):
        generate(pool, [too_long])


@pytest.fixture(scope="module")
def transformers_engine(default_model):
    config = load(RaftConfig, None, ["engine.max_model_len=512", "engine.max_num_seqs=4", "engine.name=transformers"])
    return TransformersEngine(EngineSpec(default_model, config.engine, dtype="bfloat16"))


def test_transformers_engine_cuts_at_the_end_and_keeps_token_ids(transformers_engine):
    sampling = Sampling(temperature=0.0, max_new_tokens=96, stop=("\n```\n",))
    completions = [c for batch in transformers_engine.stream(requests(sampling, count=2)) for c in batch]
    assert len(completions) == 4
    for completion in completions:
        text = transformers_engine.tokenizer.decode(completion.token_ids, skip_special_tokens=True)
        assert text == completion.text
        assert (completion.finish_reason == "stop") == (
            "\n```\n" in text or completion.token_ids[-1] == transformers_engine.tokenizer.eos_token_id
        )


def test_transformers_engine_delivers_adapters(transformers_engine, make_adapter):
    def greedy():
        return [c.token_ids for batch in transformers_engine.stream(requests(GREEDY)) for c in batch]

    before = greedy()
    transformers_engine.use(Adapter("a", 1, make_adapter("a", 0.02)))
    changed = greedy()
    transformers_engine.use(Adapter("b", 2, make_adapter("b", -0.02)))
    other = greedy()
    transformers_engine.use(None)
    assert before != changed
    assert changed != other
    assert greedy() == before


def test_room_refuses_a_prompt_that_fills_the_context(transformers_engine):
    with pytest.raises(HaloRaftError, match="shorten the prompt"):
        transformers_engine.room([1] * 512, 10)
