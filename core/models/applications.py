"""The networks of `keras.applications`, each with its own preprocessing inside the model."""

from typing import Any

import keras
from keras import layers, ops

from core.errors import WeightsError
from core.methods.backbone import Backbone, Scaling, weights_path

# Means and deviations of ImageNet's channels, as keras.applications.imagenet_utils has them.
_MEAN, _DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_CAFFE_MEAN = (123.68, 116.779, 103.939)  # red, green, blue


def build(backbone: Backbone, size: int, weights: bool) -> keras.Model:
    """From RGB images of 0 to 255 to pooled embeddings; see `core.models.networks.build_backbone`.

    `WeightsError` if the weights file does not fit this network.
    """
    network = getattr(keras.applications, backbone.function)
    images = keras.Input((size, size, 3), name="images")
    path = weights_path(backbone) if weights else None
    try:
        model = network(
            include_top=False,
            weights=str(path) if path else None,
            input_tensor=scale_pixels(images, backbone.scaling),
            pooling="avg",
        )
    except (ValueError, OSError) as error:
        if path is None:
            raise
        raise WeightsError(
            f"The weights file {path} does not fit {backbone.title}.", "Delete it, or replace it with an intact copy."
        ) from error
    # Built from our own input: what Keras calls the model's input may be the tensor after the scaling.
    return keras.Model(images, model.output, name=backbone.name if weights else f"{backbone.name}_untrained")


def scale_pixels(images: Any, scaling: Scaling) -> Any:
    """Scale RGB pixels of 0 to 255, a symbolic tensor, as the network expects them.

    - caffe: channels blue, green, red, each minus its ImageNet mean (VGG, ResNet).
    - tf: −1 to 1.
    - torch: 0 to 1, minus ImageNet's mean, divided by its standard deviation (DenseNet).
    - unit: 0 to 1.
    - inside: unchanged, the network scales them itself.
    """
    match scaling:
        case "caffe":
            return ops.flip(layers.Rescaling(1.0, offset=[-m for m in _CAFFE_MEAN], name="centre")(images), axis=-1)
        case "tf":
            return layers.Rescaling(1 / 127.5, offset=-1.0, name="rescale")(images)
        case "torch":
            scale = [1 / (255 * d) for d in _DEVIATION]
            offset = [-m / d for m, d in zip(_MEAN, _DEVIATION, strict=True)]
            return layers.Rescaling(scale, offset=offset, name="rescale")(images)
        case "unit":
            return layers.Rescaling(1 / 255, name="rescale")(images)
        case "inside":
            return images
