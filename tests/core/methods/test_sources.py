"""Where knowledge comes from: local weights of a classic network, and earlier runs."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from core.data.images.store import ImageStore
from core.data.versions import load_samples
from core.errors import InputError, WeightsError
from core.methods import backbones as catalogue
from core.methods.backbones import backbone_of_run, backbone_title
from core.methods.plan import resolve_request
from core.schemas import DataRef, DatasetRecord, RunRecord, TrainingSpec
from core.store import runs
from core.store.datasets import import_folder

pytestmark = pytest.mark.training
SIZE = 64
Train = Callable[..., RunRecord]


@pytest.fixture(scope="module")
def vgg16(lab: Path) -> Path:
    """A weights file for VGG16 in the published format, with random numbers."""
    import h5py
    import keras
    from keras.src.legacy.saving import legacy_h5_format

    keras.utils.set_random_seed(0)
    path = lab / "weights" / catalogue.BACKBONES["vgg16"].weights_file
    path.parent.mkdir(exist_ok=True)
    with h5py.File(path, "w") as file:
        network = keras.applications.VGG16(include_top=False, weights=None, input_shape=(SIZE, SIZE, 3))
        legacy_h5_format.save_weights_to_hdf5_group(file, network)
    with pytest.MonkeyPatch.context() as patch:
        own = catalogue.BACKBONES["vgg16"].model_copy(update={"digest": ""})
        patch.setitem(catalogue.BACKBONES, "vgg16", own)
        yield path


@pytest.fixture(scope="module")
def classic(vgg16: Path, textures: DatasetRecord, train: Train) -> RunRecord:
    return train(
        data=textures.id,
        backbone="vgg16",
        strategy="textbook",
        image_size=SIZE,
        epochs=3,
        batch_size=8,
        name="classic",
    )


def images(run: RunRecord, n: int = 4) -> np.ndarray:
    ids = runs.read_predictions(run.id)["id"].head(n)
    samples = load_samples(DataRef.parse(run.spec.data)).set_index("id").loc[ids]
    store = ImageStore(import_folder(run.dataset, 1))
    return store.batch(samples["row"].tolist(), run.spec.image_size).astype("float32")


def test_the_classic_case_is_trained_and_saved_whole(classic: RunRecord, vgg16: Path) -> None:
    import keras
    from keras import layers

    assert classic.state == "succeeded", classic.failure
    model = keras.models.load_model(runs.run_folder(classic.id) / "model.keras")
    hidden = model.get_layer("head").layers[1]
    assert isinstance(hidden, layers.Dense) and hidden.units == 1024
    base = keras.applications.VGG16(include_top=False, weights=str(vgg16), input_shape=(SIZE, SIZE, 3))
    last = [network.get_layer("block5_conv3").get_weights() for network in (model, base)]
    for ours, theirs in zip(*last, strict=True):
        np.testing.assert_array_equal(ours, theirs, err_msg="the base was to stay frozen")
    stored = runs.read_predictions(classic.id)
    columns = [c for c in stored.columns if c.startswith("p:")]
    again = model.predict_on_batch(images(classic))
    np.testing.assert_allclose(again, stored[columns].head(4).to_numpy(), atol=1e-3)


def test_a_run_is_the_source_of_the_next_and_the_chain_is_told(textures: DatasetRecord, train: Train) -> None:
    first = train(
        data=textures.id,
        backbone="efficientnet_lite0",
        strategy="two_stage",
        image_size=SIZE,
        fine_tune_epochs=1,
        unfreeze=2,
        name="first",
    )
    second = train(
        data=textures.id,
        backbone=f"run:{first.id}",
        strategy="two_stage",
        fine_tune_epochs=1,
        unfreeze=2,
        name="second",
    )
    assert second.state == "succeeded", second.failure
    assert second.spec.image_size == SIZE
    source = backbone_of_run(second)
    assert source.chain == ("EfficientNet-Lite0", "first", "second")
    assert backbone_title(f"run:{second.id}") == "second"
    runs.delete_run(first.id)
    third = train(data=textures.id, backbone=f"run:{second.id}", strategy="linear_probe")
    assert third.state == "succeeded", third.failure
    assert backbone_of_run(third).chain[:3] == ("EfficientNet-Lite0", "first", "second")
    assert "deleted" in backbone_title(f"run:{first.id}")


def test_embeddings_of_a_run_are_those_of_its_network(textures: DatasetRecord, train: Train) -> None:
    import keras

    from core.models.networks import build_backbone

    run = train(data=textures.id, strategy="from_scratch", image_size=SIZE, epochs=1, batch_size=16)
    model = keras.models.load_model(runs.run_folder(run.id) / "model.keras")
    backbone = build_backbone(backbone_of_run(run))
    embedding = keras.Model(model.input, model.get_layer("embedding").output)
    np.testing.assert_allclose(
        backbone.predict_on_batch(images(run)), embedding.predict_on_batch(images(run)), rtol=1e-5, atol=1e-6
    )


def test_a_textbook_run_serves_as_a_source_too(classic: RunRecord, textures: DatasetRecord, train: Train) -> None:
    run = train(data=textures.id, backbone=f"run:{classic.id}", strategy="linear_probe")
    assert run.state == "succeeded", run.failure


@pytest.mark.parametrize("values", [{"folds": 3}, {"seed": 1}])
def test_a_run_without_a_network_cannot_be_a_source(
    textures: DatasetRecord, train: Train, values: dict[str, float]
) -> None:
    run = train(data=textures.id, strategy="linear_probe", image_size=SIZE, **values)
    if run.state == "succeeded" and not values.get("folds"):
        runs.update_run(run.id, state="failed")
    with pytest.raises(InputError, match="no network to start from"):
        resolve_request(TrainingSpec(data=textures.id, backbone=f"run:{run.id}"))


def test_a_network_that_went_missing_is_told(textures: DatasetRecord, train: Train) -> None:
    run = train(data=textures.id, strategy="linear_probe", image_size=SIZE)
    (runs.run_folder(run.id) / "model.keras").unlink()
    with pytest.raises((InputError, WeightsError)):
        resolve_request(TrainingSpec(data=textures.id, backbone=f"run:{run.id}"))
