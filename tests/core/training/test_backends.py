"""Training knows Keras alone: with JAX behind it, the same runs come to like results."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from core.data.importing import import_data
from core.store import runs

pytestmark = pytest.mark.training
ROOT = Path(__file__).parents[3]
SPEC = {"image_size": 64, "epochs": 60, "batch_size": 32, "dropout": 0.0}
TUNING = {"fine_tune_epochs": 1, "unfreeze": 1, "epochs": 15}


@pytest.fixture(scope="module")
def clipart(lab: Path) -> str:
    return import_data("sample:clipart").dataset.id


def train(dataset: str, strategy: str, backend: str, folder: Path) -> tuple[pd.DataFrame, dict[str, object]]:
    """Predictions of a run, trained in a process of its own, and what its command said."""
    pytest.importorskip(backend)
    spec = folder / "spec.json"
    used = SPEC | TUNING if strategy == "two_stage" else SPEC
    spec.write_text(json.dumps(used))
    done = subprocess.run(
        [sys.executable, "-m", "core", "train", dataset, "--strategy", strategy, "--spec", spec, "--wait", "--json"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=os.environ | {"KERAS_BACKEND": backend},
    )
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said["state"] == "succeeded", runs.read_log(said["run"])
    return pd.read_parquet(runs.run_folder(said["run"]) / "predictions.parquet"), said


def right(table: pd.DataFrame) -> float:
    return float((table["predicted"] == table["label"]).mean())


def test_jax_comes_to_what_tensorflow_comes_to(clipart: str, tmp_path: Path) -> None:
    """The head alone is a convex problem: trained long, both end near its one minimum, whatever they start from."""
    theirs, said = train(clipart, "linear_probe", "jax", tmp_path)  # first, so that it makes the embeddings
    ours, _ = train(clipart, "linear_probe", "tensorflow", tmp_path)
    assert "Keras with jax" in str(said["notes"])
    assert ours["id"].tolist() == theirs["id"].tolist()
    assert (ours["predicted"] == theirs["predicted"]).mean() > 0.9
    probabilities = [c for c in ours if c.startswith("p:")]
    assert np.abs(ours[probabilities].to_numpy() - theirs[probabilities].to_numpy()).mean() < 0.05

    tuned, said = train(clipart, "two_stage", "jax", tmp_path)
    assert said["metrics"]["stage_one_validation_accuracy"] > 0.5  # type: ignore[index]
    assert right(tuned) > right(theirs) - 0.1
