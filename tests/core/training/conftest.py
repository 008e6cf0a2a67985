"""Small data made on the spot, in a workspace that a whole test file shares."""

import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from core.data.importing import import_data
from core.jobs import queue
from core.schemas import DataRef, DatasetRecord, RunRecord, TrainingSpec, now
from core.store import runs
from core.store.datasets import get_dataset
from tests.support import tiny_backbone


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A workspace for one file."""
    home = tmp_path_factory.mktemp("lab")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRAFT_HOME", str(home))
        patch.setenv("GRAFT_THREADS", "2")
        yield home


def texture(kind: str, rng: np.random.Generator, side: int = 32) -> np.ndarray:
    """Stripes, checks or specks in colours that tell nothing."""
    rows, columns = np.indices((side, side)) + rng.integers(0, 8)
    period = rng.integers(4, 8)
    pattern = {
        "stripes": rows // period % 2,
        "checks": (rows // period + columns // period) % 2,
        "specks": rng.random((side, side)) < 0.15,
    }[kind]
    dark, light = rng.integers(0, 100, 3), rng.integers(150, 256, 3)
    return np.where(pattern[..., None], light, dark).astype("uint8")


@pytest.fixture(scope="module")
def textures(lab: Path, tmp_path_factory: pytest.TempPathFactory) -> DatasetRecord:
    """Three classes of twelve pictures that differ in their texture alone."""
    folder, rng = tmp_path_factory.mktemp("pictures"), np.random.default_rng(0)
    for kind in ("checks", "specks", "stripes"):
        (folder / kind).mkdir()
        for i in range(12):
            Image.fromarray(texture(kind, rng)).save(folder / kind / f"{i}.png")
    return import_data(folder, name="textures").dataset


@pytest.fixture(scope="module")
def penguins(lab: Path) -> DatasetRecord:
    return import_data("sample:penguins").dataset


@pytest.fixture(scope="module")
def unlabelled(lab: Path, tmp_path_factory: pytest.TempPathFactory) -> DatasetRecord:
    path = tmp_path_factory.mktemp("table") / "rows.csv"
    pd.DataFrame({"a": [i * i % 7 for i in range(30)], "b": [i * i % 11 for i in range(30)]}).to_csv(
        path, index=False
    )
    return import_data(path, name="unlabelled", unlabelled=True).dataset


@pytest.fixture(scope="module")
def train() -> Iterator[Callable[..., RunRecord]]:
    """Train a spec as a worker would, in this process, and return the run as it ended.

    Images go through the tiny backbone unless another one is named.
    """
    from core.training.worker import process as worker

    def run(**values: object) -> RunRecord:
        spec = TrainingSpec.model_validate(values)
        kind = get_dataset(DataRef.parse(spec.data).dataset).kind
        if kind == "image" and not spec.backbone and not spec.members:
            tiny_backbone.place()
            spec = spec.model_copy(update={"backbone": tiny_backbone.NAME})
        record = queue.enqueue(spec)
        runs.update_run(record.id, state="starting", started=now())
        worker.execute_run(record.id)
        return runs.get_run(record.id)

    before = signal.getsignal(signal.SIGTERM)
    yield run
    signal.signal(signal.SIGTERM, before)
