"""A table's learner with its preparation, in a ZIP with the script that uses them."""

import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

from core.evaluation.scores import classes_of
from core.store import runs
from core.store.runs import run_folder

if TYPE_CHECKING:
    from core.export.exporting import Job

_SCRIPT = '''"""Predict the rows of a CSV with a model that Graft trained.

    python predict.py ROWS.csv > predictions.csv

The columns are those that the model was trained on. The preparation of columns is Graft's own: have Graft's folder on
PYTHONPATH and its requirements installed. Files that end in .joblib can run code; use only those you trust.
"""

import sys
from pathlib import Path

import joblib
import numpy as np
import pandas as pd

HERE = Path(__file__).parent
CLASSES = {classes}
preparation = joblib.load(HERE / "preparation.joblib")
{load}


def probabilities(rows: pd.DataFrame) -> np.ndarray:
    """Of every class, in the order of CLASSES, `(n, classes)`."""
    x = preparation.transform(rows)
{predict}


if __name__ == "__main__":
    rows = pd.read_csv(sys.argv[1])
    found = pd.DataFrame(probabilities(rows), columns=CLASSES)
    found.insert(0, "predicted", found.idxmax(axis=1))
    found.to_csv(sys.stdout, index=False)
'''
_NETWORK = (
    'import keras\n\nmodel = keras.saving.load_model(HERE / "model.keras", compile=False)',
    '    return np.asarray(model.predict(x, verbose=0), dtype="float64")',
)
_LEARNER = (
    'model = joblib.load(HERE / "model.joblib")',
    "    found = np.zeros((len(x), len(CLASSES)))\n"
    "    found[:, model.classes_] = model.predict_proba(x)\n"
    "    return found",
)


def write_bundle(job: "Job") -> Path:
    folder = run_folder(job.run.id)
    learnt = folder / ("model.keras" if (folder / "model.keras").exists() else "model.joblib")
    load, predict = _NETWORK if learnt.suffix == ".keras" else _LEARNER
    classes = classes_of(runs.read_predictions(job.run.id))
    path = job.file(".zip")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(learnt, learnt.name)
        archive.write(folder / "preparation.joblib", "preparation.joblib")
        archive.writestr("predict.py", _SCRIPT.format(classes=classes, load=load, predict=predict))
    return path
