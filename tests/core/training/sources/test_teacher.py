"""Runs that learn from another run: from pixels to a saved network, and teachers that cannot teach."""

from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import pytest
from PIL import Image

from core.data.images.store import ImageStore
from core.data.importing import import_data
from core.data.versions import load_samples
from core.errors import InputError, NotFoundError
from core.methods.plan import resolve_request
from core.schemas import DataRef, DatasetRecord, RunRecord, TrainingSpec
from core.store import runs
from core.store.datasets import import_folder
from tests.core.training.conftest import texture

pytestmark = pytest.mark.training


@pytest.fixture(scope="module")
def teacher(textures: DatasetRecord, train: Callable[..., RunRecord]) -> RunRecord:
    return train(data=textures.id, strategy="linear_probe", image_size=64)


@pytest.mark.parametrize("strategy", ["distillation", "relational_distillation"])
def test_what_was_learnt_from_a_teacher_is_saved_as_it_predicts(
    textures: DatasetRecord, teacher: RunRecord, train: Callable[..., RunRecord], strategy: str
) -> None:
    tuning = {"fine_tune_epochs": 2, "unfreeze": 1}
    run = train(data=textures.id, strategy=strategy, teacher=teacher.id, image_size=48, **tuning)
    assert run.state == "succeeded", runs.read_log(run.id)
    stored = runs.read_predictions(run.id)
    samples = load_samples(DataRef.parse(run.spec.data)).set_index("id").loc[stored["id"]]
    pixels = ImageStore(import_folder(run.dataset, 1)).batch(samples["row"].tolist(), 48)
    again = keras.models.load_model(runs.run_folder(run.id) / "model.keras").predict(pixels, verbose=0)
    assert np.abs(again - stored.filter(like="p:").to_numpy()).max() < 1e-4


def test_a_teacher_that_cannot_teach_is_refused_by_name(
    textures: DatasetRecord, teacher: RunRecord, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match="needs a teacher"):
        resolve_request(TrainingSpec(data=textures.id, strategy="distillation"))
    with pytest.raises(NotFoundError):
        resolve_request(TrainingSpec(data=textures.id, strategy="distillation", teacher="nobody"))
    rng = np.random.default_rng(0)
    for kind, name in (("checks", "checks"), ("stripes", "zebra")):
        (tmp_path / name).mkdir()
        for i in range(10):
            Image.fromarray(texture(kind, rng)).save(tmp_path / name / f"{i}.png")
    other = import_data(tmp_path, name="zebras").dataset
    with pytest.raises(InputError, match="does not know the class “zebra”"):
        resolve_request(TrainingSpec(data=other.id, strategy="distillation", teacher=teacher.id))
