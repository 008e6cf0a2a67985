"""Small data, and a stand-in for the backbone: what is measured here does not depend on what the vectors mean."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from core.data.importing import import_data
from core.schemas import DatasetRecord
from core.training.version_images import VersionImages


@pytest.fixture
def make_table(workspace: Path, tmp_path: Path) -> Callable[..., DatasetRecord]:
    """Import a table under a name; without a target it has no labels."""

    def make(name: str, table: pd.DataFrame, target: str | None = None) -> DatasetRecord:
        path = tmp_path / f"{name}.csv"
        table.to_csv(path, index=False)
        return import_data(path, name=name, target=target, unlabelled=target is None).dataset

    return make


def rows(n: int, shift: float = 0.0, seed: int = 0) -> pd.DataFrame:
    """Numbers a and b, a word, and a class that a tells with some noise."""
    rng = np.random.default_rng(seed)
    a, b = rng.normal(size=n) + shift, rng.normal(size=n)
    word = rng.choice(["p", "q", "r"], n)
    return pd.DataFrame({"a": a, "b": b, "word": word, "kind": np.where(a - shift + b / 2 > 0, "yes", "no")})


@pytest.fixture
def make_images(workspace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., DatasetRecord]:
    """Import pictures of noise, of two classes, one brighter; the backbone is a mean of patches."""

    def outputs(self: VersionImages, *_: object, **__: object) -> np.ndarray:
        small = self.batch(range(len(self)), 32).reshape(len(self), 4, 8, 4, 8, 3).mean(axis=(2, 4))
        return (small.reshape(len(self), -1) / 128 - 1).astype("float32")

    monkeypatch.setattr(VersionImages, "outputs", outputs)

    def make(name: str, n: int = 20, brighter: int = 0, seed: int = 0, side: int = 32) -> DatasetRecord:
        rng = np.random.default_rng(seed)
        for kind, level in (("dark", 60), ("light", 120)):
            (tmp_path / name / kind).mkdir(parents=True)
            for i in range(n):
                patches = rng.integers(0, 70, (4, 4, 3)).repeat(side // 4, 0).repeat(side // 4, 1)
                Image.fromarray((patches + level + brighter).astype("uint8")).save(
                    tmp_path / name / kind / f"{i}.png"
                )
        return import_data(tmp_path / name, name=name).dataset

    return make
