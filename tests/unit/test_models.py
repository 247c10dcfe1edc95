"""Model names: what exists is found without loading it, what does not is one line."""

import http.server
import json
import subprocess
import sys
import threading
from typing import ClassVar

import pytest

from halo_raft import hub, models
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
    assert models.check("Qwen/Qwen2.5-Coder-7B") == models.HUB
    with pytest.raises(ConfigError, match=r"has no config\.json"):
        models.check(str(tmp_path))
    (tmp_path / "config.json").write_text("{}")
    assert models.check(str(tmp_path)) == "local folder"
    monkeypatch.chdir(tmp_path.parent)
    assert models.resolve(tmp_path.name) == str(tmp_path)


def test_a_path_that_is_not_there_is_no_name_of_the_hubs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(hub, "bring_config", lambda name: pytest.fail("asked the hub"))
    (tmp_path / "models").mkdir()
    with pytest.raises(
        ConfigError, match=rf"models/mine is not there, no folder {tmp_path}/models/mine; .*hf download"
    ):
        models.check_reachable("models/mine")
    with pytest.raises(ConfigError, match=rf"a/b/c is no folder \(looked for {tmp_path}/a/b/c\); give"):
        models.check_reachable("a/b/c")
    in_cache(tmp_path / "cache", "models/mine")  # as `hf download models/mine` would
    assert models.check("models/mine") == models.HUB
    models.check_reachable("models/mine")


def in_cache(cache, name):
    """Put the config.json of a hub's model into the cache."""
    folder = cache / f"models--{name.replace('/', '--')}"
    (folder / "refs").mkdir(parents=True)
    (folder / "refs" / "main").write_text("c0ffee")
    (folder / "snapshots" / "c0ffee").mkdir(parents=True)
    (folder / "snapshots" / "c0ffee" / "config.json").write_text("{}")


class Hub(http.server.BaseHTTPRequestHandler):
    """A hub that has one model that is gated, one without a config.json, and one that it never answers about."""

    said: ClassVar = {
        "gated": (403, {"X-Error-Code": "GatedRepo"}),
        "gguf": (404, {"X-Error-Code": "EntryNotFound"}),
        "gone": (404, {"X-Error-Code": "RepoNotFound"}),
        "down": (503, {}),
    }
    asked: ClassVar[list[str]] = []

    def do_HEAD(self):
        name = self.path.split("/")[2]
        self.asked.append(name)
        if name == "mute":
            self.server.ended.wait()
            return
        code, headers = self.said[name]
        self.send_response(code)
        for header in headers.items():
            self.send_header(*header)
        self.end_headers()

    def log_message(self, *arguments):
        pass


@pytest.fixture
def our_hub(monkeypatch, tmp_path):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    server.ended = threading.Event()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setattr("huggingface_hub.constants.HUGGINGFACE_CO_URL_TEMPLATE",
                        address + "/{repo_id}/resolve/{revision}/{filename}")  # fmt: skip
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", address)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    Hub.asked.clear()
    yield server
    server.ended.set()
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("gated", "o/gated is gated on the hub; accept its terms .* or give a local checkpoint folder"),
        ("gguf", r"o/gguf has no config\.json on the hub"),
        ("gone", "o/gone is no folder here and no model on the hub; correct the name"),
        (
            "down",
            r"not in the cache of the hub \(/.*\), and the hub does not answer \(.*HF_HUB_CACHE=.*HF_HUB_OFFLINE=1",
        ),
        ("mute", r"the hub does not answer \(\w*Timeout\w*\); go online once"),  # the client's limit, or ours
    ],
)
def test_the_hub_is_asked_once_and_why_it_gives_no_model_is_one_line(our_hub, monkeypatch, name, expected):
    if name == "mute":
        monkeypatch.setattr(hub, "SECONDS", 0.2)
    with pytest.raises(ConfigError, match=expected) as caught:
        models.check_reachable(f"o/{name}")
    assert "\n" not in str(caught.value)
    assert Hub.asked == [name], "its client would ask again and again"


def test_where_the_hub_may_not_be_asked_the_line_says_so(monkeypatch, tmp_path):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(ConfigError, match=r"o/m is not in the cache of the hub \(.*\), and HF_HUB_OFFLINE keeps"):
        models.check_reachable("o/m")


def test_a_name_that_the_hub_does_not_take_is_one_line():
    with pytest.raises(ConfigError, match="o/a b is no folder here and no model on the hub"):
        models.check_reachable("o/a b")


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
