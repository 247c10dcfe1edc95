"""Selection of samples that saw more than their task: a failed answer of theirs, or the reference."""

from dataclasses import replace

from halo_raft.records import Sample, Task
from halo_raft.select import Pool

from .test_select import TASKS, chosen, config, sample, verdict


def aided(number: int, task: str, round_: str, code: str | None = None) -> Sample:
    return replace(sample(number, task, code), round=round_, of=0)


def test_hinted_samples_come_on_top_up_to_their_share_copies_of_the_reference_last():
    reference = {f"t{n}": "def f():\n    return 99" for n in range(4)}
    tasks = {name: replace(task, solution=reference[name]) for name, task in TASKS.items()}
    own = [sample(n, f"t{n % 2}") for n in range(4)]
    hinted = [
        aided(10, "t2", "hint", "def f():  # the reference\n    return 99"),
        aided(11, "t3", "hint", "def f():\n    x = 99\n    return x"),
        aided(12, "t3", "hint", "def f():\n    return 99"),
        aided(13, "t0", "hint", own[0].completion),
    ]
    rewards = [verdict(s) for s in (*own, *hinted)]

    def kept(**settings):
        selection = Pool([*own, *hinted], rewards, tasks).select(config(**settings))
        return [s.sample_id for s in selection.kept if s.round], selection

    assert kept(max_hinted_share=1.0)[0] == ["s011", "s010", "s012"], "s013 is a winner's program"
    names, selection = kept(max_hinted_share=0.34)
    assert names == ["s011", "s010"] and len(selection.kept) == 6
    assert selection.copied == {"s010"}
    assert (selection.removed["duplicate"], selection.removed["over_hinted_share"]) == (1, 1)
    names, selection = kept(max_hinted_share=0.5, keep_top_percent=0.25)
    assert names == ["s011"] and len(selection.kept) == 2, "the share is of what is kept"
    assert kept(max_hinted_share=0.1)[0] == []


def test_a_hinted_sample_that_failed_is_never_kept_and_reaches_no_minimum():
    samples = [sample(1), aided(2, "t1", "hint"), aided(3, "t2", "hint")]
    selection = chosen(samples, [1.0, 0.4, 1.0], min_samples=3, max_hinted_share=0.5)
    assert [s.sample_id for s in selection.kept] == ["s001", "s003"]
    assert selection.threshold == 0.1


def test_what_needed_no_repair_goes_first():
    samples = [aided(1, "t1", "repair"), sample(2, "t0"), aided(3, "t0", "repair"), sample(4, "t2")]
    selection = chosen(samples, [1.0] * 4)
    assert [s.sample_id for s in selection.kept] == ["s002", "s004", "s001", "s003"]


def test_a_reference_that_is_a_body_is_found_under_its_prompt():
    task = Task(task_id="t0", prompt="def f(x):\n    '''Say.'''\n", entry_point="f", solution="    return x\n")
    copy = replace(aided(2, "t0", "hint", "def f(y):\n    return y"), round="hint")
    selection = Pool([sample(1), copy], [verdict(sample(1)), verdict(copy)], {"t0": task}).select(config())
    assert selection.copied == {"s002"}


def test_a_body_is_the_program_that_it_makes_of_its_stub():
    whole = "def add(one, other):\n    return one + other"
    task = Task(
        task_id="t0", prompt="Add two numbers.", entry_point="add", test_list=("assert add(1, 2) == 3",), solution=whole
    )
    samples = [
        replace(sample(1, "t0", whole), form="function"),
        replace(sample(2, "t0"), completion="    total = one + other\n    return total\n", form="function"),
        replace(sample(3, "t0"), completion="    return other + one\n", form="function"),
        replace(aided(4, "t0", "hint"), completion="    return one + other  # as shown\n", form="function"),
    ]

    def chosen_of(*numbers: int):
        some = [samples[number - 1] for number in numbers]
        return Pool(some, [verdict(s) for s in some], {"t0": task}).select(config(max_hinted_share=1.0))

    assert len(chosen_of(1, 2, 3).kept) == 3
    assert chosen_of(1, 4).removed["duplicate"] == 1, "the hinted body is the whole program that was found"
    assert chosen_of(3, 4).copied == {"s004"}, "and the reference"


def test_the_cap_is_of_all_samples_of_a_task_whoever_found_them():
    def code(number: int) -> str:
        return "def f():\n" + "    a = 1\n" * number + "    return a"

    own = [sample(n, "t0", code(n)) for n in range(1, 4)]
    hinted = [aided(10 + n, task, "hint", code(10 + n)) for n in range(3) for task in ("t0", "t1")]
    hinted = [replace(s, sample_id=f"{s.sample_id}{s.task_id}") for s in hinted]
    samples = [*own, *hinted]
    selection = Pool(samples, [verdict(s) for s in samples], TASKS).select(
        config(max_per_prompt=4, max_hinted_share=1.0)
    )
    kept = [s.task_id for s in selection.kept]
    assert (kept.count("t0"), kept.count("t1")) == (4, 3)
    assert selection.removed["over_prompt_cap"] == 2
