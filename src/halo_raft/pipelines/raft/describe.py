"""What a run would do, for `--dry-run`: nothing is downloaded, nothing started."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from halo_raft import devices, memory, models, sandbox, tasks, tracking, verifiers
from halo_raft.cluster.connection import describe_devices
from halo_raft.config import RaftConfig
from halo_raft.errors import ConfigError
from halo_raft.judging import beyond_us
from halo_raft.pipelines.plans import check_parts
from halo_raft.pipelines.raft.plan import RaftPlan, policies_of, prepare
from halo_raft.sampling import TEMPLATE_BYTES, SamplingPlan, check_prompts_fit
from halo_raft.store import RunFolder

Topic = tuple[str, str]


def describe(config: RaftConfig, gpu_memory: float | None = None, *, goes_on: bool = True) -> Iterator[Topic]:
    """Yield (topic, what would happen).

    Args:
        config: The run.
        gpu_memory: Of the card to plan for, GiB; that of the card that is here when not given.
        goes_on: Whether it would go on with what is in its folder, and so must fit it.

    Raises:
        HaloRaftError: As `prepare`, as far as can be told without a download; or the card has too little memory.
    """
    check_parts(config)
    RunFolder(config.output_dir).check_ours()
    train = tasks.describe(config.tasks.train)
    others = [tasks.describe(spec) for spec in config.tasks.mix]
    fitting = tasks.judge_of(described.verifier for described in (train, *others))
    policies = policies_of(config, "pytest" if config.verifier.test_file else fitting)
    heldout = tasks.describe(config.tasks.heldout) if config.tasks.heldout else None
    prompts, long = min(train.tasks, config.tasks.limit or train.tasks), list[Topic]()
    if not any(described.downloads for described in (train, *others, *([heldout] if heldout else []))):
        plan = prepare(config)
        prompts = len(plan.training.tasks.tasks)
        if goes_on:
            _check_goes_on(plan)
        plans = [plan.training, *([plan.heldout] if plan.heldout else [])]
        long = [*_left_out(plan), *describe_prompts(plans)]
        if plan.heldout and not heldout:
            heldout = tasks.Description(len(plan.heldout.tasks.tasks), train.verifier, downloads=False)
    yield from describe_model(config)
    yield (
        "training tasks",
        f"{' + '.join((config.tasks.train, *config.tasks.mix))}: {prompts} prompts{download_note(train)}",
    )
    if heldout:
        yield "held-out tasks", f"{config.tasks.heldout or 'held out of them'}: {_heldout_plan(config, heldout)}"
    yield from long
    yield from _cycles(config, prompts)
    yield from describe_judging(config, [policy.verifier for policy in policies])
    yield from _memory(config, gpu_memory)
    yield "output", str(config.output_dir.absolute())
    command = tracking.ui_command(config.tracking)
    yield "tracking", f"MLflow, to look at with: {command}" if command else "files in the output folder"


def _check_goes_on(plan: RaftPlan) -> None:
    """Check that a run which has begun in the plan's folder would go on with it.

    Raises:
        DataError: It was begun with other settings, or by another command.
    """
    folder = RunFolder(plan.config.output_dir)
    folder.check_begun(plan.fingerprint.to_dict(), may_change=plan.may_change(folder))


def _left_out(plan: RaftPlan) -> Iterator[Topic]:
    """Yield the first task that a run would leave out before it tries any, and how many there are."""
    judges = {policy.verifier: policy for policy in plan.policies}.values()  # cycles share them
    sets = [(policy, plan.training.tasks) for policy in judges]
    sets += [(plan.heldout.policy, plan.heldout.tasks)] if plan.heldout else []
    found = {
        (task_set.name, task_id): reason
        for policy, task_set in sets
        for task_id, reason in beyond_us(policy, task_set.by_id).items()
    }
    for (name, task_id), reason in found.items():
        more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
        yield "left out", f"{tasks.place(name, task_id)}: task {task_id}: {reason}{more}"
        return


def describe_model(config: RaftConfig) -> Iterator[Topic]:
    """Yield what generates, and on what."""
    yield "model", f"{config.model.name} ({models.check(config.model.name)})"
    if config.model.checkpoint:
        rank = models.rank_of(config.model.checkpoint)
        yield "checkpoint", f"{config.model.checkpoint} (LoRA r={rank}, which training goes on with)"


def describe_prompts(plans: Sequence[SamplingPlan]) -> Iterator[Topic]:
    """Look whether the context holds every prompt; yields that it is not known where the model is not here.

    A tokenizer, which takes seconds, is loaded only where a prompt has more bytes than the context has tokens.

    Raises:
        DataError: It does not.
    """
    name, room = plans[0].compute.model.name, plans[0].compute.engine.max_model_len
    longest = max(
        sum(len(message["content"].encode()) for message in chat)
        for plan in plans
        for task in plan.tasks.tasks
        for chat in plan.chats(task)
    )
    if longest + TEMPLATE_BYTES < room:
        return
    if models.check(name) == models.HUB and models.config_of(name) is None:
        yield "longest prompt", f"{longest} bytes; whether it fits in {room} tokens is known when {name} is here"
    else:
        check_prompts_fit(plans)


def describe_judging(config: RaftConfig, names: Iterable[str]) -> Iterator[Topic]:
    """Yield by whom answers are judged, and on what all of it runs."""
    names = list(dict.fromkeys(names))
    tools = {tool for name in names for tool in verifiers.REGISTRY.load(name).tools}
    tier = sandbox.probe()
    yield "engine", f"{config.engine.name}, {config.engine.replicas} replica(s), adapters {config.engine.delivery}"
    yield "verifier", ", ".join(names)
    yield "sandbox", f"tier {tier.name}: {tier.reason}"
    yield "toolchains", ", ".join(sorted(tools)) or "none needed but this Python"
    yield "devices", describe_devices(config.resources)


def _memory(config: RaftConfig, gpu_memory: float | None) -> Iterator[Topic]:
    """Yield how much memory the run takes of a card."""
    seen = [] if config.resources.num_gpus == 0 else devices.visible(devices.local_gpus())
    card = gpu_memory or (seen[0].total_gib if seen else 0.0)
    if not card:
        return
    here = models.config_of(config.model.name)
    shape = memory.Shape.of(here) if here else memory.known(config.model.name)
    if shape is None:
        yield "memory", f"not known before {config.model.name} is here"
        return
    planned = memory.plan(config, shape, card)
    if line := memory.too_little(planned, config):
        raise ConfigError(line)
    yield from planned.lines()


def download_note(described: tasks.Description) -> str:
    """Say where tasks are not here yet."""
    return " (downloaded at the first run)" if described.downloads else ""


def _cycles(config: RaftConfig, prompts: int) -> Iterator[Topic]:
    per_prompt = config.sampling.samples_per_prompt
    samples = f"{prompts} prompts × {per_prompt} samples = {prompts * per_prompt} samples"
    yield "cycles", f"{config.num_cycles}, each {samples}"
    if config.sampling.second_round:
        yield "second round", f"{config.sampling.second_round} more samples of prompts that pass now and then"
    if config.sampling.allot != "even":
        yield "samples", "as many in all, allotted by the posterior of each prompt's pass rate from cycle 2 on"
    if config.sampling.repair:
        yield (
            "repair round",
            f"{config.sampling.repair} more samples of prompts without a winner, which see a failed one",
        )
    if config.sampling.hint:
        hinted = (
            f"{config.sampling.hint_samples} samples of prompts that stay without one, with their reference in view"
        )
        yield "hints", f"{hinted}; at most {config.selection.max_hinted_share:.0%} of what is trained on"
    if config.curriculum.strategy != "none" or config.curriculum.reward_shaping != "fixed":
        yield "curriculum", f"{config.curriculum.strategy}, rewards {config.curriculum.reward_shaping}"
    if config.ablate:
        yield "arm", "control: keeps as many samples as pass, at random"
    kept = int(prompts * config.selection.max_per_prompt * config.selection.keep_top_percent)
    batch = config.training.per_device_train_batch_size * config.training.gradient_accumulation_steps
    steps = -(-int(kept * config.training.num_train_epochs) // batch)
    rank = models.rank_of(config.model.checkpoint) if config.model.checkpoint else config.lora.r
    yield "training", f"at most {kept} kept samples a cycle, {steps} steps of {batch}, LoRA r={rank}"


def _heldout_plan(config: RaftConfig, heldout: tasks.Description) -> str:
    count = min(heldout.tasks, config.tasks.heldout_limit or heldout.tasks)
    drawn = [f"{config.heldout.samples} samples a task"] if config.heldout.samples else []
    drawn += ["once greedily"] if config.heldout.greedy else []
    return f"{count} tasks, {' and '.join(drawn)}, before the first cycle and after each{download_note(heldout)}"
