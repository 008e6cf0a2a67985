"""New layers on top of a backbone."""

import math
from collections.abc import Sequence

import keras
import numpy as np
from keras import layers


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

    Embeddings are first squashed by tanh and scaled to one length, the root of the number of features. Large
    components, which speak of a few patterns seen strongly, would otherwise drown the rest: the same reason for which
    Fisher vectors are power- and L2-normalised (Perronnin, Sánchez and Mensink 2010).

    Args:
        n_features: length of an embedding.
        n_classes: number of classes, in the run's order.
        dropout: share of features that is left out at each training step.
        weight_decay: λ of the penalty λ‖W‖² that is added to the loss.
        seed: for the initial weights and the dropout.
        kept: which features the head may see, boolean, `(n_features,)`; all of them unless told. It is part of the
            head, so that a saved model stays whole.
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
    """The layers by which a head ends: dropout and a softmax regression; see `linear_head`."""
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
    """The layers by which every head begins: selected, squashed by tanh, and of one length."""
    seen = n_features if kept is None else int(kept.sum())
    return [
        *([] if kept is None else [layers.Rescaling(kept.astype("float32").tolist(), name="selection")]),
        layers.Activation("tanh", name="squash"),
        layers.UnitNormalization(name="one_length"),
        layers.Rescaling(math.sqrt(seen), name="unit_scale"),
    ]


def weighted_mean(members: Sequence[keras.Model], weights: Sequence[float], name: str = "head") -> keras.Model:
    """The weighted mean of several models' probabilities as one model of the same input; `weights` add up to 1.

    It ends in a softmax of the mean's logarithms, which is that mean again: so it has scores before a softmax, as any
    other classifier here, and can be explained by their gradient.
    """
    x = keras.Input(members[0].input_shape[1:], name="features")
    weighed = [layers.Rescaling(weight)(member(x)) for member, weight in zip(members, weights, strict=True)]
    mean = layers.add(weighed) if len(weighed) > 1 else weighed[0]
    return keras.Model(
        x, layers.Activation("softmax", dtype="float32", name="probabilities")(log_probabilities(mean)), name=name
    )


def log_probabilities(probabilities: keras.KerasTensor) -> keras.KerasTensor:
    return keras.ops.log(keras.ops.clip(probabilities, 1e-7, 1.0))


def with_backbone(backbone_model: keras.Model, head: keras.Model) -> keras.Model:
    """Backbone and head as one model that can be saved: images → probabilities. The layers are shared, not copied."""
    return keras.Model(backbone_model.input, head(backbone_model.output), name=f"{backbone_model.name}_classifier")
