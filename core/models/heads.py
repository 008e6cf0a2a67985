"""New layers on top of a backbone."""

import math
from collections.abc import Sequence

import keras
import numpy as np
from keras import layers

from core.models.estimators import TIES


def linear_head(
    n_features: int,
    n_classes: int,
    dropout: float = 0.0,
    weight_decay: float = 0.0,
    seed: int = 0,
    kept: np.ndarray | None = None,
    name: str = "head",
) -> keras.Model:
    """A softmax regression on embeddings: `(n, n_features)` → probabilities `(n, n_classes)`.

    Embeddings are first squashed by tanh and scaled to the same norm, the root of the number of features. Otherwise
    large components, from a few strong patterns, would dominate the rest; Fisher vectors are power- and L2-normalised
    for the same reason (Perronnin, Sánchez and Mensink 2010).

    Args:
        n_features: length of an embedding.
        n_classes: number of classes, in the run's order.
        dropout: share of features set to zero at each training step.
        weight_decay: λ of the penalty λ‖W‖² added to the loss.
        seed: of the initial weights and the dropout.
        kept: the features that the head uses, boolean, `(n_features,)`; by default all. The selection is part of the
            head, so that a saved model is complete.
    """
    return keras.Sequential(
        [
            keras.Input((n_features,), name="features"),
            *squashing_layers(n_features, kept),
            *softmax_layers(n_classes, dropout, weight_decay, seed),
        ],
        name=name,
    )


def softmax_layers(n_classes: int, dropout: float, weight_decay: float, seed: int) -> list[keras.layers.Layer]:
    """The last layers of a head: dropout and a softmax regression; see `linear_head`."""
    return [
        layers.Dropout(dropout, seed=seed, name="dropout"),
        layers.Dense(
            n_classes,
            activation="softmax",
            # Under mixed precision, probabilities are still computed in float32.
            dtype="float32",
            kernel_initializer=keras.initializers.GlorotUniform(seed),
            kernel_regularizer=keras.regularizers.L2(weight_decay) if weight_decay else None,
            name="probabilities",
        ),
    ]


def squashing_layers(n_features: int, kept: np.ndarray | None = None) -> list[keras.layers.Layer]:
    """The first layers of every head: feature selection, tanh, and scaling to the same norm."""
    seen = n_features if kept is None else int(kept.sum())
    return [
        *([] if kept is None else [layers.Rescaling(kept.astype("float32").tolist(), name="selection")]),
        layers.Activation("tanh", name="squash"),
        layers.UnitNormalization(name="one_length"),
        layers.Rescaling(math.sqrt(seen), name="unit_scale"),
    ]


def layers_head(scale: np.ndarray, offset: np.ndarray, n_classes: int) -> keras.Model:
    """A softmax regression on the averages of all layers, standardised by `scale` and `offset`, `(d,)`, squashed."""
    return keras.Sequential(
        [
            keras.Input((len(scale),), name="features"),
            layers.Rescaling(scale.tolist(), offset.tolist(), name="standard"),
            layers.Activation("tanh", name="squash"),
            layers.Dense(n_classes, activation="softmax", dtype="float32", name="probabilities"),
        ],
        name="head",
    )


def weighted_mean(members: Sequence[keras.Model], weights: Sequence[float], name: str = "head") -> keras.Model:
    """The weighted mean of several models' probabilities as one model with the same input; `weights` add up to 1.

    It ends in a softmax of the mean's logarithms, which gives the mean again. So it has logits like every other
    classifier here, and Grad-CAM can use their gradient.
    """
    x = keras.Input(members[0].input_shape[1:], name="features")
    weighed = [layers.Rescaling(weight)(member(x)) for member, weight in zip(members, weights, strict=True)]
    mean = layers.add(weighed) if len(weighed) > 1 else weighed[0]
    return keras.Model(
        x, layers.Activation("softmax", dtype="float32", name="probabilities")(log_probabilities(mean)), name=name
    )


def voting(member: keras.Model) -> keras.Model:
    """The model with all probability, but for a little, on the class that it finds likeliest."""
    x = keras.Input(member.input_shape[1:], name="features")
    shares = member(x)
    named = keras.ops.one_hot(keras.ops.argmax(shares, axis=-1), shares.shape[-1], dtype="float32")
    return keras.Model(x, (1 - TIES) * named + TIES * shares, name=f"{member.name}_vote")


def log_probabilities(probabilities: keras.KerasTensor) -> keras.KerasTensor:
    return keras.ops.log(keras.ops.clip(probabilities, 1e-7, 1.0))


def with_backbone(backbone_model: keras.Model, head: keras.Model) -> keras.Model:
    """Backbone and head as one model that can be saved: images → probabilities. The layers are shared, not copied."""
    return keras.Model(backbone_model.input, head(backbone_model.output), name=f"{backbone_model.name}_classifier")
