"""Backbones as Keras models: building them, splitting them into trunk and tail, freezing batch normalisation."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pkgutil import resolve_name
from typing import Any

import keras
from keras import layers

from core.errors import InputError
from core.methods.backbone import Backbone

FEWEST = 4  # blocks; a network with fewer is divided before every layer with weights
FEATURES, AVERAGES = "features", "averages"
# By name: a network may use the layer `Add` or the operation of that name.
_MERGES = frozenset({"Add", "Concatenate", "Average", "Maximum"})
_POOLS = frozenset({"MaxPooling2D", "AveragePooling2D"})
_SCALES = (layers.BatchNormalization, layers.LayerNormalization, layers.Normalization, layers.Rescaling)


def build_backbone(backbone: Backbone, input_size: int | None = None, weights: bool = True) -> keras.Model:
    """The network without its head.

    Args:
        backbone: the backbone to build.
        input_size: height and width of the images in pixels; by default the backbone's own.
        weights: whether to load the pretrained weights; a model with random weights is named `NAME_untrained`.

    Returns:
        A model from RGB images of 0 to 255, `(n, size, size, 3)`, to pooled embeddings, `(n, features)`. The scaling
        of pixels is part of the model.

    Raises:
        WeightsError: the weights are missing, damaged, or not of this network.
        InputError: the network does not accept images of this size.
    """
    size = input_size or backbone.input_size
    if size < backbone.smallest_size:
        raise InputError(
            f"{backbone.title} accepts images of {backbone.smallest_size} px and more, not of {size}.",
            f"Choose an image size of at least {backbone.smallest_size} px.",
        )
    model: keras.Model = resolve_name(backbone.builder)(backbone, size, weights)
    return model


@dataclass(frozen=True)
class Block:
    """Consecutive layers of a network that end where a single tensor, `end`, carries all information.

    `name` numbers the blocks from the input: Keras' layer names differ from process to process.
    """

    name: str
    end: keras.KerasTensor
    layers: tuple[layers.Layer, ...]


def network_blocks(model: keras.Model) -> list[Block]:
    """The blocks of a network, from input to output; layers after the last block belong to none.

    Layers called `block_0`, `block_1`, … end a block. In other networks a block ends after a merge of branches or a
    pooling and the layers without weights that follow it. A network with hardly any such place is divided before
    every layer with weights.
    """
    narrow = list(_narrow(model))
    named = [n for n, (_, segment) in enumerate(narrow) if re.fullmatch(r"block_\d+", segment[-1].name)]
    ends = named or _ends(narrow, _MERGES | _POOLS)
    if len(ends) < FEWEST:
        ends = _ends(narrow, None)
    found = []
    for number, (first, last) in enumerate(pairwise([-1, *ends])):
        inside = [op for _, segment in narrow[first + 1 : last + 1] for op in segment]
        own = tuple(op for op in inside if isinstance(op, layers.Layer))
        found.append(Block(f"block_{number}", narrow[last][0], own))
    return found


def block_names(model: keras.Model) -> list[str]:
    """Names of the blocks; the network can be cut at the end of each."""
    return [block.name for block in network_blocks(model)]


def _narrow(model: keras.Model) -> Iterator[tuple[keras.KerasTensor, list[keras.Operation]]]:
    """Each place, from the input, where one tensor carries all information, with the operations since the last."""
    nodes = _nodes(model)
    awaited = Counter(id(tensor) for node in nodes for tensor in node.input_tensors)
    carrying: set[int] = set()
    segment: list[keras.Operation] = []
    for node in nodes:
        for tensor in node.input_tensors:
            awaited[id(tensor)] -= 1
            if not awaited[id(tensor)]:
                carrying.discard(id(tensor))
        carrying |= {id(tensor) for tensor in node.output_tensors if awaited[id(tensor)]}
        segment.append(node.operation)
        if len(carrying) <= 1:
            yield node.output_tensors[0], segment
            segment = []


def _nodes(model: keras.Model) -> list[Any]:
    """The calls of the model's layers and operations, from the input on."""
    return [node for depth in sorted(model._nodes_by_depth, reverse=True) for node in model._nodes_by_depth[depth]]


def _ends(narrow: list[tuple[keras.KerasTensor, list[keras.Operation]]], after: frozenset[str] | None) -> list[int]:
    """The places in `narrow` where blocks end: each block has weights and, if given, an operation in `after`."""
    ends: list[int] = []
    weights = ready = False
    for place, (tensor, segment) in enumerate(narrow):
        heavy = any(getattr(op, "weights", ()) and not isinstance(op, _SCALES) for op in segment)
        flat = len(tensor.shape) != 4  # pooled: this is the embedding
        if (heavy or flat) and weights and ready:
            ends.append(place - 1)
            weights = ready = False
        if flat:
            break
        weights = weights or heavy
        ready = ready or after is None or any(type(op).__name__ in after for op in segment)
    return ends


def split_network(model: keras.Model, cut: str) -> tuple[keras.Model, keras.Model]:
    """Trunk (images → activations at `cut`) and tail (activations → the model's output).

    `cut` is the name of a block, or `features`, the map, `(n, h, w, channels)`, that is pooled to the embedding. Both
    share their layers with `model`: training the tail trains `model`. `InputError` if there is no such cut.
    """
    places = {block.name: block.end for block in network_blocks(model)} | {FEATURES: _feature_map(model)}
    if cut not in places:
        raise InputError(f"{model.name} has no block “{cut}”.", f"It can be cut at {', '.join(places)}.")
    return (
        keras.Model(model.input, places[cut], name=f"{model.name}_trunk"),
        keras.Model(places[cut], model.output, name=f"{model.name}_tail"),
    )


def layer_averages(model: keras.Model) -> keras.Model:
    """From images to the averages, over all places, of every block's output and of every depthwise convolution's.

    The convolution's output is taken behind the normalisation and the activation that follow it. The result,
    `(n, h, w, 3)` → `(n, d)`, shares its layers with `model`; the averages stand in the order of the layers.
    """
    ends = {id(block.end) for block in network_blocks(model)} | {id(_feature_map(model))}
    taken = [node for node in _nodes(model) if id(node.output_tensors[0]) in ends or _ends_depthwise(node)]
    averages = [
        layers.GlobalAveragePooling2D(name=f"average_{i}")(node.output_tensors[0]) for i, node in enumerate(taken)
    ]
    out = layers.Concatenate(name=AVERAGES)(averages)
    return keras.Model(model.input, out, name=model.name)


def _ends_depthwise(node: Any) -> bool:
    """Whether it is the activation behind a depthwise convolution."""
    if not isinstance(node.operation, layers.ReLU | layers.Activation):
        return False
    before = _producer(node.input_tensors[0])
    if isinstance(before.operation, layers.BatchNormalization):
        before = _producer(before.input_tensors[0])
    return isinstance(before.operation, layers.DepthwiseConv2D)


def _producer(tensor: keras.KerasTensor) -> Any:
    """The node that computes a tensor; a layer that is called twice has two."""
    history = tensor._keras_history
    return history.operation._inbound_nodes[history.node_index]


def _feature_map(model: keras.Model) -> keras.KerasTensor:
    return [tensor for tensor, _ in _narrow(model) if len(tensor.shape) == 4][-1]


def freeze_batch_norm(model: keras.Model) -> None:
    """Keep every `BatchNormalization` in inference mode while other layers are trained.

    In Keras 3 `fit` overrides `training=False` given at call time (keras-team/keras#20285): the moving statistics
    drift, and on a small dataset that ruins the network. Only `trainable = False` on the layer keeps them.
    """
    for layer in model._flatten_layers():
        if isinstance(layer, layers.BatchNormalization):
            layer.trainable = False
