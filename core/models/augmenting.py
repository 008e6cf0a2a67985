"""Augmentation on Keras layers: the same function serves the preview and the training images."""

from typing import Any

import keras
import numpy as np
from keras import layers, ops

from core.schemas import Augmentation


class RandomChannelShift(layers.Layer):
    """Adds to each colour channel a number drawn from −`shift` to `shift`, in pixel values of 0 to 255."""

    def __init__(self, shift: float) -> None:
        super().__init__()
        self.shift = shift

    def get_random_transformation(self, images: Any, training: bool = True, seed: int | None = None) -> Any:
        return keras.random.uniform((len(images), 1, 1, 3), -self.shift, self.shift, seed=seed)

    def transform_images(self, images: Any, transformation: Any, training: bool = True) -> Any:
        return ops.clip(ops.cast(images, "float32") + transformation, 0, 255)


def augmenting_layers(augmentation: Augmentation) -> list[layers.Layer]:
    """The layers that are not without effect, geometry first."""
    a, fill = augmentation, {"fill_mode": augmentation.fill}
    flips = {(True, False): "horizontal", (False, True): "vertical", (True, True): "horizontal_and_vertical"}
    found: list[layers.Layer] = []
    if a.horizontal_flip or a.vertical_flip:
        found.append(layers.RandomFlip(flips[a.horizontal_flip, a.vertical_flip]))
    if a.rotation:
        found.append(layers.RandomRotation(a.rotation / 360, **fill))
    if a.width_shift or a.height_shift:
        found.append(layers.RandomTranslation(a.height_shift, a.width_shift, **fill))
    if a.shear:
        found.append(layers.RandomShear(a.shear, a.shear, **fill))
    if a.zoom:
        found.append(layers.RandomZoom(a.zoom, **fill))
    if a.brightness:
        found.append(layers.RandomBrightness(a.brightness))
    if a.contrast:
        found.append(layers.RandomContrast(a.contrast))
    if a.channel_shift:
        found.append(RandomChannelShift(a.channel_shift))
    return found


def augment(images: np.ndarray, transforms: list[layers.Layer], seed: int) -> np.ndarray:
    """Changed copies of `images`, uint8 `(n, size, size, 3)`; the same seed gives the same copies."""
    out = ops.cast(images, "float32")
    for number, layer in enumerate(transforms):
        # Each layer draws from a seed of its own: with one for all, rotation and zoom would go together.
        transformation = layer.get_random_transformation(out, training=True, seed=seed * 31 + number)
        out = layer.transform_images(out, transformation, training=True)
    return np.clip(np.rint(ops.convert_to_numpy(out)), 0, 255).astype("uint8")
