"""The config: precedence, the guide's snippets as they stand, and one clear line for every mistake."""

from pathlib import Path

import pytest

from halo_raft.config import RaftConfig, SftConfig, SweepConfig, full_key, load, load_file, to_yaml, with_values
from halo_raft.errors import ConfigError, UsageError

from ... import guide_yaml

REPO = Path(__file__).resolve().parents[3]


@pytest.fixture
def write(tmp_path):
    def _write(text: str) -> Path:
        path = tmp_path / "config.yaml"
        path.write_text(text)
        return path

    return _write


def test_guide_sft_snippet_loads_and_reads_2e_4_as_a_number(write):
    config = load_file(write(guide_yaml.SFT))
    assert isinstance(config, SftConfig)
    assert config.training.learning_rate == 2e-4
    assert config.training.gradient_accumulation_steps == 16
    assert config.model.trust_remote_code is True


def test_guide_curriculum_snippet_loads(write):
    config = load_file(write(guide_yaml.CURRICULUM))
    assert isinstance(config, RaftConfig)
    assert config.num_cycles == 3
    assert config.for_cycle(3).run_after_compile is True
    assert [config.for_cycle(n).reward_threshold for n in (1, 2, 3)] == [0.3, 0.5, 0.7]


def test_the_control_arm_refuses_what_listens_to_the_verifier(write):
    assert load(RaftConfig, None, [], {"ablate": ("--ablate", "verifier")}).arm == "control"
    for setting in ("sampling.second_round=8", "curriculum.strategy=historical"):
        with pytest.raises(ConfigError, match=r"acts on what the verifier says"):
            load(RaftConfig, None, ["ablate=verifier", setting])


@pytest.mark.parametrize(
    ("schema", "setting", "line"),
    [
        (RaftConfig, "training.early_stopping_patience=1", "nothing is watched; set training.held_back"),
        (SftConfig, "training.early_stopping_patience=1 data.validation_split=0", "set data.validation_split"),
        (SftConfig, "training.max_seq_length=256", "has no effect in SFT; set data.max_seq_length"),
        (SftConfig, "training.held_back=0.5", "has no effect in SFT; set data.validation_split"),
        (SftConfig, "training.lr_decay=0.5", "has no effect in SFT"),
    ],
)
def test_a_setting_that_would_do_nothing_is_refused(schema, setting, line):
    with pytest.raises(ConfigError, match=line):
        load(schema, None, setting.split())


def test_a_failed_answer_is_never_trained_on():
    both = ["sampling.repair=2", "selection.repaired_as=both"]
    with pytest.raises(ConfigError, match="would train on the failed answers that the dialogue shows"):
        load(RaftConfig, None, [*both, "training.train_on=all"])
    assert load(RaftConfig, None, both).training.train_on == "completion"
    assert load(RaftConfig, None, [both[0], "training.train_on=all"]).selection.repaired_as == "answer"


def test_replay_follows_where_training_starts_unless_it_is_said():
    def replays(*overrides):
        return load(RaftConfig, None, overrides).replays

    assert [replays(), replays("training.init_from=previous")] == [True, False]
    assert [replays("selection.replay=false"), replays("training.init_from=previous", "selection.replay=true")] == [
        False,
        True,
    ]


def test_guide_memory_snippet_loads(write):
    config = load_file(write(guide_yaml.MEMORY))
    assert config.training.per_device_train_batch_size == 2
    assert config.training.gradient_accumulation_steps == 16


def test_guide_defaults_are_ours():
    config = RaftConfig()
    assert config.sampling.samples_per_prompt == 8
    assert config.sampling.temperature == 0.7
    assert config.selection.reward_threshold == 0.5
    assert config.selection.keep_top_percent == 0.5
    assert config.training.learning_rate == 5e-5


def test_precedence_is_flag_then_override_then_yaml_then_default(write):
    path = write("temperature: 0.1\nsampling:\n  top_k: 1\n  min_p: 0.1\n")
    config = load(
        RaftConfig,
        path,
        ["sampling.temperature=0.2", "sampling.top_k=2"],
        {"sampling.temperature": ("--temperature", "0.3")},
    )
    assert (config.sampling.temperature, config.sampling.top_k, config.sampling.min_p) == (0.3, 2, 0.1)
    assert config.sampling.top_p == RaftConfig().sampling.top_p


def test_flat_and_nested_names_of_the_guide_are_the_same_setting(write):
    flat = load_file(write("keep_percent: 0.2\nverifier: mbpp\nmodel: org/name\n"))
    nested = load_file(
        write("selection:\n  keep_top_percent: 0.2\nverifier:\n  name: mbpp\nmodel:\n  name: org/name\n")
    )
    assert flat == nested


def test_resolved_yaml_loads_back_to_the_same_config(write):
    config = load_file(write(guide_yaml.CURRICULUM), ["sampling.stop=[a, b]"])
    assert load_file(write(to_yaml(config))) == config


@pytest.mark.parametrize("path", sorted((REPO / "configs").glob("*.yaml")), ids=lambda p: p.name)
def test_every_shipped_config_loads(path):
    assert load_file(path) is not None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("selection:\n  keep_top_percent: 1.5\n", "config.yaml:2: selection.keep_top_percent: must be at most 1"),
        (
            "training:\n  lerning_rate: 1\n",
            "config.yaml:2: unknown key training.lerning_rate; did you mean training.learning_rate?",
        ),
        ("\nselction:\n  x: 1\n", "config.yaml:2: unknown key selction; did you mean selection?"),
        ("training:\n  temperature: 1\n", "did you mean sampling.temperature?"),
        ("sampling.temperature: 1\n", "config.yaml:1: unknown key sampling.temperature"),
        ("cycles: -1\n", "config.yaml:1: cycles: must be at least 1 (got -1)"),
        ("cycles:\n  - verifer: gcc\n", "config.yaml:2: unknown key cycles.0.verifer; an entry may have: verifier"),
        ("training: 3\n", "config.yaml:1: training is a section"),
        ("seed:\n  x: 1\n", "config.yaml:2: seed is a value, it has no key 'x'"),
        ("- a\n", "config.yaml:1: the file must hold keys"),
        ("a: [\n", "config.yaml:2: not YAML"),
        ("training:\n\tseed: 1\n", "; indent with spaces"),
        ("model: a: b\n", "; quote a value that has a colon, and indent keys of a section alike"),
        ("training:\n    seed: 1\n  cycles: 2\n", "; indent keys of a section alike"),
        ("seed: !foo 1\n", "config.yaml:1: seed: not a value"),
        ("tracking:\n  run_name: 2020-13-45\n", "config.yaml:2: tracking.run_name: not a value"),
        ("heldout:\n  samples: 0\n  greedy: false\n", "config.yaml:2: heldout: nothing would be measured"),
        ("training:\n  bf16: maybe\n", "config.yaml:2: training.bf16: must be true or false"),
        (
            "sampling:\n  max_new_tokens: 4096\n",
            "yaml:2: sampling.max_new_tokens (4096) leaves no room for a prompt",
        ),
        ("training:\n  early_stopping_patience: 2\n", "config.yaml:2: training.early_stopping_patience: nothing is"),
        ("\ncurriculum:\n  strategy: hard\n", "config.yaml:3: curriculum.strategy: must be one of"),
        ("resources:\n  trainer:\n    strategy: one\n", "config.yaml:3: resources.trainer.strategy: must be one of"),
        ("cycles:\n  - verifier: gcc\n  - keep_top_percent: 7\n", "config.yaml:3: cycles.1.keep_top_percent: must be"),
        ("sampling:\n  stop: abc\n", "config.yaml:2: sampling.stop: must be a list"),
        ("seed: 1\nstop: {}\n[a]: 2\n", "config.yaml:3: a key must be a word"),
        ("cycles: &all\n  - *all\n", "config.yaml:1: cycles.0: holds itself"),
    ],
)
def test_a_mistake_in_yaml_is_one_line_with_its_place(write, text, expected):
    with pytest.raises(ConfigError) as caught:
        load_file(write(text))
    assert expected in str(caught.value)
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 3


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("training.learning_rate=abc", "must be a number"),
        ("nonsense", "write key=value"),
        ("temprature=1", "did you mean temperature?"),
        ("cycles=[", "quote it"),
    ],
)
def test_a_mistake_on_the_command_line_is_a_usage_error(override, expected):
    with pytest.raises(UsageError) as caught:
        load(RaftConfig, None, [override])
    assert expected in str(caught.value)
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("schema", "key", "meant"),
    [
        (RaftConfig, "lr", "training.learning_rate"),
        (SftConfig, "lr", "training.learning_rate"),
        (RaftConfig, "training.wd", "training.weight_decay"),
        (RaftConfig, "batch_size", "training.per_device_train_batch_size"),
        (SftConfig, "epochs", "training.num_train_epochs"),
        (RaftConfig, "max_tokens", "sampling.max_new_tokens"),
        (RaftConfig, "model_name", "model.name"),
        (RaftConfig, "temp", "sampling.temperature"),
    ],
)
def test_a_key_that_people_shorten_finds_the_one_that_is_meant(schema, key, meant):
    with pytest.raises(UsageError, match=rf"^{key}=1: unknown key {key}; did you mean {meant}\?$"):
        load(schema, None, [f"{key}=1"])


def test_a_file_of_another_pipeline_names_its_command(write):
    for text, schema, command in (
        (guide_yaml.SFT, RaftConfig, "sft train"),
        (guide_yaml.SFT, SweepConfig, "sft train"),
        ("sweep: {trials: 2}\n", RaftConfig, "sweep"),
        ("model: {name: x}\ncycles: 2\n", SftConfig, "raft train"),
    ):
        with pytest.raises(ConfigError, match=rf"config.yaml:\d: is a configuration of `halo-raft {command}`; give it"):
            load(schema, write(text))
    with pytest.raises(ConfigError, match=r"unknown key modle; did you mean model\?"):
        load(SftConfig, write("modle: {name: x}\n"))


@pytest.mark.parametrize(
    ("override", "key", "value"),
    [
        ("sampling={temperature: 0.1, top_k: 3}", "sampling", {"temperature": 0.1, "top_k": 3}),
        ("training={epochs: 7}", "training", {"num_train_epochs": 7}),
        ("resources={trainer: {num_workers: 2}, num_cpus: 4}", "resources", {"num_cpus": 4}),
        ("resources={trainer: {num_workers: 2}}", "resources.trainer", {"num_workers": 2}),
        ("verifier={name: gcc, flags: [-O2]}", "verifier", {"name": "gcc", "flags": ("-O2",)}),
    ],
)
def test_a_section_given_as_one_override_is_applied(write, override, key, value):
    for config in (load(RaftConfig, None, [override]), load_file(write("seed: 3\n"), [override])):
        section = config
        for name in key.split("."):
            section = getattr(section, name)
        assert {name: getattr(section, name) for name in value} == value


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("sampling={temprature: 0.1}", "unknown key sampling.temprature; did you mean sampling.temperature?"),
        ("resources={trainer: {workers: 2}}", "unknown key resources.trainer.workers; did you mean"),
        ("sampling.temperature={a: 1}", "sampling.temperature is a value, it has no key 'a'"),
        ("sampling.top_k={}", "sampling.top_k: must be a whole number"),
        ("curriculum={strategy: hard}", "curriculum.strategy: must be one of"),
        ("selection={keep_percent: 0.1, keep_top_percent: 0.2}", "selection.keep_top_percent is given twice"),
        ("sampling={top_k: 1, top_k: 2}", "sampling.top_k is given twice; remove one"),
    ],
)
def test_a_mistake_in_a_section_given_as_one_override_names_it_and_the_key(override, expected):
    with pytest.raises(UsageError) as caught:
        load(RaftConfig, None, [override])
    assert str(caught.value).startswith(f"{override}: {expected}")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("seed: 1\ncycles: 2\nseed: 2\n", "3: seed is given twice, first in line 1"),
        ("sampling:\n  top_k: 1\n\nsampling:\n  top_p: 0.5\n", "4: sampling is given twice, first in line 1"),
        ("sampling:\n  top_k: 1\n  top_k: 1\n", "3: sampling.top_k is given twice, first in line 2"),
        ("cycles:\n  - verifier: a\n    verifier: b\n", "3: cycles.0.verifier is given twice, first in line 2"),
        ("temperature: 1\nsampling: {temperature: 0.5}\n", "2: sampling.temperature is given twice, as temperature ("),
        (
            "training:\n  epochs: 1\n  num_train_epochs: 2\n",
            "3: training.num_train_epochs is given twice, as",
        ),
        ("sweep:\n  space:\n    seed: [1]\n    seed: [2]\n", "4: sweep.space.seed is given twice, first in line 3"),
    ],
)
def test_a_setting_given_twice_in_a_file_is_refused(write, text, expected):
    path = write(text)
    with pytest.raises(ConfigError) as caught:
        load_file(path)
    assert str(caught.value).startswith(f"{path}:{expected}")


def test_what_is_merged_into_a_mapping_may_be_replaced_there(write):
    text = "cycles:\n  - &first {verifier: gcc, temperature: 0.2}\n  - {<<: *first, verifier: rust}\n  - *first\n"
    cycles = load_file(write(text)).cycles
    assert [(c.verifier, c.temperature) for c in cycles] == [("gcc", 0.2), ("rust", 0.2), ("gcc", 0.2)]


def test_a_bad_flag_is_named_as_it_was_typed():
    with pytest.raises(UsageError, match=r"--keep-percent: selection.keep_top_percent: must be at most 1"):
        load(RaftConfig, None, [], {"selection.keep_top_percent": ("--keep-percent", "1.5")})
    with pytest.raises(UsageError, match=r"--curriculum: curriculum.strategy: must be one of"):
        load(RaftConfig, None, [], {"curriculum.strategy": ("--curriculum", "hard")})


def test_a_missing_file_is_a_config_error(tmp_path):
    with pytest.raises(ConfigError, match=r"none\.yaml: cannot be read"):
        load_file(tmp_path / "none.yaml")


def test_configs_are_frozen():
    with pytest.raises(Exception, match="frozen"):
        RaftConfig().seed = 1  # type: ignore[misc]


def test_a_mapping_of_the_users_own_keys_is_one_value(tmp_path):
    path = tmp_path / "sweep.yaml"
    path.write_text("cycles: 2\nsweep:\n  space:\n    temperature: [0.1, 0.2]\n    lora.r: {low: 8, high: 16}\n")
    config = load(SweepConfig, path, ["sweep.trials=3"])
    assert set(config.sweep.space) == {"temperature", "lora.r"}
    assert config.sweep.space["temperature"].choices == (0.1, 0.2)
    assert (config.sweep.trials, config.cycles) == (3, 2)
    assert load_file(path) == load(SweepConfig, path)


def test_a_mapping_of_the_users_own_keys_names_its_line_when_it_is_wrong(tmp_path):
    path = tmp_path / "sweep.yaml"
    path.write_text("sweep:\n  space:\n    temperature: {lo: 1}\n")
    with pytest.raises(ConfigError, match=rf"{path}:3: unknown key sweep\.space\.temperature\.lo"):
        load(SweepConfig, path)


def test_with_values_is_checked_like_a_file():
    config = with_values(RaftConfig(), {"temperature": "0.5", "verifier": "mbpp"}, "here")
    assert (config.sampling.temperature, config.verifier.name) == (0.5, "mbpp")
    for values, message in [
        ({"temprature": 1}, "here: unknown key"),
        ({"lora.r": 0}, "here: lora.r: must be at least 1"),
        ({"lora": {"rank": 1}}, "here: unknown key lora.rank"),
    ]:
        with pytest.raises(ConfigError, match=message):
            with_values(RaftConfig(), values, "here")


def test_full_key_is_the_settings_path_in_any_spelling():
    assert full_key(RaftConfig, "keep_percent", "x") == "selection.keep_top_percent"
    assert full_key(RaftConfig, "training.epochs", "x") == "training.num_train_epochs"
    assert full_key(RaftConfig, "verifier", "x") == "verifier.name"
