"""A run as a user finds it in MLflow: one database for the whole file, one experiment a test."""

import inspect
import json
import logging
import sqlite3
import time
import urllib.request
from pathlib import Path

import pytest
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

from halo_raft.config import RaftConfig, TrackingConfig, load
from halo_raft.errors import ConfigError
from halo_raft.pipelines.raft.plan import prepare
from halo_raft.pipelines.raft.tracked import RunTracker
from halo_raft.report.figures import FIGURES
from halo_raft.tracking import Candidate, create, model_folder, registered_name

from ..made_run import write_run
from ..mlflow_ui import mlflow_ui, stop

pytestmark = pytest.mark.usefixtures("_quiet")


class Collector(logging.Handler):
    def __init__(self):
        super().__init__(logging.WARNING)
        self.lines = []

    def emit(self, record):
        self.lines.append(record.getMessage())


@pytest.fixture
def _quiet(monkeypatch, request):
    """A test that does not look at warnings must not cause any: they would hide what was not logged."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.setenv("MLFLOW_ENABLE_SYSTEM_METRICS_LOGGING", "false")
    collector = Collector()
    logging.getLogger("halo_raft").addHandler(collector)
    yield
    logging.getLogger("halo_raft").removeHandler(collector)
    if "caplog" not in inspect.signature(request.function).parameters:
        assert collector.lines == []


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("ml runs 100%")


@pytest.fixture
def config(folder, request):
    return TrackingConfig(dir=folder, experiment=request.node.name)


@pytest.fixture
def client(config):
    from halo_raft.tracking.location import resolve

    return MlflowClient(resolve(config).uri)


@pytest.fixture
def adapter(tmp_path):
    path = tmp_path / "cycle_1_final"
    path.mkdir()
    (path / "adapter_config.json").write_text("{}")
    return path


def measured(mean, tasks="abc"):
    """Return an adapter that had this rate on the held-out tasks."""
    return Candidate(base_model="org/tiny", kept=40, heldout_tasks=tasks, mean=mean, low=mean, high=mean, base_mean=0.1)


def champion_of(client, name):
    return str(client.get_model_version_by_alias(name, "champion").version)


def runs(client, config):
    experiment = client.get_experiment_by_name(config.experiment)
    return client.search_runs([experiment.experiment_id])


def history_of(client, run_id, name):
    return [(point.step, point.value) for point in client.get_metric_history(run_id, name)]


def log_cycle(tracker, cycle):
    tracker.log_metrics({"pass_at_1": cycle / 10}, step=cycle)
    with tracker.cycle(cycle) as child:
        child.log_metrics({"loss": 1 / cycle}, step=0)
        child.log_metrics({"loss": 0.5 / cycle}, step=1)


def test_two_cycles_then_resume(config, client, tmp_path):
    params = {"sampling": {"temperature": 0.7}, "cycles": 2, "model": {"name": "tiny"}}
    first = create(config, tmp_path)
    run_id = first.start("demo", params, {"tier": "bwrap"})
    log_cycle(first, 1)
    log_cycle(first, 2)
    children = {run.info.run_id for run in runs(client, config)} - {run_id}

    again = create(config, tmp_path)
    assert again.start("demo", params | {"cycles": 3}, {}, run_id=run_id) == run_id
    assert client.get_run(run_id).info.status == "RUNNING"
    log_cycle(again, 2)
    log_cycle(again, 3)
    again.finish()

    run = client.get_run(run_id)
    assert run.info.status == "FINISHED" and run.info.run_name == "demo"
    assert run.data.params == {"sampling.temperature": "0.7", "cycles": "2", "model.name": "tiny"}
    assert run.data.tags["resumed.cycles"] == "3" and run.data.tags["tier"] == "bwrap"
    assert "- **Model**: tiny" in run.data.tags["mlflow.note.content"]
    assert history_of(client, run_id, "pass_at_1") == [(1, 0.1), (2, 0.2), (3, 0.3)]

    found = {r.data.tags["cycle"]: r for r in runs(client, config) if r.info.run_id != run_id}
    assert sorted(found) == ["1", "2", "3"] and len(runs(client, config)) == 4
    assert children < {r.info.run_id for r in found.values()}
    assert {r.data.tags["mlflow.parentRunId"] for r in found.values()} == {run_id}
    assert {r.info.status for r in found.values()} == {"FINISHED"}
    assert history_of(client, found["2"].info.run_id, "loss") == [(0, 0.5), (1, 0.25)]


def test_what_a_server_that_was_away_missed_is_brought_later(config, client, tmp_path, monkeypatch, caplog):
    tracker = create(config, tmp_path)
    run_id = tracker.start("demo", {"seed": 1}, {})
    log_cycle(tracker, 1)
    (tmp_path / "figures").mkdir()
    (tmp_path / "figures" / "a.txt").write_text("a")

    def away(*_, **__):
        raise ConnectionRefusedError("nobody listens")

    with monkeypatch.context() as patch:
        for name in ("log_batch", "search_runs", "create_run", "log_artifacts", "log_text", "set_terminated"):
            patch.setattr(MlflowClient, name, away)
        log_cycle(tracker, 2)
        tracker.log_artifacts(tmp_path / "figures", "kept")
        tracker.log_text("text", "note.txt")
        tracker.finish()
    assert client.get_run(run_id).info.status == "RUNNING"

    assert create(config, tmp_path).sync(run_id)[1] == 0
    assert history_of(client, run_id, "pass_at_1") == [(1, 0.1), (2, 0.2)]
    assert client.get_run(run_id).info.status == "FINISHED"
    assert {"kept", "note.txt"} <= {entry.path for entry in client.list_artifacts(run_id)}
    (second,) = [r for r in runs(client, config) if r.data.tags.get("cycle") == "2"]
    assert history_of(client, second.info.run_id, "loss") == [(0, 0.5), (1, 0.25)]
    assert second.info.status == "FINISHED"
    assert create(config, tmp_path).sync(run_id) == (0, 0), "once"
    assert not (tmp_path / "tracking" / "unsent.jsonl").exists()


def test_a_changed_value_is_kept_beside_the_old_one(config, client, tmp_path):
    run_id = create(config, tmp_path).start("demo", {}, {})
    first = create(config, tmp_path)
    first.start("demo", {}, {}, run_id=run_id)
    first.log_metrics({"m": 1.0}, step=1)
    second = create(config, tmp_path)
    second.start("demo", {}, {}, run_id=run_id)
    second.log_metrics({"m": 2.0}, step=1)
    assert sorted(history_of(client, run_id, "m")) == [(1, 1.0), (1, 2.0)]


def test_artifacts_and_champion(config, client, folder, adapter, tmp_path):
    tracker = create(config, tmp_path)
    run_id = tracker.start("demo", {}, {})
    with tracker.cycle(1) as child:
        child.log_artifacts(adapter, "adapter")
    tracker.log_artifacts(adapter, "adapters/cycle_1")
    tracker.log_text("model: tiny\n", "config.yaml")
    tracker.log_table([{"prompt": "p", "reward": 1.0}, {"prompt": "q"}], "tables/cycle_1.json")
    tracker.log_table([{"prompt": "p", "reward": 1.0}], "tables/cycle_1.json")
    version = tracker.register_model("org/tiny", "adapters/cycle_1", measured(0.25), tags={"cycle": 1})
    assert tracker.register_model("org/tiny", "adapters/cycle_1", measured(0.25)) == version == "1"

    artifacts = folder / "mlartifacts" / run_id / "artifacts"
    assert (artifacts / "adapters/cycle_1/adapter_config.json").read_text() == "{}"
    assert (artifacts / "config.yaml").read_text() == "model: tiny\n"
    table = json.loads((artifacts / "tables/cycle_1.json").read_text())
    assert table == {"columns": ["prompt", "reward"], "data": [["p", 1.0], ["q", None]]}
    model = client.get_model_version_by_alias("org-tiny", "champion")
    assert (str(model.version), model.run_id, model.tags["cycle"]) == ("1", run_id, "1")
    assert Candidate.from_tags(model.tags) == measured(0.25)

    tracker.log_artifacts(adapter, "adapters/cycle_2")
    assert tracker.register_model("org/tiny", "adapters/cycle_2", measured(0.3)) == "2"
    assert champion_of(client, "org-tiny") == "2"


def test_only_what_is_no_worse_takes_the_champions_place(config, client, adapter, tmp_path, caplog):
    def register(cycle, *candidate):
        tracker.log_artifacts(adapter, f"cycle_{cycle}")
        return tracker.register_model("contest", f"cycle_{cycle}", *candidate)

    tracker = create(config, tmp_path)
    tracker.start("demo", {}, {})
    assert register(1) == "1"
    with pytest.raises(MlflowException, match="champion"):
        champion_of(client, "contest")
    with caplog.at_level(logging.INFO, "halo_raft"):
        for cycle, candidate in enumerate((measured(0.5), measured(0.4), measured(0.9, "others"), Candidate()), 2):
            register(cycle, candidate)
            assert champion_of(client, "contest") == "2"
    assert "version 3 of contest is registered, but not as champion: it is worse than the champion" in caplog.text
    assert "not measured on the same" in client.get_model_version("contest", "4").tags["not_champion"]
    client.delete_registered_model_alias("contest", "champion")
    assert register(3, measured(0.4)) == "3" and champion_of(client, "contest") == "3"
    assert "not_champion" not in client.get_model_version("contest", "3").tags


def test_figures_are_images(config, folder, tmp_path):
    from matplotlib.figure import Figure

    figure = Figure()
    figure.subplots().plot([1, 2])
    tracker = create(config, tmp_path)
    run_id = tracker.start("demo", {}, {})
    tracker.log_figure(figure, "plots/pass_rate.png")
    image = folder / "mlartifacts" / run_id / "artifacts/plots/pass_rate.png"
    assert image.read_bytes().startswith(b"\x89PNG")


def test_data_sets_are_inputs_that_mlflow_can_open(config, client, tmp_path):
    import mlflow.data

    data = tmp_path / "train.jsonl"
    data.write_text("{}\n")
    tracker = create(config, tmp_path)
    run_id = tracker.start("demo", {}, {})
    tracker.log_dataset("train", str(data), "0123456789abcdef" * 4, "training")
    tracker.log_dataset("train", str(data), "0123456789abcdef" * 4, "training")
    (entry,) = client.get_run(run_id).inputs.dataset_inputs
    assert (entry.dataset.name, entry.dataset.digest) == ("train", "0123456789abcdef")
    assert {tag.key: tag.value for tag in entry.tags} == {
        "mlflow.data.context": "training",
        "sha256": "0123456789abcdef" * 4,
    }
    assert mlflow.data.get_source(entry.dataset).uri == str(data)


def test_many_and_long_and_odd_values(config, client, tmp_path):
    tracker = create(config, tmp_path)
    run_id = tracker.start("demo", {"p": {str(i): i for i in range(250)}, "long": "x" * 9000}, {"long": "y" * 9000})
    tracker.log_metrics({f"m{i}": i for i in range(1100)} | {"nan": float("nan"), "inf": float("inf")}, step=1)
    run = client.get_run(run_id)
    assert len(run.data.params) == 251 and len(run.data.params["long"]) == 6000
    assert len(run.data.metrics) == 1100 and len(run.data.tags["long"]) == 8000


def test_how_a_cycle_ends_is_its_status(config, client, tmp_path):
    tracker = create(config, tmp_path)
    tracker.start("demo", {}, {})
    for cycle, error in ((1, ValueError), (2, KeyboardInterrupt)):
        with pytest.raises(error), tracker.cycle(cycle):
            raise error
    statuses = {run.data.tags.get("cycle"): run.info.status for run in runs(client, config)}
    assert statuses == {None: "RUNNING", "1": "FAILED", "2": "KILLED"}


def test_a_failure_in_the_middle_only_warns(config, client, folder, tmp_path, caplog, monkeypatch):
    monkeypatch.setattr("halo_raft.tracking.unsent.AWAY_S", 0)
    tracker = create(config, tmp_path)
    run_id = tracker.start("demo", {}, {})
    with sqlite3.connect(folder / "mlflow.db") as database:
        database.execute("ALTER TABLE metrics RENAME TO away")
    try:
        with caplog.at_level(logging.WARNING, "halo_raft"):
            tracker.log_metrics({"m": 1}, step=1)
            tracker.log_metrics({"m": 1}, step=2)
            tracker.log_artifacts(tmp_path / "missing", "adapters")
    finally:
        with sqlite3.connect(folder / "mlflow.db") as database:
            database.execute("ALTER TABLE away RENAME TO metrics")
    warnings = [record.getMessage() for record in caplog.records if record.name.startswith("halo_raft")]
    suffix = "; the run goes on, repeats are silent"
    assert warnings == [
        f"tracking: could not log metrics: OperationalError: no such table: metrics{suffix}",
        f"tracking: could not log artifacts: FileNotFoundError: {tmp_path}/missing is no folder{suffix}",
    ]
    assert not [record for record in caplog.records if not record.name.startswith("halo_raft")]
    tracker.log_metrics({"m": 1}, step=3)
    assert history_of(client, run_id, "m") == [(3, 1.0)]


def test_a_cycle_without_its_run_goes_on(config, tmp_path, monkeypatch, caplog):
    tracker = create(config, tmp_path)
    tracker.start("demo", {}, {})
    monkeypatch.setattr(tracker, "_child", lambda cycle: 1 / 0)
    with tracker.cycle(1) as child:
        child.log_metrics({"loss": 1}, step=1)
        child.log_artifacts(tmp_path, "x")
    assert "could not open a cycle's run" in caplog.text


def test_a_run_that_is_gone_gets_a_new_one(config, client, tmp_path, caplog):
    first = create(config, tmp_path).start("demo", {}, {})
    client.delete_run(first)
    for gone in (first, "0" * 32):
        run_id = create(config, tmp_path).start("demo", {"a": 1}, {}, run_id=gone)
        assert run_id != gone and client.get_run(run_id).data.params == {"a": "1"}
        assert gone in caplog.text


def test_a_deleted_experiment_is_one_line(config, client, tmp_path):
    create(config, tmp_path).start("demo", {}, {})
    experiment = client.get_experiment_by_name(config.experiment).experiment_id
    client.delete_experiment(experiment)
    with pytest.raises(ConfigError, match=f"restore -x {experiment}"):
        create(config, tmp_path).start("demo", {}, {})


def test_system_metrics_belong_to_the_run(config, client, tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_ENABLE_SYSTEM_METRICS_LOGGING", "true")
    monkeypatch.setenv("MLFLOW_SYSTEM_METRICS_SAMPLING_INTERVAL", "0.1")
    tracker = create(config, tmp_path)
    run_id = tracker.start("demo", {}, {})
    deadline = time.monotonic() + 60
    while not client.get_run(run_id).data.metrics and time.monotonic() < deadline:
        time.sleep(0.1)
    tracker.finish()
    assert "system/cpu_utilization_percentage" in client.get_run(run_id).data.metrics


@pytest.fixture
def server(config, tmp_path):
    """The server that `ui_command` tells a user to start."""
    with mlflow_ui(config, tmp_path) as process_and_address:
        yield process_and_address


@pytest.mark.slow
def test_through_a_server_that_then_dies(config, client, server, adapter, tmp_path, monkeypatch, caplog):
    process, address = server
    local = create(config, tmp_path)
    local_id = local.start("local", {}, {})
    local.log_text("hello", "notes/hello.txt")
    page = f"{address}/get-artifact?run_uuid={local_id}&path=notes/hello.txt"
    with urllib.request.urlopen(page, timeout=30) as answer:
        assert answer.read() == b"hello"

    remote = TrackingConfig(uri=address, experiment="remote")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    monkeypatch.setattr("halo_raft.tracking.unsent.AWAY_S", 0)  # else what fails after the first is not tried
    tracker = create(remote, tmp_path)
    run_id = tracker.start("demo", {"a": {"b": 1}}, {})
    log_cycle(tracker, 1)
    tracker.log_artifacts(adapter, "adapters/cycle_1")
    assert tracker.register_model("remote", "adapters/cycle_1", measured(0.1)) == "1"
    assert history_of(client, run_id, "pass_at_1") == [(1, 0.1)]
    assert client.get_model_version_by_alias("remote", "champion").run_id == run_id
    stop(process)
    with caplog.at_level(logging.WARNING, "halo_raft"), tracker.cycle(2) as child:
        tracker.log_metrics({"pass_at_1": 0.2}, step=2)
        child.log_metrics({"loss": 1.0}, step=0)
    tracker.finish()
    assert "could not log metrics" in caplog.text and "could not close the run" in caplog.text


@pytest.mark.slow
def test_a_whole_run_on_a_server_and_its_champion_from_there(server, tmp_path, monkeypatch):
    _, address = server
    client = MlflowClient(address)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
    monkeypatch.setenv("HALO_RAFT_CACHE", str(tmp_path / "cache"))
    folder = write_run(tmp_path / "demo")
    for cycle in (1, 2):
        (folder.adapter_path(cycle) / "adapter_config.json").write_text(f'{{"cycle": {cycle}}}')
    settings = [f"tasks.train={tmp_path / 'tasks.jsonl'}", f"output_dir={folder.path}", "tracking.experiment=whole"]
    settings += ["tasks.heldout=starter:heldout"]
    plan = prepare(load(RaftConfig, None, settings))
    history = [folder.stats(cycle) for cycle in range(3)]
    with RunTracker(plan, folder, folder.known()) as tracker:
        for stats in history:
            tracker.cycle_done(stats)
        tracker.done(history, 2)
        run_id = tracker.tracker.run_id

    run = client.get_run(run_id)
    data = next(d for d in run.inputs.dataset_inputs if d.dataset.name == "tasks.jsonl")
    assert data.dataset.name == "tasks.jsonl" and json.loads(data.dataset.profile) == {"num_rows": 12}
    assert run.data.tags["halo_raft.data.training"] == plan.training.tasks.sha256
    assert {"halo_raft.device", "halo_raft.sandbox_tier", "mlflow.source.git.commit"} <= set(run.data.tags)
    assert history_of(client, run_id, "heldout/pass_at_1_best") == [
        (cycle, pytest.approx(solved / 12)) for cycle, solved in enumerate((3, 5, 8))
    ]
    assert run.data.tags["pass_at_1"].startswith("66.7% [") and run.data.tags["pass_at_1_base"].startswith("25.0% [")
    assert (
        run.data.tags["pass_at_1_gain"].startswith("+41.7 points [") and " chance: " in run.data.tags["pass_at_1_gain"]
    )
    assert not [name for name in run.data.metrics if name.endswith(("_low", "_high")) or name.startswith("best/")]
    assert history_of(client, run_id, "heldout/pass_at_2") == [
        (cycle, pytest.approx(solved / 12)) for cycle, solved in enumerate((3, 5, 8))
    ]
    figures = {Path(entry.path).stem for entry in client.list_artifacts(run_id, "figures")}
    assert figures == set(FIGURES)
    table = json.loads(Path(client.download_artifacts(run_id, "samples/cycle_2.json", str(tmp_path))).read_text())
    assert table["columns"][:3] == ["task_id", "verdict", "completion"] and len(table["data"]) == 6
    assert [entry.path for entry in client.list_artifacts(run_id, "report")] == ["report/report.html"], (
        "no second copies"
    )
    name = registered_name("builtin:smollm2-135m")
    version = client.get_model_version_by_alias(name, "champion")
    assert version.run_id == run_id and "cycle 2" in version.description and version.tags["cycle"] == "2"

    for _ in range(2):  # the second time it is there already
        champion = model_folder(f"models:/{name}@champion", TrackingConfig())
        assert json.loads((champion / "adapter_config.json").read_text()) == {"cycle": 2}
        assert (champion.parent / "config.yaml").is_file()
    assert model_folder(f"models:/{name}/{version.version}", TrackingConfig()) == champion
    with pytest.raises(ConfigError, match="does not have it"):
        model_folder("models:/nothing@champion", TrackingConfig())


def test_the_champion_of_a_local_database_is_its_folder_there(config, adapter, tmp_path):
    tracker = create(config, tmp_path)
    tracker.start("demo", {}, {})
    tracker.log_text("seed: 1\n", "config.yaml")
    tracker.log_artifacts(adapter, "cycle_1_final")
    tracker.register_model("local", "cycle_1_final", measured(0.1), description="mine")
    champion = model_folder("models:/local@champion", config)
    assert (champion / "adapter_config.json").is_file() and (champion.parent / "config.yaml").is_file()
