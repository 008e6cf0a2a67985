"""Which runs have a model that can predict."""

from core.errors import InputError
from core.schemas import RunRecord
from core.store import runs

MODELS = ("model.keras", "model.joblib")


def check_model(run: RunRecord) -> None:
    """`InputError` if the run has no model that can predict."""
    if run.state != "succeeded":
        raise InputError(f"Run “{run.name}” is {run.state}.", "Only a run that succeeded can predict.")
    if run.spec.folds:
        raise InputError(
            f"Run “{run.name}” was cross-validated: each of its {run.spec.folds} models was trained on part of"
            " the data, and none was kept.",
            "Train it again without folds to predict.",
        )
    if not has_model(run):
        raise InputError(f"Run “{run.name}” has kept no model.", "Train it again to predict.")


def has_model(run: RunRecord) -> bool:
    return any((runs.run_folder(run.id) / name).exists() for name in MODELS)


def predicting_runs() -> list[RunRecord]:
    """Runs that can predict, newest first."""
    return [run for run in runs.list_runs(states=["succeeded"]) if not run.spec.folds and has_model(run)]
