from __future__ import annotations

from pathlib import Path

import yaml

from halo_raft.train import ModelCard, render_card


def test_a_full_card() -> None:
    text = render_card(
        ModelCard(
            title="cycle_2_final",
            base_model="owner/name",
            summary="Made by a test.",
            cycle=2,
            metrics=[{"cycle": 0, "pass@1": 0.125}, {"cycle": 2, "pass@1": 0.25, "note": "a|b"}],
            data={"train.jsonl": "abc"},
            config={"seed": 0, "output_dir": Path("/x")},
            created_with={"peft": "0.21"},
        )
    )
    header = yaml.safe_load(text.split("---")[1])
    assert header["base_model"] == "owner/name" and "raft" in header["tags"]
    assert "| 0 | 0.125 |  |\n| 2 | 0.25 | a\\|b |" in text
    assert "| train.jsonl | `abc` |" in text
    assert 'from_pretrained("owner/name")' in text and "vllm serve owner/name --enable-lora" in text
    block = text.split("```yaml\n")[1].split("```")[0]
    assert yaml.safe_load(block) == {"seed": 0, "output_dir": "/x"}


def test_what_is_not_given_is_not_there() -> None:
    text = render_card(ModelCard(title="sft", base_model="/models/base", summary="Made by a test."))
    header = yaml.safe_load(text.split("---")[1])
    assert "base_model" not in header and "sft" in header["tags"]
    for absent in ("## Results", "## Data", "## Configuration", "## Made with", "cycle", "None"):
        assert absent not in text
