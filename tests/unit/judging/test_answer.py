"""What of an answer is judged: whole as it stands, or put under the function that it was asked to complete."""

from __future__ import annotations

from halo_raft.config import RaftConfig
from halo_raft.judging.answer import Answer
from halo_raft.judging.known import Keys
from halo_raft.judging.policy import JudgingPolicy
from halo_raft.judging.referee import Referee
from halo_raft.records import Task
from halo_raft.sampling.drafts import FUNCTION

TASK = Task(
    task_id="t", prompt="Write a function that adds two numbers.", entry_point="add",
    test_list=("assert add(1, 2) == 3", "assert add(2, 5) == 7"),
    solution="def add(one, other):\n    return one + other",
)  # fmt: skip
WHOLE = "def add(one, other):\n    return one + other"
BODIES = {
    "indented": "    return one + other\n",
    "as a chat template leaves it": "total = one + other\n    return total\n",
    "at the margin": "if one:\n    return one + other\nreturn other\n",
    "in a fence": "```python\n    total = one\n    return total + other\n```\n",
}
config = RaftConfig()
POLICY = JudgingPolicy.of("python", config.verifier, config.sandbox)


def judged(completion: str, form: str | None) -> bool:
    return Referee(POLICY, {"t": TASK}).judge(Answer("s", "t", completion, form=form)).verdict.success


def test_a_body_passes_where_a_function_was_to_be_completed_and_nowhere_else():
    for name, body in BODIES.items():
        assert judged(body, FUNCTION), name
        assert not judged(body, None), name
    assert not judged("    return one - other\n", FUNCTION)


def test_a_whole_program_and_a_text_are_taken_as_they_stand_in_either_form():
    for form in (FUNCTION, None):
        assert judged(WHOLE, form) and judged(f"```python\n{WHOLE}\n```", form)
        assert not judged("I do not know.", form)
        assert Answer("s", "t", WHOLE, form=form).judged_as(TASK) == WHOLE


def test_a_body_has_the_key_of_its_whole_program_and_not_that_of_the_body_alone():
    keys = Keys(POLICY, {"t": TASK})
    asked = keys.identified(Answer("1", "t", BODIES["indented"], form=FUNCTION))
    alone = keys.identified(Answer("2", "t", BODIES["indented"]))
    whole = keys.identified(Answer("3", "t", asked.judged_as(TASK)))
    assert asked.key == whole.key != alone.key


def test_a_task_without_a_stub_is_judged_as_it_stands():
    task = Task(task_id="t", prompt="Print 1.", expected_output="1\n", verifier="execution")
    assert Answer("s", "t", "    print(1)", form=FUNCTION).judged_as(task) == "    print(1)"
