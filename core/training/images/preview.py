"""A preview of an augmentation: training images and their augmented views, exactly as a run would train on them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from core.data.versions import load_samples
from core.methods.parts import parts_of
from core.schemas import DataRef, ResolvedSpec
from core.store.datasets import get_dataset, get_version
from core.training.images.views import CHUNK, training_views
from core.training.version_images import VersionImages
from core.transfer.fitting.weighing import one_hot

SHOWN = 4  # images, one a row
COLUMNS = 3  # views of each, at most
SIDE = 160
GAP = 6


def preview_task(params: dict[str, Any], folder: Path, progress: Callable[..., None]) -> dict[str, Any]:
    """Write one `NUMBER.webp` per row: an image, then views of it, with transparent gaps.

    Args:
        params: a `ResolvedSpec` with an augmentation and the number of views.

    Returns:
        `rows`: for each image its `path` and `made_of`, the class shares of each view.
    """
    resolved = ResolvedSpec.model_validate(params)
    ref = DataRef.parse(resolved.data)
    samples, classes = load_samples(ref), get_version(ref).classes
    images = VersionImages(get_dataset(ref.dataset), samples)
    views = training_views(images, list(parts_of(samples, resolved.folds, resolved.seed)), resolved)
    assert views is not None and resolved.views
    labels = samples["label"].map({name: i for i, name in enumerate(classes)}).to_numpy()
    targets = views.targets(one_hot(labels, len(classes)))
    first = views.positions[:CHUNK]  # all drawn together, so that few more have to be drawn than are shown
    turn = samples["label"].iloc[first].groupby(samples["label"]).cumcount().to_numpy()
    rows = []
    for number, position in enumerate(first[np.argsort(turn, kind="stable")][:SHOWN]):  # one of each class first
        places = np.flatnonzero(views.positions == position)[:COLUMNS]
        pictures = [*images.batch([position], SIDE), *views.batch(places, SIDE)]
        strip = np.zeros((SIDE, len(pictures) * (SIDE + GAP) - GAP, 4), dtype="uint8")
        for column, picture in enumerate(pictures):
            place = strip[:, column * (SIDE + GAP) :][:, :SIDE]
            place[..., :3], place[..., 3] = picture, 255
        Image.fromarray(strip).save(folder / f"{number}.webp", "WEBP", lossless=True)
        made_of = [{classes[c]: float(view[c]) for c in np.argsort(-view) if view[c] > 0} for view in targets[places]]
        rows.append({"path": samples["path"].iloc[position], "made_of": made_of})
        progress(number + 1, SHOWN)
    return {"rows": rows}
