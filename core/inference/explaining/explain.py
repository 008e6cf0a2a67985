"""The task that shows where a run's network looks, on samples of its dataset and what they are nearest to, or on
pictures that were given to be predicted."""

from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from core.data.images.store import DatasetImages, ImageStore
from core.data.versions import load_samples
from core.embedding.embeddings import limit_threads
from core.errors import InputError
from core.inference.explaining.heat import overlay_heat
from core.jobs import tasks
from core.schemas import DataRef
from core.store import runs
from core.store.datasets import get_dataset, get_version

MOST = 12  # samples at a time
NEAREST = 3


def explain_task(params: dict[str, Any], folder: Path, progress: Any) -> dict[str, Any]:
    """Write `ID.webp` of each sample: the picture with the heat of a class laid over it.

    Args:
        params: `run`; `classes`, sample id → the class to explain; `method`, `gradient` or `occlusion`. With `given`,
            the id of a predicting task, its pictures are meant instead of samples, each by its place.

    Returns:
        `nearest`: sample id → ids of the other training and validation images that the backbone finds most like it;
        empty for pictures that were given, of which their prediction tells it.
    """
    limit_threads()
    from core.inference.explaining.attention import occlusion_maps
    from core.inference.predicting.model import ImageModel, load_model
    from core.training.version_images import VersionImages

    wanted: dict[str, str] = dict(list(params["classes"].items())[:MOST])
    progress(0, 0, "loading the model")
    model = load_model(params["run"])
    if not isinstance(model, ImageModel):
        raise InputError("Only a run on images looks somewhere.", "For a table, see which columns matter.")
    nearest: dict[str, list[str]] = {}
    if "given" in params:
        store = ImageStore(tasks.task_folder(params["given"]))
        originals = [store.image(int(place)) for place in wanted]
        pixels = store.batch([int(place) for place in wanted], model.size)
    else:
        ref = DataRef(dataset=model.run.dataset, version=model.run.version)
        samples = load_samples(ref)
        chosen = samples.set_index("id", drop=False).loc[list(wanted)]
        images = VersionImages(get_dataset(model.run.dataset), chosen)
        pixels = images.batch(range(len(images)), model.size)
        pictures = DatasetImages(model.run.dataset, get_version(ref).imports)
        originals = [pictures.image(name) for name in wanted]
        if model.reference is not None:
            _, near = model.reference.nearest_known(model.vectors(images))
            for name, row in zip(wanted, near, strict=True):
                nearest[name] = [other for other in model.ids[row] if other != name][:NEAREST]
    classes = np.array([model.classes.index(name) for name in wanted.values()])
    progress(0, len(wanted), "looking")
    if params["method"] == "occlusion":
        maps = occlusion_maps(model.network, pixels, classes)
    else:
        maps = _grad_cam(model.run.id).maps(pixels, classes)
    for name, picture, heat in zip(wanted, originals, maps, strict=True):
        Image.fromarray(overlay_heat(picture, heat)).save(folder / f"{name}.webp", "WEBP", quality=90)
    return {"nearest": nearest}


@lru_cache(maxsize=1)
def _grad_cam(run_id: str) -> Any:
    """A copy of the network of its own, which Grad-CAM changes."""
    import keras

    from core.inference.explaining.attention import GradCam
    from core.methods import backbones as own

    return GradCam(keras.models.load_model(runs.run_folder(run_id) / own.NETWORK, compile=False))
