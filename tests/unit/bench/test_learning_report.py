"""The report of a learning study says what the runs on disk say."""

from __future__ import annotations

from pathlib import Path

from halo_raft.config import RaftConfig, load

from .stand_in import write_run


def fake_run(folder: Path, passes: dict[int, int]) -> None:
    write_run(load(RaftConfig, None, ["tasks.heldout=starter:heldout", f"output_dir={folder}"]), passes)


def reported(learning, work: Path, pairs: list[tuple[str, int]], name: str = "out.md", note: str = "") -> str:
    from learning_measured import Files, read_run

    plan = learning.Plan.model_validate(learning.TWO_ARMS | {"seeds": sorted({seed for _, seed in pairs})})
    found = learning.Found.of(plan, [read_run(Files(plan, work, arm, seed)) for arm, seed in pairs])
    learning.write_report(work / name, found, command=["bench/learning.py"], note=note)
    return (work / name).read_text()


def test_tables_and_plots_of_two_arms_and_two_seeds(learning, tmp_path: Path) -> None:
    for seed in (0, 1):
        fake_run(tmp_path / f"raft-seed{seed}", {0: 1, 1: 3, 2: 2})
        fake_run(tmp_path / f"control-seed{seed}", {0: 1, 1: 1, 2: 2})
    text = reported(learning, tmp_path, [(a, s) for s in (0, 1) for a in ("raft", "control")], note="Small tasks.\n")
    assert "Seeds: 0, 1.\n\nSmall tasks.\n\n`control`: keeps as many" in text
    assert "| base | 0 | 25.0% [" in text
    assert "| raft | 1 | 75.0% [" in text
    assert " | 100.0% [" in text and "| 2.00 |" in text
    assert "| raft, best cycle, less base | +50.0% [" in text and "+200% relative" in text
    assert "| raft less control, best cycles | +25.0% [" in text
    assert "| raft less control, cycle 1 | +50.0%" in text
    assert "over tasks and the 2 training runs alike" in text
    assert "| raft | base | raft | 240, 480 | 100, 200 |" in text, "3 prompts, 8 samples, 10 tokens a cycle"
    assert "| control | base | raft; `ablate: verifier` | 480, 480 | 200, 200 |" in text
    for name in ("out_heldout_pass1.png", "out_heldout_pass4.png"):
        assert (tmp_path / name).read_bytes().startswith(b"\x89PNG")
        assert f"({name})" in text


def test_an_interval_is_over_training_runs_too(learning, tmp_path: Path) -> None:
    for seed, passed in ((0, 1), (1, 3)):
        fake_run(tmp_path / f"raft-seed{seed}", {0: 1, 1: passed})
    text = reported(learning, tmp_path, [("raft", 0), ("raft", 1)])
    assert "| raft | 1 | 50.0% [25.0%, 75.0%]" in text, "all tasks alike, but one run learned nothing"
    assert "| raft, best cycle, less base | +25.0% [+0.0%, +50.0%]" in text
    assert "Not there yet: control (seed 0), control (seed 1)." in text
    alone = reported(learning, tmp_path, [("raft", 0)], "one.md")
    assert "over the tasks of one training run: what another seed would give" in alone


def test_arms_are_compared_on_the_seeds_that_both_have_and_with_no_more_tokens(learning, tmp_path: Path) -> None:
    for seed, passed in ((0, 2), (1, 4)):
        fake_run(tmp_path / f"raft-seed{seed}", {0: 1, 1: passed, 2: passed})
    fake_run(tmp_path / "control-seed0", {0: 1, 1: 1})
    text = reported(learning, tmp_path, [("raft", 0), ("raft", 1), ("control", 0)])
    assert "| raft less control, best cycles (seed 0) | +25.0%" in text, (
        "seed 1, where RAFT gained more, has no control"
    )
    assert "| control (seed 0) | 1 |" in text and "| raft | 1 |" in text
    assert "within the other's tokens" not in text, "its best cycle is the first, which drew no more"
    fake_run(tmp_path / "raft-seed0", {0: 1, 1: 2, 2: 4})
    text = reported(learning, tmp_path, [("raft", 0), ("raft", 1), ("control", 0)])
    assert "| raft less control, best cycles (seed 0) | +75.0%" in text
    assert "| raft less control, best cycle within the other's tokens (seed 0) | +25.0%" in text, "one cycle's tokens"


def test_the_recipe_is_chosen_over_the_seeds_that_all_of_its_arms_have(learning, tmp_path: Path) -> None:
    from learning_measured import Files, read_run

    for name, passes in {"raft-seed0": 1, "raft-seed1": 4, "short-seed0": 2}.items():
        fake_run(tmp_path / name, {0: 1, 1: passes})
    arms = {"arms": {"raft": {}, "short": {}, "other": {}}, "recipes": ["raft", "short", "other"], "seeds": [0, 1]}
    plan = learning.Plan.model_validate(arms)
    pairs = [("raft", 0), ("raft", 1), ("short", 0)]
    found = learning.Found.of(plan, [read_run(Files(plan, tmp_path, arm, seed)) for arm, seed in pairs])
    assert found.recipe == ("short", [0]), "raft is better with a seed that short has not"
    learning.write_report(tmp_path / "out.md", found, command=["bench/learning.py"])
    assert "`short`: of raft, short the best there, over seed 0, so far." in (tmp_path / "out.md").read_text()
