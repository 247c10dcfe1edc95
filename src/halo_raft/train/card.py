"""The model card of an adapter folder, from figures that are handed in.

A pure function: it measures nothing, reads no files and fills in no figure that it was not given.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import yaml


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelCard:
    """What a card says.

    Attributes:
        title: Heading, such as the folder's name.
        base_model: Path or hub name that the adapter was trained on.
        summary: One or two sentences on how it was made.
        cycle: Cycle of a RAFT run, from 1; None for SFT.
        metrics: Rows of one table; columns are the union of keys in order of appearance.
        results_note: A sentence below that table.
        data: Name of each data file or task set -> its hash.
        config: The resolved configuration as plain JSON types.
        created_with: Versions of the libraries that made it.
    """

    title: str
    base_model: str
    summary: str
    cycle: int | None = None
    metrics: Sequence[Mapping[str, Any]] = ()
    results_note: str = ""
    data: Mapping[str, str] = field(default_factory=dict)
    config: Mapping[str, Any] = field(default_factory=dict)
    created_with: Mapping[str, str] = field(default_factory=dict)


def render_card(card: ModelCard) -> str:
    """Return the card as Markdown with the hub's YAML header; sections without content are left out."""
    parts = [_header(card), f"# {card.title}", card.summary, _facts(card)]
    if card.metrics:
        parts += ["## Results", _table(card.metrics), *filter(None, [card.results_note])]
    if card.data:
        rows = [{"data": name, "sha256": f"`{digest}`"} for name, digest in card.data.items()]
        parts += ["## Data", _table(rows)]
    parts += ["## Use", _USE.format(base=card.base_model)]
    if card.config:
        parts += ["## Configuration", f"```yaml\n{_yaml(card.config)}```"]
    if card.created_with:
        parts += ["## Made with", _table([dict(card.created_with)])]
    return "\n\n".join(parts) + "\n"


_USE = """Run these in this folder. With PEFT:

```python
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained(".")
base = AutoModelForCausalLM.from_pretrained("{base}")
model = PeftModel.from_pretrained(base, ".")
```

With vLLM (give `--max-lora-rank` the rank in `adapter_config.json`, if that is above 16):

```bash
vllm serve {base} --enable-lora --lora-modules adapter=.
```"""


def _header(card: ModelCard) -> str:
    """Return the metadata that the hub reads; `base_model` only where it is a name there."""
    header: dict[str, Any] = {
        "library_name": "peft",
        "pipeline_tag": "text-generation",
        "tags": ["lora", "halo-raft", "sft" if card.cycle is None else "raft"],
    }
    if card.base_model.count("/") == 1 and not card.base_model.startswith(("/", ".")):
        header = {"base_model": card.base_model, **header}
    return f"---\n{_yaml(header)}---"


def _facts(card: ModelCard) -> str:
    lines = [f"- Base model: `{card.base_model}`"]
    if card.cycle is not None:
        lines.append(f"- RAFT cycle: {card.cycle}")
    return "\n".join(lines)


def _table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return a Markdown table; a value that a row lacks stays empty."""
    columns = list(dict.fromkeys(key for row in rows for key in row))
    lines = [columns, ["---"] * len(columns), *([_cell(row.get(column)) for column in columns] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    text = f"{value:.4g}" if isinstance(value, float) else str(value)
    return text.replace("|", "\\|").replace("\n", " ")


def _yaml(value: Mapping[str, Any]) -> str:
    plain = json.loads(json.dumps(value, default=str))  # paths, tuples and enums as plain types
    return yaml.safe_dump(plain, sort_keys=False, allow_unicode=True)
