"""Linear classifiers on vectors that need no network to be fitted: one, or several that vote."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import softmax

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class LinearVote:
    """Softmax regressions whose probabilities are averaged; one of them is a softmax regression.

    Attributes:
        kernels: `(t, d, k)`; biases: `(t, k)`; shares: how much each of the `t` counts, adding up to 1.
    """

    kernels: np.ndarray
    biases: np.ndarray
    shares: np.ndarray

    @property
    def classes_(self) -> np.ndarray:
        return np.arange(self.biases.shape[1])

    def predict_proba(self, x: np.ndarray) -> np.ndarray:
        """Probabilities, `(n, k)`, of vectors `(n, d)`."""
        total = np.zeros((len(x), self.biases.shape[1]))
        for kernel, bias, share in zip(self.kernels, self.biases, self.shares, strict=True):
            total += share * softmax(x @ kernel + bias, axis=1)
        return total

    def network(self) -> "keras.Model":
        """The same as a network from vectors to probabilities."""
        import keras

        t, d, k = self.kernels.shape
        kernel = self.kernels.transpose(1, 0, 2).reshape(d, t * k)
        if t == 1:
            layers = [keras.layers.Dense(k, activation="softmax", dtype="float32", name="probabilities")]
            weights = [[kernel, self.biases.ravel()]]
        else:
            layers = [
                keras.layers.Dense(t * k, dtype="float32", name="scores"),
                keras.layers.Reshape((t, k), name="a_row_each"),
                keras.layers.Softmax(name="each_votes"),
                keras.layers.Permute((2, 1), name="by_class"),
                keras.layers.Dense(1, use_bias=False, dtype="float32", name="vote"),
                keras.layers.Reshape((k,), name="probabilities"),
            ]
            weights = [[kernel, self.biases.ravel()], [self.shares[:, None]]]
        model = keras.Sequential([keras.Input((d,)), *layers], name="vote")
        for layer, values in zip([x for x in layers if isinstance(x, keras.layers.Dense)], weights, strict=True):
            layer.set_weights([value.astype("float32") for value in values])
        return model
