"""Losses that align the features of two domains while a network is trained on labels.

Features are `(batch, d)`; `target` is 1 for a sample of the target and 0 for one of the source, `(batch,)`. A batch
may have any number of each; with fewer than two of one domain the loss is zero.
"""

import keras
from keras import layers, ops

WIDTHS = (0.25, 0.5, 1.0, 2.0, 4.0)  # of the kernels, in units of the mean squared distance
CRITIC = 256  # units of the domain classifier's hidden layer
STEEPNESS = 10.0  # of the ramp of the gradient's weight, as in the paper


def coral_loss(x: keras.KerasTensor, target: keras.KerasTensor) -> keras.KerasTensor:
    """‖C − D‖² / (4 d²) for the covariances of both domains (Sun and Saenko 2016, “Deep CORAL”, equation 1)."""
    difference = _covariance(x, 1 - target) - _covariance(x, target)
    return ops.sum(ops.square(difference)) / (4.0 * x.shape[1] ** 2)


def mmd_loss(x: keras.KerasTensor, target: keras.KerasTensor) -> keras.KerasTensor:
    """Squared maximum mean discrepancy with several Gaussian kernels (Long et al. 2015, section 3.1).

    The biased estimate, which is never below 0. Kernel widths are `WIDTHS` times the mean squared distance, through
    which no gradient flows.
    """
    lengths = ops.sum(ops.square(x), axis=1)
    squares = ops.maximum(lengths[:, None] + lengths[None, :] - 2 * ops.matmul(x, ops.transpose(x)), 0.0)
    scale = ops.stop_gradient(ops.mean(squares)) + 1e-8
    kernel = sum(ops.exp(-squares / (width * scale)) for width in WIDTHS) / len(WIDTHS)
    apart = (1 - target) / _row_count(1 - target) - target / _row_count(target)
    return ops.sum(apart * ops.matmul(kernel, apart[:, None])[:, 0])


class Critic(layers.Layer):
    """Domain-adversarial loss: a domain classifier with gradient reversal (Ganin et al. 2016, DANN).

    The layers before it learn features that do not separate the domains. The gradient's weight rises from 0 to 1 as
    2 / (1 + exp(−10 p)) − 1, with p the share of `steps` done (section 5.2.2).

    Called with `x` and `target` during training.

    Args:
        steps: batches of the whole fit.
    """

    def __init__(self, steps: int, seed: int) -> None:
        super().__init__(name="critic")
        self._steps = steps
        self._inside = [
            layers.Dense(units, activation=activation, kernel_initializer=keras.initializers.GlorotUniform(seed + i))
            for i, (units, activation) in enumerate(((CRITIC, "relu"), (1, None)))
        ]

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        self._inside[0].build(input_shape)
        self._inside[1].build((input_shape[0], CRITIC))
        self._done = self.add_weight(shape=(), initializer="zeros", trainable=False, name="done")

    def call(self, x: keras.KerasTensor, target: keras.KerasTensor) -> keras.KerasTensor:
        """Cross-entropy of the domain classifier, with both domains weighted equally."""
        self._done.assign_add(1.0)
        ramp = 2.0 / (1.0 + ops.exp(-STEEPNESS * self._done / self._steps)) - 1.0
        z = reverse_gradient(x, ramp)
        for layer in self._inside:
            z = layer(z)
        loss = ops.softplus(z[:, 0]) - target * z[:, 0]
        share = 0.5 * ((1 - target) / _row_count(1 - target) + target / _row_count(target))
        return ops.sum(share * loss)


def reverse_gradient(x: keras.KerasTensor, weight: keras.KerasTensor | float) -> keras.KerasTensor:
    """The identity, whose gradient is multiplied by −`weight`."""
    return ops.stop_gradient(x * (1.0 + weight)) - x * weight


class Alignment(layers.Layer):
    """The identity on features; during training it adds the alignment loss of a method.

    Called with features `(batch, d)` and `target`, `(batch,)`.

    Args:
        method: an entry of `WEIGHTS`; steps: batches of the whole fit; weight: of the loss, times the method's own.
    """

    def __init__(self, method: str, steps: int, seed: int, weight: float = 1.0) -> None:
        super().__init__(name="alignment")
        self._weight = weight * WEIGHTS[method]
        self._loss = Critic(steps, seed) if method == "dann" else {"deep_coral": coral_loss, "mmd": mmd_loss}[method]

    def build(self, input_shape: list[tuple[int | None, ...]]) -> None:
        if isinstance(self._loss, Critic):
            self._loss.build(input_shape[0])

    def call(self, inputs: list[keras.KerasTensor], training: bool = False) -> keras.KerasTensor:
        features, target = inputs
        if training:
            fewest = ops.minimum(ops.sum(target), ops.sum(1 - target))
            both = ops.cast(fewest >= 2, features.dtype)  # a last, short batch may lack a domain
            self.add_loss(self._weight * both * self._loss(features, target))
        return features


# Relative to the cross-entropy. DANN's is the paper's; the others were chosen on photos with added noise. Deep
# CORAL's is large because its loss is divided by the squared number of features.
WEIGHTS = {"mmd": 1.0, "deep_coral": 100.0, "dann": 1.0}


def _row_count(of: keras.KerasTensor) -> keras.KerasTensor:
    return ops.maximum(ops.sum(of), 1.0)


def _covariance(x: keras.KerasTensor, of: keras.KerasTensor) -> keras.KerasTensor:
    mean = ops.sum(x * of[:, None], axis=0) / _row_count(of)
    centred = (x - mean) * of[:, None]
    return ops.matmul(ops.transpose(centred), centred) / ops.maximum(ops.sum(of) - 1.0, 1.0)
