"""Small pictures of noise, and stand-ins for backbones, of which each sees less than the one before."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.data.importing import import_data
from core.methods.backbone import Backbone
from core.schemas import DatasetRecord
from core.training.version_images import VersionImages

NOISE = {"efficientnet_lite2": 0.02, "efficientnet_lite1": 1.0, "efficientnet_lite0": 30.0}


@pytest.fixture
def make_images(workspace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., DatasetRecord]:
    """Import pictures of two classes, one brighter; `n` says how many of each."""

    def outputs(self: VersionImages, backbone: Backbone, *_: object, **__: object) -> np.ndarray:
        brightness = self.batch(range(len(self)), 32).mean(axis=(1, 2, 3)) / 128 - 1
        x = np.random.default_rng(1).normal(size=(len(self), 1280)) * 0.1
        x[:, :40] += brightness[:, None]
        return (x + NOISE[backbone.name] * np.random.default_rng(2).normal(size=x.shape)).astype("float32")

    monkeypatch.setattr(VersionImages, "outputs", outputs)

    def make(name: str, **n: int) -> DatasetRecord:
        rng = np.random.default_rng(0)
        for level, (kind, count) in enumerate(n.items()):
            (tmp_path / name / kind).mkdir(parents=True)
            for i in range(count):
                patches = rng.integers(0, 60, (4, 4, 3)).repeat(8, 0).repeat(8, 1)
                Image.fromarray((patches + 40 + 60 * level).astype("uint8")).save(tmp_path / name / kind / f"{i}.png")
        return import_data(tmp_path / name, name=name).dataset

    return make
