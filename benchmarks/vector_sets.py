"""Real data as vectors, for benchmarks that need many small samples of them: `(n, columns)` and class indices.

Some ship with scikit-learn or with Graft; of pictures the embeddings are taken, or of small ones the pixels. Others
come from the packages that `benchmarks.packages` fetches.
"""

from collections.abc import Callable

import numpy as np
import pandas as pd
from PIL import Image
from sklearn.datasets import load_breast_cancer, load_digits, load_wine

from benchmarks import cifar, image_sets
from benchmarks.image_findings import Images
from benchmarks.packages import r_table
from core.data.files.samples import FOLDER, SAMPLES
from core.embedding.embeddings import embed
from core.methods.pretrained import BACKBONES

Rows = tuple[np.ndarray, np.ndarray]


def of_table(table: pd.DataFrame, target: str) -> Rows:
    """The complete rows, with an indicator for each category of a column."""
    complete = table.drop(columns="rownames", errors="ignore").dropna()
    columns = pd.get_dummies(complete.drop(columns=target))
    return columns.to_numpy(float), pd.factorize(complete[target], sort=True)[0]


def clip_art() -> Rows:
    """Embeddings of the clip art by Lite0."""
    paths = sorted((FOLDER / "clipart").glob("*/*.*"))
    pictures = [np.asarray(Image.open(path).convert("RGB")) for path in paths]
    x = embed(Images(pictures), BACKBONES["efficientnet_lite0"], 224)
    return x, np.unique([path.parent.name for path in paths], return_inverse=True)[1]


def cifar_photos() -> Rows:
    """Embeddings of the second half of CIFAR-10's test batch by Lite0 at 96 px."""
    photos, labels = cifar.batch("test_batch")[5_000:], cifar.labels("test")[5_000:]
    return embed(Images(list(photos)), BACKBONES["efficientnet_lite0"], 96), labels


def pixels(images: np.ndarray, labels: np.ndarray) -> Rows:
    """Every second pixel in both directions, from 0 to 1."""
    return images[:, ::2, ::2].reshape(len(images), -1) / 255, labels


SETS: dict[str, Callable[[], Rows]] = {
    "digits": lambda: load_digits(return_X_y=True),
    "breast cancer": lambda: load_breast_cancer(return_X_y=True),
    "wine": lambda: load_wine(return_X_y=True),
    "penguins": lambda: of_table(pd.read_csv(SAMPLES["penguins"].path), "species"),
    "clip art": clip_art,
    "MNIST": lambda: pixels(*image_sets.mnist("t10k")),
    "Fashion-MNIST": lambda: pixels(*image_sets.fashion(slice(6_000, None))),
    "CIFAR-10": cifar_photos,
    "diamonds": lambda: of_table(r_table("ggplot2", "diamonds"), "cut"),
    "cells": lambda: of_table(r_table("modeldata", "cells").drop(columns="case"), "class"),
    "spam": lambda: of_table(r_table("DAAG", "spam7"), "yesno"),
    "credit": lambda: of_table(r_table("modeldata", "credit_data"), "Status"),
    "attrition": lambda: of_table(r_table("modeldata", "attrition"), "Attrition"),
    "computing": lambda: of_table(r_table("modeldata", "hpc_data"), "class"),
    "churn": lambda: of_table(r_table("modeldata", "mlc_churn"), "churn"),
}
