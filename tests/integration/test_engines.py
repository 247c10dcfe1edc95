"""The real vLLM engine in its Ray actor, and the transformers engine, behind the same interface."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from dataclasses import replace

import pytest

from halo_raft.cluster.placement import place
from halo_raft.config import RaftConfig, load
from halo_raft.engines import Adapter, EngineSpec, GenerationRequest
from halo_raft.engines.base import AdapterNotAppliedError
from halo_raft.engines.transformers import TransformersEngine
from halo_raft.errors import DataError, user_error
from halo_raft.judging import JudgingPolicy
from halo_raft.records import Sample, Sampling, Task, Verdict
from halo_raft.sampling import Compute, Origin, Stage, Wording, draft_samples
from halo_raft.sampling.engine_pool import EnginePool
from halo_raft.sampling.flow import Workers, outstanding, run_stage
from halo_raft.sampling.generate import Patience
from halo_raft.store import read_records, read_verdicts
from halo_raft.tasks import load as load_tasks
from halo_raft.verifiers import VerifierOptions

GREEDY = Sampling(temperature=0.0, max_new_tokens=24)
SMALL = ("engine.max_model_len=512", "sampling.max_new_tokens=64")
QUESTIONS = ("Write a Python function that adds two numbers.", "Write a Python function that reverses a list.")


def requests(sampling: Sampling, count: int = 1) -> list[GenerationRequest]:
    return [
        GenerationRequest(f"{q}-{n}", ({"role": "user", "content": question},), sampling, seed=7)
        for q, question in enumerate(QUESTIONS)
        for n in range(count)
    ]


@pytest.fixture(scope="module")
def config(default_model):
    return load(RaftConfig, None, [*SMALL, "engine.kv_cache_gb=1", "engine.max_num_seqs=16"])


@pytest.fixture(scope="module")
def pool(ray_session, config):
    compute = Compute(
        model=config.model, engine=config.engine, resources=config.resources, lora_rank=8, verify_workers=None, seed=0
    )
    pool = EnginePool(compute, place(config.engine, config.resources, None, cpus=2, gpus=0))
    yield pool
    pool.stop()


def generate(pool, wanted, adapter=None):
    """Return the completions of one actor by sample id, and how many messages they came in."""
    import ray

    (actor,) = pool.start()
    batches = [ray.get(r) for r in actor.generate.options(num_returns="streaming").remote(wanted, adapter)]
    return {c.sample_id: c for batch in batches for c in batch}, sum(map(bool, batches))  # an empty one: it lives


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


def test_a_stop_string_inside_a_token_keeps_text_and_tokens_equal(pool, default_model):
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(default_model)
    completions, _ = generate(pool, requests(Sampling(temperature=0.0, max_new_tokens=96, stop=("er",)), count=2))
    stopped = [c for c in completions.values() if c.finish_reason == "stop"]
    assert any(not c.text.endswith("er") for c in stopped), "some stop string lay within its token"
    assert all(tokenizer.decode(c.token_ids, skip_special_tokens=True) == c.text for c in completions.values())


def test_the_same_seed_draws_the_same_samples(pool):
    warm = Sampling(temperature=1.0, max_new_tokens=16)
    first, _ = generate(pool, requests(warm, count=3))
    second, _ = generate(pool, requests(warm, count=3))
    assert {k: c.text for k, c in first.items()} == {k: c.text for k, c in second.items()}
    assert len({c.text for c in first.values()}) > 2, "samples of one prompt differ"


def test_an_adapter_changes_the_outputs_and_the_base_comes_back(pool, make_adapter):
    adapter = Adapter("cycle-1", 2, make_adapter("adapter", 0.1))
    # every delivery empties the prefix cache: with equal caches, bf16 rounds equally
    ids = []
    for delivered in (adapter, None, adapter, None):
        completions, _ = generate(pool, requests(GREEDY), delivered)
        ids.append({sample_id: c.token_ids for sample_id, c in completions.items()})
    changed, base, changed_again, base_again = ids
    assert changed != base
    assert changed_again == changed
    assert base_again == base


def test_an_adapter_that_changes_nothing_is_an_error(pool, make_adapter):
    path = make_adapter("adapter", 0.0)
    for _ in range(2):  # asking again is no way round it
        with pytest.raises(AdapterNotAppliedError, match="outputs did not change"):
            pool.use(Adapter("cycle-9", 10, path))
    pool.use(None)


def test_a_prompt_that_does_not_fit_is_one_clear_line(pool):
    too_long = GenerationRequest("x", ({"role": "user", "content": "word " * 600},), GREEDY, seed=1)
    with pytest.raises(Exception, match=r"begins 'word word .* do not fit in engine\.max_model_len 512") as caught:
        generate(pool, [too_long])
    assert isinstance(user_error(caught.value), DataError)


def stage_of(folder, tasks, drafts):
    return Stage(
        origin=Origin(1, "m", None),
        drafts=tuple(drafts),
        policy=JudgingPolicy(verifier="mbpp", options=VerifierOptions()),
        tasks=tasks,
        samples_path=folder / "samples.jsonl",
        verdicts_path=folder / "verified.jsonl",
    )


def bring_to_end(stage, pool, restarts, report):
    workers = Workers(
        engines=lambda: pool.use(None), verifiers=1, niceness=19, patience=Patience(restarts, 600), renew=pool.stop
    )
    run_stage(stage, outstanding(stage), workers, report)


def test_an_engine_that_is_killed_is_restarted_and_asked_for_the_missing_samples_only(pool, tmp_path):
    import ray

    tasks = {t.task_id: t for t in load_tasks("starter", limit=8).tasks}
    warm = Sampling(temperature=1.0, max_new_tokens=32)
    stage = stage_of(tmp_path, tasks, draft_samples(tasks.values(), range(8), warm, Wording(None, True), ("death",)))
    engine = ray.get(pool.start()[0].ready.remote())
    killed = []

    def kill_early():
        """Kill with the first samples on disk: the first verdict may come after the last sample."""
        while not killed:
            time.sleep(0.01)
            if drawn := len(list(read_records(stage.samples_path, Sample))):
                killed.append(drawn)
                os.kill(engine, signal.SIGKILL)

    killer = threading.Thread(target=kill_early, daemon=True)
    killer.start()
    bring_to_end(stage, pool, restarts=2, report=lambda found: None)
    killer.join(60)
    samples = list(read_records(stage.samples_path, Sample))
    verdicts = list(read_records(stage.verdicts_path, Verdict))
    assert killed[0] < 64, "it died before it was done"
    assert len({s.sample_id for s in samples}) == len(samples) == 64
    assert {v.sample_id for v in verdicts} == {s.sample_id for s in samples}
    assert len(verdicts) == 64


def test_a_failure_of_ours_is_judged_again_by_the_next_run_without_an_engine(pool, tmp_path):
    tasks = {t.task_id: t for t in load_tasks("starter", limit=2).tasks}
    stage = stage_of(tmp_path, tasks, draft_samples(tasks.values(), range(2), GREEDY, Wording(None, True), ("again",)))
    bring_to_end(stage, pool, restarts=0, report=lambda found: None)
    rows = stage.verdicts_path.read_text().splitlines()
    failed = json.loads(rows[0]) | {"kind": "infra", "success": False}
    failed.pop("reward")
    stage.verdicts_path.write_text("\n".join([json.dumps(failed), *rows[1:]]) + "\n")
    reported = []
    no_engines = Workers(engines=None, verifiers=1, niceness=0, patience=Patience(0, 600), renew=lambda: None)
    left = outstanding(stage)
    assert left.unjudged == {failed["sample_id"]}
    run_stage(stage, left, no_engines, reported.append)
    assert sum(found.judged for found in reported) == 1
    assert read_verdicts(stage.verdicts_path)[failed["sample_id"]].kind == json.loads(rows[0])["kind"]


def test_a_prompt_that_does_not_fit_ends_the_flow_as_a_users_error(pool, tmp_path):
    task = Task(task_id="long", prompt="word " * 600, test_list=("assert f() == 1",))
    drafts = draft_samples([task], range(1), GREEDY, Wording(None, True), ("long",))
    stage = stage_of(tmp_path, {"long": task}, drafts)
    with pytest.raises(DataError, match=r"do not fit in engine\.max_model_len 512"):
        bring_to_end(stage, pool, restarts=0, report=lambda found: None)


@pytest.fixture(scope="module")
def transformers_engine(default_model):
    config = load(RaftConfig, None, [*SMALL, "engine.max_num_seqs=4", "engine.name=transformers"])
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
    transformers_engine.use(Adapter("a", 1, make_adapter("a", 0.1)))
    changed = greedy()
    transformers_engine.use(Adapter("b", 2, make_adapter("b", 0.2)))
    other = greedy()
    transformers_engine.use(None)
    assert before != changed
    assert changed != other
    assert greedy() == before


def test_room_is_what_is_left_of_the_context(transformers_engine):
    (request, _) = requests(GREEDY)
    greedy_for_ever = replace(request, sampling=replace(GREEDY, max_new_tokens=10_000))
    assert transformers_engine.room(request) == GREEDY.max_new_tokens
    assert transformers_engine.room(greedy_for_ever) == 512 - len(transformers_engine.render(request.messages))
