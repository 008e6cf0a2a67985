"""The deeper look at a version's images: embeddings from the cache, then what they tell about the data."""

from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import pandas as pd

from core.data.checks import Check, save_check
from core.data.embedding_findings import LOOKED_FOR, Embedded, look_deeper, near_groups
from core.data.embedding_map import coordinates, save_map
from core.data.evidence import Evidence
from core.data.image_quality import HASHES
from core.data.images import DatasetImages, ImageStore
from core.data.label_errors import squashed
from core.data.near_duplicates import as_bits
from core.data.steps.review import kept_samples
from core.data.versions import load_samples
from core.models.catalogue import Backbone, get_backbone
from core.models.embedding import cached_embedding
from core.schemas import DataRef, DatasetRecord, VersionRecord
from core.store.datasets import dataset_folder, get_dataset, get_version, import_folder
from core.training.presets import input_size

Progress = Callable[..., None]
BACKBONE = "efficientnet_lite0"  # that of the quick preset, whose embeddings a first run needs as well


def check_images(params: dict[str, Any], _folder: Path, progress: Progress) -> dict[str, Any]:
    """The task: look deeper at the version named by `params["data"]`."""
    check = check_version(get_version(DataRef.parse(params["data"])), progress)
    return {"findings": len(check.findings)}


def check_version(version: VersionRecord, progress: Progress = lambda *_: None) -> Check:
    """Look deeper at a version, keep what was found in its folder, and return it.

    `progress` is called with (done, total, of what). `WeightsError` when the backbone's weights are not there.
    """
    dataset = get_dataset(version.dataset)
    samples = load_samples(DataRef(dataset=dataset.id, version=version.id))
    backbone = get_backbone(BACKBONE)
    size = input_size(backbone.input_size, median(samples[["width", "height"]].max(axis=1)))
    x = squashed(version_embeddings(dataset, samples, backbone, size, progress))
    evidence = Evidence(dataset, samples, dataset_folder(dataset.id), kept=kept_samples(version.recipe))
    progress(0, 0, "looking for copies")
    images, ids = DatasetImages(dataset.id), samples["id"].tolist()
    hashes, mirrored = (as_bits(evidence.seen[column].to_numpy()) for column in HASHES)
    known = samples["group"].to_numpy()
    groups = near_groups(x, hashes, mirrored, known, lambda i: images.image(ids[i]))
    progress(0, 0, "looking for outliers and label errors")
    (findings, cases), accuracy = look_deeper(Embedded(evidence, x, groups))
    check = Check(
        backbone=backbone.name,
        image_size=size,
        findings=tuple(findings),
        cases=tuple(cases),
        accuracy=accuracy,
        looked_for=LOOKED_FOR if dataset.labelled else ("near_duplicate", "outlier"),
    )
    progress(0, 0, "drawing the map")
    save_map(version, coordinates(x, ids))
    save_check(version, check)
    return check


def version_embeddings(
    dataset: DatasetRecord, samples: pd.DataFrame, backbone: Backbone, size: int, progress: Progress
) -> np.ndarray:
    """Embeddings, `(n, d)`, in the samples' order, from one cache entry an import."""
    out = np.empty((len(samples), backbone.features), np.float32)
    for record in dataset.imports:
        here = np.flatnonzero((samples["import_number"] == record.number).to_numpy())
        if len(here):
            found, _ = cached_embedding(
                ImageStore(import_folder(dataset.id, record.number)),
                record.content_hash,
                backbone,
                size,
                progress=lambda done, total: progress(done, total, "images through the backbone"),
            )
            out[here] = found[samples["row"].to_numpy()[here]]
    return out
