"""EfficientNet-Lite as a Keras functional model, with the published ImageNet weights.

EfficientNet (Tan & Le 2019, https://arxiv.org/abs/1905.11946) without squeeze-and-excitation and with ReLU6, for
mobile devices: https://github.com/tensorflow/tpu/tree/master/models/official/efficientnet/lite
"""

import math
from dataclasses import dataclass

import keras
import numpy as np
from keras import layers

from core.embedding.torch_weights import read_weights
from core.errors import WeightsError
from core.methods.backbone import Backbone, weights_path

# (repeats, kernel, stride, expand, filters) of each stage, before scaling.
_STAGES = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)
_STEM_FILTERS = 32
_HEAD_FILTERS = 1280
_EPSILON = 1e-3


@dataclass(frozen=True)
class ResidualBlock:
    """One inverted residual block (Sandler et al. 2018, https://arxiv.org/abs/1801.04381)."""

    kernel: int
    stride: int
    expand: int
    filters_in: int
    filters: int

    @property
    def residual(self) -> bool:
        return self.stride == 1 and self.filters_in == self.filters


def residual_blocks(backbone: Backbone) -> list[ResidualBlock]:
    """The blocks from input to output: width scales filters, depth scales repeats of the inner stages."""
    plan: list[ResidualBlock] = []
    filters_in = _STEM_FILTERS
    for stage, (repeats, kernel, stride, expand, unscaled) in enumerate(_STAGES):
        filters = _round_filters(unscaled * backbone.width)
        if 0 < stage < len(_STAGES) - 1:
            repeats = math.ceil(backbone.depth * repeats)
        for repeat in range(repeats):
            plan.append(ResidualBlock(kernel, stride if repeat == 0 else 1, expand, filters_in, filters))
            filters_in = filters
    return plan


def _round_filters(filters: float) -> int:
    """The nearest multiple of 8, but never more than a tenth below."""
    rounded = max(8, int(filters + 4) // 8 * 8)
    return rounded + 8 if rounded < 0.9 * filters else rounded


def build(backbone: Backbone, size: int, weights: bool) -> keras.Model:
    """From RGB images of 0 to 255 to pooled embeddings; see `core.models.networks.build_backbone`.

    The last layers of the blocks are named `block_0`, `block_1`, …
    """
    model = _network(backbone, size, top=False, weights=weights)
    if weights:
        _assign(model, backbone)
    return model


def build_classifier(backbone: Backbone) -> keras.Model:
    """The whole pretrained network with its ImageNet head: `(n, size, size, 3)` → logits `(n, 1000)`."""
    model = _network(backbone, backbone.input_size, top=True, weights=True)
    _assign(model, backbone)
    return model


def _network(backbone: Backbone, size: int, top: bool, weights: bool) -> keras.Model:
    images = keras.Input((size, size, 3), name="images")
    # (x − 127) / 128. The package's README gives mean and standard deviation instead; on photographs that is worse.
    x = layers.Rescaling(1 / 128, offset=-127 / 128, name="rescale")(images)
    x = layers.Conv2D(_STEM_FILTERS, 3, 2, padding="same", use_bias=False, name="stem_conv")(x)
    x = _normalise(x, "stem")
    for number, block in enumerate(residual_blocks(backbone)):
        x = _block(x, block, f"block_{number}")
    x = layers.Conv2D(_HEAD_FILTERS, 1, use_bias=False, name="head_conv")(x)
    x = _normalise(x, "head")
    x = layers.GlobalAveragePooling2D(name="embedding")(x)
    if top:
        x = layers.Dense(1000, name="logits")(x)
    return keras.Model(images, x, name=backbone.name if weights else f"{backbone.name}_untrained")


def _block(x: keras.KerasTensor, block: ResidualBlock, name: str) -> keras.KerasTensor:
    start = x
    if block.expand > 1:
        x = layers.Conv2D(block.filters_in * block.expand, 1, use_bias=False, name=f"{name}_expand_conv")(x)
        x = _normalise(x, f"{name}_expand")
    x = layers.DepthwiseConv2D(
        block.kernel, block.stride, padding="same", use_bias=False, name=f"{name}_depthwise_conv"
    )(x)
    x = _normalise(x, f"{name}_depthwise")
    x = layers.Conv2D(block.filters, 1, use_bias=False, name=f"{name}_project_conv")(x)
    x = _normalise(x, f"{name}_project", activation=False)
    # Every block ends in a layer with its name, so that the network can be cut there.
    return layers.Add(name=name)([x, start]) if block.residual else layers.Identity(name=name)(x)


def _normalise(x: keras.KerasTensor, name: str, activation: bool = True) -> keras.KerasTensor:
    x = layers.BatchNormalization(epsilon=_EPSILON, name=f"{name}_norm")(x)
    return layers.ReLU(6.0, name=f"{name}_relu")(x) if activation else x


def _sources(model: keras.Model) -> dict[str, str]:
    """Keras layer name → prefix of its tensors' names in the PyTorch file."""
    in_block = {
        "expand_conv": "_expand_conv",
        "expand_norm": "_bn0",
        "depthwise_conv": "_depthwise_conv",
        "depthwise_norm": "_bn1",
        "project_conv": "_project_conv",
        "project_norm": "_bn2",
    }
    sources = {
        "stem_conv": "_conv_stem",
        "stem_norm": "_bn0",
        "head_conv": "_conv_head",
        "head_norm": "_bn1",
        "logits": "_fc",
    }
    for number in range(sum(layer.name.endswith("_project_conv") for layer in model.layers)):
        sources |= {f"block_{number}_{ours}": f"_blocks.{number}.{theirs}" for ours, theirs in in_block.items()}
    return sources


def _assign(model: keras.Model, backbone: Backbone) -> None:
    """Load the published weights into `model`; only tensors of the ImageNet head may be left over."""
    path = weights_path(backbone)
    tensors = {name: value for name, value in read_weights(path).items() if "num_batches_tracked" not in name}
    sources = _sources(model)
    try:
        for layer in model.layers:
            if layer.weights:
                layer.set_weights(_values(layer, sources[layer.name], tensors))
    except (KeyError, ValueError) as error:
        raise WeightsError(f"The weights file {path} does not fit {backbone.title}.") from error
    unused = [name for name in tensors if not name.startswith("_fc.")]
    if unused:
        raise WeightsError(f"The weights file {path} has tensors that {backbone.title} does not use.")


def _values(layer: layers.Layer, source: str, tensors: dict[str, np.ndarray]) -> list[np.ndarray]:
    """Take the tensors of one layer out of `tensors`, in Keras' order and layout (PyTorch keeps kernels as OIHW)."""
    if isinstance(layer, layers.BatchNormalization):
        return [tensors.pop(f"{source}.{name}") for name in ("weight", "bias", "running_mean", "running_var")]
    kernel = tensors.pop(f"{source}.weight")
    if isinstance(layer, layers.DepthwiseConv2D):
        return [kernel.transpose(2, 3, 0, 1)]
    if isinstance(layer, layers.Conv2D):
        return [kernel.transpose(2, 3, 1, 0)]
    return [kernel.T, tensors.pop(f"{source}.bias")]
