"""The task that shows where a run's network looks, on samples of its dataset, and what they are nearest to."""

from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from core.data.images import DatasetImages
from core.data.versions import load_samples
from core.errors import InputError
from core.explaining.heat import overlay
from core.models.embedding import limit_threads
from core.schemas import DataRef
from core.store import runs
from core.store.datasets import get_dataset

MOST = 12  # samples at a time
NEAREST = 3


def explain_task(params: dict[str, Any], folder: Path, progress: Any) -> dict[str, Any]:
    """Write `ID.webp` of each sample: the picture with the heat of a class laid over it.

    Args:
        params: `run`; `classes`, sample id → the class to explain; `method`, `gradient` or `occlusion`.

    Returns:
        `nearest`: sample id → ids of the training and validation images that the backbone finds most like it.
    """
    limit_threads()
    from core.explaining.attention import occlusion
    from core.predicting.model import ImageModel, load
    from core.training.version_images import VersionImages

    wanted: dict[str, str] = params["classes"]
    progress(0, 0, "loading the model")
    model = load(params["run"])
    if not isinstance(model, ImageModel):
        raise InputError("Only a run on images looks somewhere.", "For a table, see which columns matter.")
    run = runs.get_run(params["run"])
    samples = load_samples(DataRef(dataset=run.dataset, version=run.version)).set_index("id", drop=False)
    chosen = samples.loc[list(wanted)[:MOST]]
    images = VersionImages(get_dataset(run.dataset), chosen)
    pixels = images.batch(range(len(images)), model.size)
    classes = np.array([model.classes.index(wanted[name]) for name in chosen["id"]])
    progress(0, len(images), "looking")
    if params["method"] == "occlusion":
        maps = occlusion(model.network, pixels, classes)
    else:
        maps = _grad_cam(run.id).maps(pixels, classes)
    originals = DatasetImages(run.dataset)
    for name, heat in zip(chosen["id"], maps, strict=True):
        Image.fromarray(overlay(originals.image(name), heat)).save(folder / f"{name}.webp", "WEBP", quality=90)
    nearest: dict[str, list[str]] = {}
    if model.reference is not None:
        _, near = model.reference.look(model.vectors(images))
        nearest = {name: list(model.ids[row[:NEAREST]]) for name, row in zip(chosen["id"], near, strict=True)}
    return {"nearest": nearest}


@lru_cache(maxsize=1)
def _grad_cam(run_id: str) -> Any:
    """A copy of the network of its own, which Grad-CAM changes."""
    import keras

    from core.explaining.attention import GradCam
    from core.models import own

    return GradCam(keras.models.load_model(runs.run_folder(run_id) / own.NETWORK, compile=False))
