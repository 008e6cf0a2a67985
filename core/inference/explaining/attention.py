"""Attention maps of a network: Grad-CAM and occlusion. Only workers import this."""

from typing import Any

import keras
import numpy as np

from core.errors import InputError
from core.inference.explaining.heat import normalise_maps
from core.models.networks import AVERAGES, FEATURES, split_network

PATCH = 4  # a patch covers this part of a side
STEPS = 7  # places of the patch along a side
BATCH = 32


class GradCam:
    """Grad-CAM (Selvaraju et al. 2017, arXiv:1610.02391) of a whole network, pixels to probabilities.

    The last feature map is weighted, channel by channel, with the mean gradient of the class's score before the
    softmax. Keras has no gradient API, so TensorFlow's or JAX's is used. The network is modified, its last layer
    then returns logits, so pass a copy that is used for nothing else.
    """

    def __init__(self, network: keras.Model) -> None:
        if any(layer.name == AVERAGES for layer in network.layers):
            raise InputError("Its head looks into all layers, not at one feature map.", "Use occlusion.")
        last = _last_layer(network)
        if getattr(last, "activation", None) is not keras.activations.softmax:
            raise InputError("The network does not end in a softmax layer.", "Use occlusion, which works for any.")
        last.activation = keras.activations.linear
        self._trunk, self._tail = split_network(network, FEATURES)
        if not self._trunk.weights:
            raise InputError("The networks of an ensemble have no feature map in common.", "Use occlusion.")

    def maps(self, images: np.ndarray, classes: np.ndarray) -> np.ndarray:
        """Heat for images `(n, size, size, 3)` and the class of each, `(n,)`: 0 to 1, `(n, h, w)` of the map."""
        features = keras.ops.convert_to_tensor(self._trunk.predict_on_batch(images.astype("float32")))
        gradient = _gradient(self._tail, features, np.asarray(classes, dtype="int32"))
        weights = gradient.mean(axis=(1, 2), keepdims=True)
        found: np.ndarray = (weights * keras.ops.convert_to_numpy(features)).sum(axis=-1)
        return normalise_maps(found)


def _last_layer(network: keras.Model) -> keras.layers.Layer:
    layer = network.layers[-1]
    while isinstance(layer, keras.Model):
        layer = layer.layers[-1]
    return layer


def _gradient(tail: keras.Model, features: Any, classes: np.ndarray) -> np.ndarray:
    """Of each class's score by the feature map, in its shape."""
    wanted = keras.ops.one_hot(classes, tail.output_shape[-1])
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        with tf.GradientTape() as tape:
            tape.watch(features)
            score = tf.reduce_sum(tail(features, training=False) * wanted)
        return np.asarray(tape.gradient(score, features))
    if keras.backend.backend() == "jax":
        import jax

        trained = [variable.value for variable in tail.trainable_variables]
        fixed = [variable.value for variable in tail.non_trainable_variables]

        def total(x: Any) -> Any:
            return (tail.stateless_call(trained, fixed, x, training=False)[0] * wanted).sum()

        return np.asarray(jax.grad(total)(features))
    raise InputError("Grad-CAM needs TensorFlow or JAX.", "Use occlusion, which works with any.")


def occlusion_maps(network: keras.Model, images: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """How much a class's probability drops when a part is covered (Zeiler and Fergus 2014, arXiv:1311.2901).

    A patch of a quarter of the side, in the image's mean colour, goes over 7 × 7 places; a pixel's heat is the mean
    loss of the patches that cover it.

    Args:
        network: pixels to probabilities.
        images: `(n, size, size, 3)`, 0 to 255.
        classes: the class of each, `(n,)`.

    Returns:
        0 to 1, `(n, size, size)`.
    """
    size = images.shape[1]
    side = max(1, size // PATCH)
    places = np.linspace(0, size - side, STEPS).round().astype(int)
    found = np.zeros(images.shape[:3])
    for image, wanted, heat in zip(images.astype("float32"), classes, found, strict=True):
        covered = np.repeat(image[None], STEPS**2, axis=0)
        boxes = [(slice(y, y + side), slice(x, x + side)) for y in places for x in places]
        for one, box in zip(covered, boxes, strict=True):
            one[box] = image.mean(axis=(0, 1))
        before = network.predict_on_batch(image[None])[0, wanted]
        after = network.predict(covered, batch_size=BATCH, verbose=0)[:, wanted]
        times = np.zeros(heat.shape)
        for lost, box in zip(before - after, boxes, strict=True):
            heat[box] += lost
            times[box] += 1
        heat /= np.maximum(times, 1)
    return normalise_maps(found)
