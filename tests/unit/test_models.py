"""Model names: what exists is found without loading it, what does not is one line."""

import json
import subprocess
import sys

import pytest

from halo_raft import models
from halo_raft.errors import ConfigError

from ..tiny_model import make_tiny_model


@pytest.fixture
def adapter(tmp_path):
    def make(base, rank=8):
        config = {"base_model_name_or_path": base, "r": rank}
        (tmp_path / "adapter_config.json").write_text(json.dumps(config))
        return tmp_path

    return make


def test_the_cache_follows_its_variable(monkeypatch, tmp_path):
    monkeypatch.setenv("HALO_RAFT_CACHE", str(tmp_path))
    assert models.cache_dir() == tmp_path
    assert models.check("builtin:smollm2-135m") == "embedded, converted at first use"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("builtin:gpt-9", "no embedded model 'builtin:gpt-9'"),
        ("./nowhere", "nowhere is no folder"),
        ("/nowhere/at/all", "is no folder"),
        ("just-a-word", "is no folder"),
        ("a/b/c", "is no folder"),
    ],
)
def test_a_model_that_is_not_there_is_one_line(name, expected):
    with pytest.raises(ConfigError, match=expected):
        models.check(name)


def test_hub_names_and_local_folders_are_told_apart(tmp_path, monkeypatch):
    assert models.check("Qwen/Qwen2.5-Coder-7B") == "model hub, downloaded at first use"
    with pytest.raises(ConfigError, match=r"has no config\.json"):
        models.check(str(tmp_path))
    (tmp_path / "config.json").write_text("{}")
    assert models.check(str(tmp_path)) == "local folder"
    monkeypatch.chdir(tmp_path.parent)
    assert models.resolve(tmp_path.name) == str(tmp_path)


def test_the_fingerprint_of_a_folder_follows_its_files(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    before = models.fingerprint(str(tmp_path))
    (tmp_path / "README.md").write_text("card")
    assert models.fingerprint(str(tmp_path)) == before
    (tmp_path / "config.json").write_text('{"changed": 1}')
    assert models.fingerprint(str(tmp_path)) != before
    assert models.fingerprint("owner/name") == "owner/name"


def test_an_adapter_names_its_base_and_an_embedded_one_wherever_it_was_cached(adapter):
    assert models.base_of(adapter("Qwen/Qwen2.5-Coder-7B")) == "Qwen/Qwen2.5-Coder-7B"
    assert models.base_of(adapter("/somebody/elses/cache/models/smollm2-135m")) == "builtin:smollm2-135m"
    assert models.rank_of(adapter("a/b", rank=64)) == 64
    with pytest.raises(ConfigError, match="an adapter on /gone/model, which is not there"):
        models.base_of(adapter("/gone/model"))


def test_a_folder_without_an_adapter_is_one_line(tmp_path):
    with pytest.raises(ConfigError, match=r"holds no adapter_config\.json"):
        models.base_of(tmp_path)


def test_a_plain_tokenizer_is_the_one_that_transformers_chooses_without_all_that_it_imports(tmp_path):
    folder = make_tiny_model(tmp_path / "model")
    code = (
        "import sys; from halo_raft.models import load_tokenizer; t = load_tokenizer(sys.argv[1]); "
        "assert 'transformers.generation.utils' not in sys.modules; print(type(t).__name__, t('w3 of w9 .').input_ids)"
    )
    said = subprocess.run([sys.executable, "-c", code, folder], capture_output=True, text=True, check=False)
    from transformers import AutoTokenizer

    chosen = AutoTokenizer.from_pretrained(folder)
    assert said.stdout.strip() == f"{type(chosen).__name__} {chosen('w3 of w9 .').input_ids}", said.stderr


@pytest.mark.parametrize(
    ("file", "change"),
    [
        ("config.json", {"model_type": "qwen2"}),
        ("tokenizer_config.json", {"tokenizer_class": "LlamaTokenizer"}),
        ("tokenizer_config.json", {"auto_map": {}}),
    ],
)
def test_of_other_tokenizers_transformers_chooses_the_class(tmp_path, file, change):
    config = {"config.json": {"model_type": "llama"}, "tokenizer_config.json": {"tokenizer_class": "TokenizersBackend"}}
    for name, row in config.items():
        (tmp_path / name).write_text(json.dumps(row))
    (tmp_path / "tokenizer.json").write_text("{}")
    assert models._has_plain_tokenizer(tmp_path)
    (tmp_path / file).write_text(json.dumps(config[file] | change))
    assert not models._has_plain_tokenizer(tmp_path)
