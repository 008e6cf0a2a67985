"""Exports the training images together with the augmented views that a run would train on."""

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from core.data.download import add_image, folders_name_classes, image_name
from core.data.versions import load_samples
from core.errors import InputError
from core.methods.augmentation_layers import mixes_images
from core.methods.parts import parts_of
from core.methods.plan import resolve_request
from core.schemas import DataRef
from core.store.datasets import get_dataset
from core.store.files import atomic_file, need_disk
from core.training.images.views import CHUNK, training_views
from core.training.version_images import VersionImages

NAME = "augmented.zip"


def augmented_set_task(params: dict[str, Any], folder: Path, progress: Callable[..., None]) -> dict[str, Any]:
    """The task: write `augmented.zip`, a folder a class, PNG at the run's size, views named after their image.

    Where a class cannot be a folder's name of its own (`a/b` beside `a_b`), the images lie in `images/`, and
    `labels.csv` names their classes.

    Args:
        params: a `TrainingSpec` with an augmentation; it is resolved as for a run.

    Raises:
        InputError: there is no augmentation, or one that mixes images, which have no single class.
        DiskError: there is not enough disk space.
    """
    resolved = resolve_request(params)
    if resolved.augmentation is None or mixes_images(resolved.augmentation):
        raise InputError(
            "Only an augmentation that keeps every copy in one class gives class folders.",
            "Choose an augmentation, without MixUp and CutMix.",
        )
    ref = DataRef.parse(resolved.data)
    samples = load_samples(ref)
    images = VersionImages(get_dataset(ref.dataset), samples)
    (parts,) = parts_of(samples, 0, resolved.seed)
    views = training_views(images, [parts], resolved)
    assert views is not None
    total, done = len(parts.train) + len(views), 0
    need_disk(total * resolved.image_size**2 * 3)
    count = np.zeros(len(samples), int)
    in_folders = folders_name_classes(samples["label"].iloc[parts.train].unique())
    rows: list[dict[str, str]] = []

    def write(position: int, ending: str, pixels: np.ndarray) -> None:
        sample = samples.iloc[position]
        name = f"{sample['label'] if in_folders else 'images'}/{image_name(sample)}{ending}.png"
        rows.append({"file": name, "label": sample["label"]})
        add_image(archive, name, pixels)

    with atomic_file(folder / NAME) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        for chunk in _chunks(len(parts.train)):
            own = parts.train[chunk]
            for position, pixels in zip(own, images.batch(own, resolved.image_size), strict=True):
                write(position, "", pixels)
            progress(done := done + len(chunk), total, "images")
        for chunk in _chunks(len(views)):
            for position, pixels in zip(views.positions[chunk], views.batch(chunk, resolved.image_size), strict=True):
                count[position] += 1
                write(position, f"-view-{count[position]}", pixels)
            progress(done := done + len(chunk), total, "images")
        if not in_folders:
            archive.writestr("labels.csv", pd.DataFrame(rows).to_csv(index=False))
    return {"images": len(parts.train), "views": len(views), "size": resolved.image_size}


def _chunks(n: int) -> list[range]:
    return [range(start, min(start + CHUNK, n)) for start in range(0, n, CHUNK)]
