"""Training knows Keras alone: with JAX behind it, the same runs come to like results.

Five runs from end to end, of which JAX compiles two anew: a matter of minutes, and so of `make soak`.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from core.data.importing import import_data
from core.store import runs

pytestmark = [pytest.mark.training, pytest.mark.soak]
ROOT = Path(__file__).parents[3]
SPEC = {"image_size": 64}
TUNING = {"fine_tune_epochs": 1, "unfreeze": 1, "batch_size": 32, "dropout": 0.0}


@pytest.fixture(scope="module")
def drawings(lab: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """32 drawings of each class: JAX compiles anew for every number of images, and so many fill whole batches."""
    folder = tmp_path_factory.mktemp("drawings")
    for source in sorted((ROOT / "samples" / "clipart").iterdir()):
        if source.is_dir():
            (folder / source.name).mkdir()
            for image in sorted(source.iterdir())[:32]:
                shutil.copy(image, folder / source.name)
    return import_data(folder).dataset.id


def train(
    dataset: str, strategy: str, backend: str, folder: Path, seed: int = 0
) -> tuple[pd.DataFrame, dict[str, object]]:
    """Predictions of a run, trained in a process of its own, and what its command said."""
    pytest.importorskip(backend)
    spec = folder / "spec.json"
    used = SPEC | TUNING if strategy == "two_stage" else SPEC
    spec.write_text(json.dumps(used | {"seed": seed}))
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


def apart(one: pd.DataFrame, other: pd.DataFrame) -> float:
    """How far the probabilities of two runs lie apart on average."""
    assert one["id"].tolist() == other["id"].tolist()
    probabilities = [c for c in one if c.startswith("p:")]
    return float(np.abs(one[probabilities].to_numpy() - other[probabilities].to_numpy()).mean())


def test_jax_comes_to_what_tensorflow_comes_to(drawings: str, tmp_path: Path) -> None:
    """The backends draw other numbers from one seed: they may differ as two seeds do, and hardly more."""
    theirs, said = train(drawings, "linear_probe", "jax", tmp_path)  # first, so that it makes the embeddings
    ours, _ = train(drawings, "linear_probe", "tensorflow", tmp_path)
    again, _ = train(drawings, "linear_probe", "tensorflow", tmp_path, seed=1)
    assert "Keras with jax" in str(said["notes"])
    assert apart(ours, theirs) < 1.5 * apart(ours, again) + 0.01

    tuned, said = train(drawings, "two_stage", "jax", tmp_path)
    assert said["metrics"]["stage_one_validation_accuracy"] > 0.5  # type: ignore[index]
    assert right(tuned) > right(theirs) - 0.1
