"""What is sampled and judged, looked over before an engine starts."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from halo_raft import models, prompts
from halo_raft.config.schema import SamplingConfig
from halo_raft.errors import DataError
from halo_raft.judging.policy import JudgingPolicy
from halo_raft.records import Sampling, Task
from halo_raft.sampling.drafts import Draft, Wording, forms_of
from halo_raft.sampling.engine_pool import Compute
from halo_raft.sampling.flow import Stage
from halo_raft.sampling.generate import Origin
from halo_raft.tasks import TaskSet

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class SamplingPlan:
    """Tasks, how they are asked, how answers are drawn, and by what policy they are judged.

    Attributes:
        samples_per_prompt: Samples of each task.
        formats: Forms that tasks are asked in, as far as they have them; see `drafts.forms_of`.
        compute: What generates.
    """

    tasks: TaskSet
    policy: JudgingPolicy
    wording: Wording
    sampling: Sampling
    samples_per_prompt: int
    compute: Compute
    formats: tuple[str, ...] = ("text",)

    def chats(self, task: Task) -> list[tuple[dict[str, str], ...]]:
        """Return the chats that ask for a solution of a task, one a form."""
        return [self.wording.chat(task, form) for form in forms_of(task, self.formats)]

    def stage(self, origin: Origin, drafts: Iterable[Draft], samples: Path, verdicts: Path) -> Stage:
        """Return a stage of these tasks' samples.

        Args:
            origin: What the samples have in common.
            drafts: What to draw.
            samples: JSONL file of the samples.
            verdicts: JSONL file of their verdicts.
        """
        return Stage(
            origin=origin,
            drafts=tuple(drafts),
            policy=self.policy,
            tasks=self.tasks.by_id,
            samples_path=samples,
            verdicts_path=verdicts,
        )


def drawn_as(config: SamplingConfig, **changed: float) -> Sampling:
    """Return how completions are drawn by the section `sampling:`, but for what is `changed`."""
    return Sampling(**config.model_dump(include=set(Sampling.__dataclass_fields__)) | changed)


def check_prompts_fit(plans: Iterable[SamplingPlan]) -> None:
    """Check that the context holds every prompt and at least one new token. Loads the model's tokenizer.

    Raises:
        DataError: It does not; names the first task, by the order of the file.
        ConfigError: The model or its tokenizer is not to be had.
    """
    plans = list(plans)
    model, context = plans[0].compute.model, plans[0].compute.engine.max_model_len
    log.info("Loading the tokenizer of %s...", Path(model.name).name)
    tokenizer = models.load_tokenizer(model.name, model.checkpoint, trust_remote_code=model.trust_remote_code)
    for plan in plans:
        for task in plan.tasks.tasks:
            if (length := max(len(prompts.token_ids(chat, tokenizer)) for chat in plan.chats(task))) >= context:
                raise DataError(
                    f"{plan.tasks.name}: the prompt of task {task.task_id} has {length} tokens, which do not fit in "
                    f"engine.max_model_len {context}; raise it or shorten the prompt"
                )
