"""Augmentation with Keras layers; previews and training use the same code."""

import random
from collections.abc import Callable
from pkgutil import resolve_name
from typing import Any

import keras
import numpy as np
from keras import layers, ops

from core.methods.augmentation_layers import LAYERS
from core.schemas import Augmentation

TOGETHER = 4  # images that get the same operations of RandAugment and AugMix: Keras draws once per batch


class RandomChannelShift(layers.Layer):
    """Adds a random number between −`shift` and `shift` to each colour channel, in pixel values of 0 to 255."""

    def __init__(self, shift: float) -> None:
        super().__init__()
        self.shift = shift
        self.generator = keras.random.SeedGenerator(0)

    def get_random_transformation(self, images: Any, training: bool = True) -> Any:
        return keras.random.uniform((len(images), 1, 1, 3), -self.shift, self.shift, seed=self.generator)

    def transform_images(self, images: Any, transformation: Any, training: bool = True) -> Any:
        return ops.clip(ops.cast(images, "float32") + transformation, 0, 255)


def flip(a: Augmentation) -> layers.Layer:
    both = a.horizontal_flip and a.vertical_flip
    return layers.RandomFlip("horizontal_and_vertical" if both else "horizontal" if a.horizontal_flip else "vertical")


def rotation(a: Augmentation) -> layers.Layer:
    return layers.RandomRotation(a.rotation / 360, fill_mode=a.fill)


def translation(a: Augmentation) -> layers.Layer:
    return layers.RandomTranslation(a.height_shift, a.width_shift, fill_mode=a.fill)


def shear(a: Augmentation) -> layers.Layer:
    return layers.RandomShear(a.shear, a.shear, fill_mode=a.fill)


def zoom(a: Augmentation) -> layers.Layer:
    return layers.RandomZoom(a.zoom, fill_mode=a.fill)


def brightness(a: Augmentation) -> layers.Layer:
    return layers.RandomBrightness(a.brightness)


def contrast(a: Augmentation) -> layers.Layer:
    return layers.RandomContrast(a.contrast)


def channel_shift(a: Augmentation) -> layers.Layer:
    return RandomChannelShift(a.channel_shift)


def rand_augment(a: Augmentation) -> layers.Layer:
    return layers.RandAugment(factor=a.rand_augment)


def aug_mix(a: Augmentation) -> layers.Layer:
    return layers.AugMix(factor=a.aug_mix)


def erasing(a: Augmentation) -> layers.Layer:
    return layers.RandomErasing((a.erasing, a.erasing))


def mixup(a: Augmentation) -> layers.Layer:
    return layers.MixUp(a.mixup)


def cutmix(a: Augmentation) -> layers.Layer:
    return layers.CutMix((a.cutmix, a.cutmix))


class Augmenter:
    """Applies the active layers of an augmentation, geometry first, mixing last.

    Every layer has its own random generator, seeded in each call, so that the same seed gives the same copies.
    """

    def __init__(self, augmentation: Augmentation) -> None:
        made = [
            (entry.mixes, resolve_name(entry.function)(augmentation)) for entry in LAYERS if entry.is_on(augmentation)
        ]
        self._alone: list[layers.Layer] = [layer for mixes, layer in made if not mixes]
        self._mixing: list[layers.Layer] = [layer for mixes, layer in made if mixes]

    @property
    def mixes(self) -> bool:
        """Whether copies contain parts of other images."""
        return bool(self._mixing)

    def images(self, images: np.ndarray, seed: tuple[int, ...]) -> np.ndarray:
        """Augmented copies of `images`, uint8 `(n, size, size, 3)`, mixed with each other if a layer mixes."""
        out = ops.convert_to_numpy(ops.cast(images, "float32"))
        for number, layer in enumerate(self._alone):
            out = _changed(out, layer, (*seed, number))
        out = self._mixed(out, out.shape, seed, lambda layer, x, drawn: layer.transform_images(x, drawn))
        return np.asarray(np.clip(np.rint(out), 0, 255).astype("uint8"))

    def shares(self, n: int, seed: tuple[int, ...]) -> np.ndarray:
        """The share of each of `n` images in each copy that `images` returns: `(n, n)` float32, rows add up to 1."""
        own = np.eye(n, dtype="float32")
        # The random numbers do not depend on the images' size.
        return self._mixed(own, (n, 8, 8, 3), seed, lambda layer, x, drawn: layer.transform_labels(x, drawn))

    def _mixed(
        self, x: np.ndarray, shape: tuple[int, ...], seed: tuple[int, ...], mix: Callable[..., Any]
    ) -> np.ndarray:
        """Each row of `x` mixed with another row by one of the mixing layers, chosen at random."""
        turn = np.random.default_rng(seed).integers(0, max(1, len(self._mixing)), len(x))
        out = x.copy()
        for number, layer in enumerate(self._mixing):
            _begin(layer, (*seed, len(self._alone) + number))
            drawn = layer.get_random_transformation(np.zeros(shape, "float32"), training=True)
            out[turn == number] = ops.convert_to_numpy(mix(layer, x, drawn))[turn == number]
        return out


def _begin(layer: layers.Layer, seed: tuple[int, ...]) -> None:
    """Seed the layer's generator. A constant seed in each call would make all numbers drawn in it the same."""
    layer.generator.state.assign((int(np.random.SeedSequence(seed).generate_state(1)[0]), 0))


def _changed(images: np.ndarray, layer: layers.Layer, seed: tuple[int, ...]) -> np.ndarray:
    """`images` transformed by the layer, each independently."""
    if isinstance(layer, layers.RandAugment | layers.AugMix):
        change = _rand_augmented if isinstance(layer, layers.RandAugment) else _aug_mixed
        starts = range(0, len(images), TOGETHER)
        return np.concatenate([change(images[i : i + TOGETHER], layer, (*seed, i)) for i in starts])
    _begin(layer, seed)
    drawn = layer.get_random_transformation(images, training=True)
    return np.asarray(ops.convert_to_numpy(layer.transform_images(images, drawn, training=True)))


def _rand_augmented(images: np.ndarray, layer: layers.RandAugment, seed: tuple[int, ...]) -> np.ndarray:
    """The same as `transform_images`, which computes all eleven operations where one is needed."""
    _begin(layer, seed)
    drawn = layer.get_random_transformation(images, training=True)
    names = list(drawn["transforms"])
    for index in ops.convert_to_numpy(drawn["layer_idxes"]):
        name = names[int(index)]
        images = getattr(layer, name).transform_images(images, drawn["transforms"][name])
    return np.asarray(ops.convert_to_numpy(images))


def _aug_mixed(images: np.ndarray, layer: layers.AugMix, seed: tuple[int, ...]) -> np.ndarray:
    """AugMix draws its operations from Python's global generator, which is seeded for it and restored."""
    _begin(layer, seed)
    before = random.getstate()
    random.seed(int(np.random.SeedSequence(seed).generate_state(1)[0]))
    try:
        drawn = layer.get_random_transformation(images, training=True)
    finally:
        random.setstate(before)
    return np.asarray(ops.convert_to_numpy(layer.transform_images(images, drawn, training=True)))
