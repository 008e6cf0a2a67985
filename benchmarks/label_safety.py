"""Verdicts on augmentations: python -m benchmarks.label_safety

Scikit-learn's digits, the clip art (both as they ship), and 1,500 photos of the first CIFAR batch. The rule was
chosen on MNIST and the second CIFAR batch. The digits are judged a second time with their class names shuffled.
"""

import os
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks import cifar
from benchmarks.harness import Benchmark
from core.data.findings.label_safety import Flip, LabelSafety
from core.data.importing import import_data
from core.schemas import DataRef, DatasetRecord
from core.store.datasets import get_version
from core.training.images.label_safety import collect_data, judge_transforms

BENCHMARK = Benchmark(
    name="label_safety",
    what="verdicts on augmentations: digits, clip art, CIFAR",
    minutes=15,
)


def judged(dataset: DatasetRecord, shuffled: bool = False) -> LabelSafety:
    """With `shuffled`, the same images under each other's class names, so that the classes come in another order."""
    data = collect_data(dataset, get_version(DataRef(dataset=dataset.id)), lambda *_: None)
    if shuffled:
        names = np.random.default_rng(0).permutation(len(data.names))
        data = replace(data, labels=names[data.labels], truth=names[data.truth])
        print("names:", dict(zip(data.names, (data.names[i] for i in names), strict=True)))
    return judge_transforms(data, lambda *_: None)


def main() -> None:
    with tempfile.TemporaryDirectory() as home:
        os.environ["GRAFT_HOME"] = home
        digits = import_data("sample:digits").dataset
        found = {"digits": judged(digits), "digits, names shuffled": judged(digits, shuffled=True)}
        found["clip art"] = judged(import_data("sample:clipart").dataset)
        images, targets = cifar.sample(150, seed=0)
        cifar.write_folder(Path(home) / "photos", images, targets, "photo")
        found["CIFAR"] = judged(import_data(Path(home) / "photos").dataset)
    for name, safety in found.items():
        print(f"{name}: {safety.n} held-out images, accuracy {safety.accuracy:.2f}")
    print(f"| transform | {' | '.join(found)} |")
    for rows in zip(*(safety.transforms for safety in found.values()), strict=True):
        cells = [f"{t.verdict}, {t.accuracy:.2f}" + _pairs(t.flips) for t in rows]
        print(f"| {rows[0].title} | {' | '.join(cells)} |")


def _pairs(flips: tuple[Flip, ...]) -> str:
    return f" ({', '.join(f'{f.label} → {f.becomes} {f.moved}/{f.n}' for f in flips[:3])})" if flips else ""


if __name__ == "__main__":
    main()
