"""Where results are logged: MLflow, or plain files where it is switched off.

Setting up ends with one line that says what to mend; from then on a logging error is a warning and
never ends a run: everything that matters is in the run folder already.
"""

from pathlib import Path

from halo_raft.config.schema import TrackingConfig
from halo_raft.tracking.base import RunLog, Tracker, status_after
from halo_raft.tracking.candidate import Candidate, registered_name
from halo_raft.tracking.location import resolve, ui_command

__all__ = ["Candidate", "RunLog", "Tracker", "create", "model_folder", "registered_name", "status_after", "ui_command"]


def model_folder(uri: str, config: TrackingConfig) -> Path:
    """Return the folder of a model version that MLflow has registered; see `champion.model_folder`."""
    from halo_raft.tracking.champion import model_folder as find

    return find(uri, config)


def create(config: TrackingConfig, run_folder: Path) -> Tracker:
    """Return the tracker that `config` asks for; nothing is opened before its `start`.

    Args:
        config: The `tracking:` section.
        run_folder: The run's output folder; plain files go to `tracking/` in it.

    Raises:
        ConfigError: The tracking address is of a kind that MLflow no longer takes.
    """
    if not config.mlflow:
        from halo_raft.tracking.files import FileTracker

        return FileTracker(run_folder / "tracking")
    from halo_raft.tracking.mlflow_tracker import MlflowTracker
    from halo_raft.tracking.unsent import Unsent

    unsent = Unsent(run_folder / "tracking" / "unsent.jsonl")
    return MlflowTracker(resolve(config), config.experiment, config.parent_run, unsent)
