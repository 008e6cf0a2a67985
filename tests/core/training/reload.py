"""Load every saved model as somebody would who has only the folders, and say how far it is from what was stored.

Called as `python reload.py RUN_ID…`; prints a JSON object by run.
"""

import json
import sys
from pathlib import Path

import joblib
import keras
import numpy as np

sys.path.insert(0, str(Path(__file__).parents[3]))

from core.data.images.store import ImageStore
from core.data.versions import load_samples, load_table
from core.methods.backbones import get_backbone
from core.models.networks import build_backbone
from core.schemas import DataRef, RunRecord
from core.store import runs
from core.store.datasets import import_folder


def image_probabilities(run: RunRecord, model: keras.Model, ids: list[str]) -> np.ndarray:
    samples = load_samples(DataRef.parse(run.spec.data)).set_index("id").loc[ids]
    store = ImageStore(import_folder(run.dataset, 1))
    return model.predict(store.batch(samples["row"].tolist(), run.spec.image_size), verbose=0)


def moved_and_tuned(run: RunRecord, model: keras.Model) -> dict[str, object]:
    """Batch-norm layers whose statistics, and convolutions whose kernels, are no longer the pretrained ones."""
    pretrained = build_backbone(get_backbone(run.spec.backbone), run.spec.image_size)
    found: dict[str, list[str]] = {"norms": [], "moved": [], "kernels": [], "tuned": []}
    for layer in model._flatten_layers():
        if isinstance(layer, keras.layers.BatchNormalization):
            twin = pretrained.get_layer(layer.name)
            found["norms"].append(layer.name)
            pairs = ((layer.moving_mean, twin.moving_mean), (layer.moving_variance, twin.moving_variance))
            if not all(np.array_equal(a.numpy(), b.numpy()) for a, b in pairs):
                found["moved"].append(layer.name)
        if isinstance(layer, keras.layers.Conv2D | keras.layers.DepthwiseConv2D):
            found["kernels"].append(layer.name)
            if not np.array_equal(layer.kernel.numpy(), pretrained.get_layer(layer.name).kernel.numpy()):
                found["tuned"].append(layer.name)
    return found


def table_probabilities(run: RunRecord, folder: Path, ids: list[str]) -> np.ndarray:
    features, _ = load_table(DataRef.parse(run.spec.data))
    x = np.asarray(joblib.load(folder / "preparation.joblib").transform(features.loc[ids]), "float32")
    if run.spec.learner == "network":
        return keras.models.load_model(folder / "model.keras").predict(x, verbose=0)
    return joblib.load(folder / "model.joblib").predict_proba(x)


def look(run_id: str) -> dict[str, object]:
    run, folder = runs.get_run(run_id), runs.run_folder(run_id)
    stored = runs.read_predictions(run_id)
    stored = stored[stored["part"] == "test"]  # validation samples may have been predicted out of fold
    found: dict[str, object] = {}
    if run.spec.backbone:
        model = keras.models.load_model(folder / "model.keras")
        found |= moved_and_tuned(run, model)
        again = image_probabilities(run, model, stored["id"].tolist())
    else:
        again = table_probabilities(run, folder, stored["id"].tolist())
    return found | {"off": float(np.abs(again - stored.filter(like="p:").to_numpy()).max())}


print(json.dumps({run_id: look(run_id) for run_id in sys.argv[1:]}))
