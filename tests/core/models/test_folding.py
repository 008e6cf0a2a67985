"""A network with its frozen batch normalisation folded is the same function, and trains the same weights."""

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from core.methods.backbones import get_backbone
from core.methods.pretrained import BACKBONES
from tests.core.models.test_networks import pixels
from tests.support.networks import through

if TYPE_CHECKING:
    import keras

pytestmark = pytest.mark.training


def lived_in(model: "keras.Model") -> "keras.Model":
    """The model with statistics of batch normalisation that are not those it begins with, and frozen."""
    from keras import layers

    from core.models.networks import freeze_batch_norm

    rng = np.random.default_rng(1)
    for layer in model._flatten_layers():
        if isinstance(layer, layers.BatchNormalization):
            layer.set_weights([rng.uniform(0.5, 1.5, w.shape).astype("float32") for w in layer.get_weights()])
    freeze_batch_norm(model)
    return model


def norms(model: "keras.Model") -> int:
    from keras import layers

    return sum(isinstance(layer, layers.BatchNormalization) for layer in model._flatten_layers())


# Of the others, those that normalise before a convolution or inside one keep what cannot be folded.
@pytest.mark.parametrize(
    ("name", "left"),
    [("mobilenetv2", 0), ("resnet50", 0), ("densenet121", 62), ("xception", 34)],
)
def test_the_folded_network_is_the_same_function(name: str, left: int) -> None:
    from core.models.folding import fold_batch_norm
    from core.models.networks import build_backbone

    model = lived_in(build_backbone(BACKBONES[name], 72, weights=False))
    folded = fold_batch_norm(model)
    assert norms(folded) == left
    wanted = through(model, pixels(72))
    np.testing.assert_allclose(through(folded, pixels(72)), wanted, atol=1e-4 * np.abs(wanted).max())


def trained(model: "keras.Model", x: np.ndarray) -> list[float]:
    """Losses of three steps towards a fixed target."""
    import keras

    model.compile(keras.optimizers.SGD(1e-3), "mse")
    target = np.ones((len(x), *model.output_shape[1:]), "float32")
    return [float(model.train_on_batch(x, target)) for _ in range(3)]


def test_training_the_folded_network_trains_the_network_itself() -> None:
    """Weight for weight as without folding: what is learnt is the convolution's own kernel."""
    from core.models.folding import fold_batch_norm
    from core.models.networks import build_backbone, freeze_batch_norm, split_network

    backbone = get_backbone("efficientnet_lite0")
    x = np.random.default_rng(2).normal(size=(8, 4, 4, 112)).astype("float32")
    results: list[tuple[list[float], list[np.ndarray]]] = []
    for change in (lambda tail: tail, fold_batch_norm):
        model = build_backbone(backbone, 64)
        _, tail = split_network(model, "block_10")
        freeze_batch_norm(model)
        before = [np.copy(w) for w in model.get_weights()]
        losses = trained(change(tail), x)
        results.append((losses, [after - first for after, first in zip(model.get_weights(), before, strict=True)]))
    (plain_losses, plain), (folded_losses, folded) = results
    assert plain_losses[-1] < plain_losses[0]
    np.testing.assert_allclose(folded_losses, plain_losses, rtol=1e-4)
    moved = max(float(np.abs(change).max()) for change in plain)
    for ours, theirs in zip(folded, plain, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-3 * moved)


def small(**settings: Any) -> "keras.Model":
    import keras
    from keras import layers

    x = given = keras.Input((9, 9, 3))
    x = layers.Conv2D(**{"filters": 6, "kernel_size": 3, **settings})(x)
    return keras.Model(given, layers.BatchNormalization(scale=False)(x))


@pytest.mark.parametrize(
    "settings",
    [
        {"strides": 2, "padding": "same"},
        {"dilation_rate": 2},
        {"kernel_size": 1},
        {"kernel_size": 1, "strides": 2},
        {"kernel_size": 1, "groups": 3},
        {"use_bias": False},
    ],
)
def test_convolutions_of_every_kind_fold(settings: dict[str, Any]) -> None:
    from core.models.folding import fold_batch_norm

    model = lived_in(small(**settings))
    assert norms(fold_batch_norm(model)) == 0
    np.testing.assert_allclose(
        through(fold_batch_norm(model), pixels(9)), through(model, pixels(9)), rtol=1e-3, atol=1e-2
    )


def test_a_convolution_by_depth_with_several_channels_each_folds() -> None:
    import keras
    from keras import layers

    from core.models.folding import fold_batch_norm

    given = keras.Input((9, 9, 3))
    x = layers.DepthwiseConv2D(3, depth_multiplier=2, strides=2, padding="same")(given)
    model = lived_in(keras.Model(given, layers.BatchNormalization()(x)))
    assert norms(fold_batch_norm(model)) == 0
    np.testing.assert_allclose(
        through(fold_batch_norm(model), pixels(9)), through(model, pixels(9)), rtol=1e-3, atol=1e-2
    )


def test_images_of_any_size_pass_a_folded_network() -> None:
    import keras
    from keras import layers

    from core.models.folding import fold_batch_norm

    given = keras.Input((None, None, 3))
    model = lived_in(keras.Model(given, layers.BatchNormalization()(layers.Conv2D(6, 1)(given))))
    for size in (5, 9):
        wanted = through(model, pixels(size))
        np.testing.assert_allclose(through(fold_batch_norm(model), pixels(size)), wanted, rtol=1e-3, atol=1e-2)


def test_what_is_still_trained_or_read_elsewhere_is_left_alone() -> None:
    import keras
    from keras import layers

    from core.models.folding import fold_batch_norm

    assert norms(fold_batch_norm(small())) == 1, "it is trained"
    assert norms(fold_batch_norm(lived_in(small(activation="relu")))) == 1, "something comes between"
    given = keras.Input((9, 9, 3))
    x = layers.Conv2D(6, 3)(given)
    model = lived_in(keras.Model(given, layers.BatchNormalization()(x) + x))
    assert norms(fold_batch_norm(model)) == 1, "the convolution is read twice"
    np.testing.assert_allclose(through(fold_batch_norm(model), pixels(9)), through(model, pixels(9)), rtol=1e-4)
