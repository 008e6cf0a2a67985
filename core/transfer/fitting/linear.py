"""Linear maps of vectors: projections, and classifiers fitted without a network."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import softmax

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class Projection:
    """A linear map of vectors, x ↦ x · matrix + offset, with `matrix` `(d, k)` and `offset` `(k,)`."""

    matrix: np.ndarray
    offset: np.ndarray

    def __call__(self, x: np.ndarray) -> np.ndarray:
        return np.asarray((x @ self.matrix + self.offset).astype("float32"))


@dataclass(frozen=True)
class LinearVote:
    """The weighted average of the probabilities of one or several softmax regressions.

    Attributes:
        kernels: `(t, d, k)`; biases: `(t, k)`; shares: weight of each of the `t`, adding up to 1.
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
        """The same as a Keras model from vectors to probabilities."""
        import keras

        from core.models.heads import weighted_mean

        members = []
        for number, (kernel, bias) in enumerate(zip(self.kernels, self.biases, strict=True), start=1):
            dense = keras.layers.Dense(
                len(bias), activation="softmax", dtype="float32", name=f"probabilities_{number}"
            )
            members.append(keras.Sequential([keras.Input((len(kernel),)), dense], name=f"member_{number}"))
            dense.set_weights([kernel.astype("float32"), bias.astype("float32")])
        return members[0] if len(members) == 1 else weighted_mean(members, self.shares.tolist(), "vote")
