"""The textbook head: a frozen convolutional base, flattened, and two dense layers."""

from dataclasses import replace

import keras
from keras import layers

from core.models.networks import FEATURES, split_network
from core.transfer.fitting.fit import fit_by_spec
from core.transfer.fitting.problem import Fitted, Problem

HIDDEN = 1024


def textbook(problem: Problem) -> Fitted:
    """Frozen base, Flatten, Dense 1024 relu, Dense n softmax, Adam with a constant rate, categorical cross-entropy.

    As in introductions to transfer learning, mostly with VGG16 (Simonyan and Zisserman 2015, arXiv:1409.1556) at
    150 × 150 pixels; F. Chollet, “Deep Learning with Python” (2017), chapter 5.3.
    """
    resolved = problem.resolved
    x = problem.activations(FEATURES)
    head = flat_head(x.shape[1:], len(problem.classes), resolved.seed)
    constant = replace(problem, resolved=resolved.model_copy(update={"optimizer": "adam", "schedule": "constant"}))
    facts = fit_by_spec(head, x, constant, "dense layers on the frozen base")

    def build() -> keras.Model:
        trunk, _ = split_network(problem.network(), FEATURES)
        return keras.Model(trunk.input, head(trunk.output), name=f"{trunk.name}_classifier")

    return Fitted(
        probabilities=head.predict(x[problem.judged], batch_size=128, verbose=0),
        build=build,
        facts={"validation_loss": facts["loss"], "validation_accuracy": facts["accuracy"]},
    )


def flat_head(shape: tuple[int, ...], n_classes: int, seed: int) -> keras.Model:
    """A head from feature maps `(n, h, w, channels)` to probabilities `(n, n_classes)` with 1,024 hidden units."""
    return keras.Sequential(
        [
            keras.Input(shape, name="features"),
            layers.Flatten(name="flatten"),
            layers.Dense(
                HIDDEN, activation="relu", kernel_initializer=keras.initializers.GlorotUniform(seed), name="hidden"
            ),
            layers.Dense(
                n_classes,
                activation="softmax",
                dtype="float32",
                kernel_initializer=keras.initializers.GlorotUniform(seed + 1),
                name="probabilities",
            ),
        ],
        name="head",
    )
