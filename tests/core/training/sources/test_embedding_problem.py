"""Images that learn from other images as well: every way gives a network from pixels that says what the run says."""

from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import pytest
from PIL import Image

from core.data.images.store import ImageStore
from core.data.importing import import_data
from core.data.versions import load_samples
from core.errors import InputError
from core.methods.plan import resolve_request
from core.methods.strategies import STRATEGIES
from core.schemas import DataRef, DatasetRecord, RunRecord, TrainingSpec
from core.store import runs
from core.store.datasets import import_folder
from tests.core.training.conftest import texture

pytestmark = pytest.mark.training

WAYS = {
    "adaptation": {},
    "instance_weighting": {"method": "density_ratio"},
    "tradaboost": {},
    "feature_alignment": {"method": "subspace"},
    "bayesian_head": {},
    "deep_alignment": {"method": "dann"},
}


@pytest.fixture(scope="module")
def faded(lab: Path, tmp_path_factory: pytest.TempPathFactory) -> DatasetRecord:
    """The same three textures, 24 a class, with little contrast."""
    folder, rng = tmp_path_factory.mktemp("faded"), np.random.default_rng(1)
    for kind in ("checks", "specks", "stripes"):
        (folder / kind).mkdir()
        for i in range(24):
            pixels = (0.3 * texture(kind, rng) + 120).astype("uint8")
            Image.fromarray(pixels).save(folder / kind / f"{i}.png")
    return import_data(folder, name="faded").dataset


@pytest.mark.parametrize("strategy", WAYS)
def test_the_saved_network_says_what_the_run_says_and_both_baselines_are_told(
    textures: DatasetRecord, faded: DatasetRecord, train: Callable[..., RunRecord], strategy: str
) -> None:
    of = {"data": textures.id, "source": [faded.id], "backbone": "efficientnet_lite0", "image_size": 64}
    few = {"epochs": 5} if "epochs" in STRATEGIES[strategy].uses else {}
    run = train(**of, strategy=strategy, **few, **WAYS[strategy])
    assert run.state == "succeeded", runs.read_log(run.id)
    stored = runs.read_predictions(run.id)
    samples = load_samples(DataRef.parse(run.spec.data)).set_index("id").loc[stored["id"]]
    pixels = ImageStore(import_folder(run.dataset, 1)).batch(samples["row"].tolist(), 64)
    again = keras.models.load_model(runs.run_folder(run.id) / "model.keras").predict(pixels, verbose=0)
    assert np.abs(again - stored.filter(like="p:").to_numpy()).max() < 1e-4
    assert {"source_only_accuracy", "target_only_accuracy"} <= set(run.metrics)
    assert "augmentation" not in run.spec.model_dump(exclude_none=True)


def test_a_source_with_other_classes_is_refused_where_they_must_be_equal(
    textures: DatasetRecord, tmp_path: Path
) -> None:
    rng = np.random.default_rng(2)
    for kind, name in (("checks", "chess"), ("stripes", "stripes")):
        (tmp_path / name).mkdir()
        for i in range(10):
            Image.fromarray(texture(kind, rng)).save(tmp_path / name / f"{i}.png")
    other = import_data(tmp_path, name="others").dataset
    spec = TrainingSpec(data=textures.id, source=(other.id,), strategy="feature_alignment")
    with pytest.raises(InputError, match="other classes"):
        resolve_request(spec)
    assert resolve_request(spec.model_copy(update={"strategy": "bayesian_head"})).source == (
        f"{other.id}@{other.version}",
    )
    with pytest.raises(InputError, match="needs a source"):
        resolve_request(TrainingSpec(data=textures.id, strategy="tradaboost"))
