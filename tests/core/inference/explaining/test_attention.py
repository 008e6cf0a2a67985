"""Where a network looks: in the half that decides, whichever that is, by the gradient and by covering parts."""

import keras
import numpy as np
import pytest

from core.inference.explaining.attention import GradCam, occlusion_maps
from core.inference.explaining.heat import normalise_maps, overlay_heat

pytestmark = pytest.mark.training
SIZE = 48


def halves(n: int = 300) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Images with one half red, blue or dark, which is their class, and the other grey noise; whether it is left.

    The dark ones are what the network takes for granted, so that both colours must be seen to be told.
    """
    rng = np.random.default_rng(0)
    x = np.repeat(rng.uniform(60, 190, (n, SIZE, SIZE, 1)), 3, axis=-1)
    y, left = rng.integers(0, 3, n), rng.integers(0, 2, n).astype(bool)
    for image, wanted, side in zip(x, y, left, strict=True):
        half = slice(0, SIZE // 2) if side else slice(SIZE // 2, SIZE)
        image[:, half] *= 0.2
        if wanted < 2:
            image[:, half, 2 if wanted else 0] += 140
    return x.clip(0, 255).astype("float32"), y, left


def network() -> keras.Model:
    keras.utils.set_random_seed(0)
    images = keras.Input((SIZE, SIZE, 3))
    x = keras.layers.Rescaling(1 / 128, -1)(images)
    for filters in (8, 16):
        x = keras.layers.Conv2D(filters, 3, strides=2, padding="same", activation="relu")(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    head = keras.Sequential([keras.Input((16,)), keras.layers.Dense(3, activation="softmax")])
    model = keras.Model(images, head(x))
    model.compile(keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


@pytest.fixture(scope="module")
def taught() -> keras.Model:
    model = network()
    x, y, _ = halves()
    model.fit(x, y, epochs=12, verbose=0)
    assert model.evaluate(x, y, verbose=0)[1] > 0.95
    return model


def share_inside(maps: np.ndarray, left: np.ndarray) -> np.ndarray:
    middle = maps.shape[2] // 2
    inside = np.where(left, maps[:, :, :middle].sum((1, 2)), maps[:, :, middle:].sum((1, 2)))
    return inside / maps.sum((1, 2))


def test_the_heat_lies_in_the_half_that_decides_and_occlusion_agrees(taught: keras.Model) -> None:
    x, y, left = halves()
    x, y, left = (part[y < 2][:12] for part in (x, y, left))
    assert 0 < left.sum() < 12
    covered = occlusion_maps(taught, x, y)
    copy = keras.models.clone_model(taught)
    copy.set_weights(taught.get_weights())
    by_gradient = GradCam(copy).maps(x, y)
    assert (share_inside(by_gradient, left) > 0.6).all()
    assert (share_inside(covered, left) > 0.6).all()


def test_maps_are_between_nought_and_one_and_what_speaks_against_is_left_out() -> None:
    maps = normalise_maps(np.array([[[-3.0, 2.0], [1.0, 0.0]], [[-1.0, -1.0], [0.0, -2.0]]]))
    assert maps.tolist() == [[[0, 1], [0.5, 0]], [[0, 0], [0, 0]]]


def test_an_overlay_is_brightest_where_the_heat_is() -> None:
    picture = np.full((40, 60, 3), 120, "uint8")
    heat = np.zeros((4, 6))
    heat[1, 4] = 1
    laid = overlay_heat(picture, heat).astype(int)
    assert laid.shape == picture.shape
    assert np.unravel_index(laid.sum(-1).argmax(), (40, 60)) == pytest.approx((15, 45), abs=6)
