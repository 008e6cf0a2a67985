"""Linear maps of vectors: projections, and classifiers fitted without a network."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import softmax

from core.data.findings.label_errors import normalize_embeddings
from core.embedding.classifier_file import read_head, write_classifier
from core.methods.backbone import Backbone

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


@dataclass(frozen=True)
class SoftmaxHead:
    """A softmax regression on embeddings, squashed as in `core.models.heads.linear_head`.

    Attributes:
        kernel: `(d, k)`; bias: `(k,)`.
        kept: the features that it uses, `(d,)` boolean; None means all.
    """

    kernel: np.ndarray
    bias: np.ndarray
    kept: np.ndarray | None = None

    def predict_proba(self, embeddings: np.ndarray) -> np.ndarray:
        """Probabilities, `(n, k)`, of embeddings `(n, d)`."""
        return np.asarray(softmax(squash(embeddings, self.kept) @ self.kernel + self.bias, axis=1))

    def write(self, path: Path, backbone: Backbone, size: int) -> None:
        """Write backbone and head to a Keras file, without Keras."""
        write_classifier(path, backbone, size, self.kernel, self.bias, self.kept)

    def network(self, dropout: float = 0.0, weight_decay: float = 0.0, seed: int = 0) -> "keras.Model":
        """The same as a Keras model, which can be trained further under this dropout and penalty."""
        from core.models.heads import linear_head

        features, classes = self.kernel.shape
        head = linear_head(features, classes, dropout, weight_decay, seed, self.kept)
        head.get_layer("probabilities").set_weights([self.kernel, self.bias])
        return head

    def classifier(self, backbone: "keras.Model") -> "keras.Model":
        """Backbone and head as one Keras model, images to probabilities."""
        from core.models.heads import with_backbone

        return with_backbone(backbone, self.network())


@dataclass(frozen=True)
class LayersHead:
    """A softmax regression on the averages of all layers, standardised and squashed by tanh.

    Attributes:
        kernel: `(d, k)`; bias: `(k,)`.
        scale, offset: what standardises an average, `(d,)`.
    """

    kernel: np.ndarray
    bias: np.ndarray
    scale: np.ndarray
    offset: np.ndarray

    def predict_proba(self, averages: np.ndarray) -> np.ndarray:
        """Probabilities, `(n, k)`, of averages `(n, d)`."""
        return np.asarray(softmax(np.tanh(averages * self.scale + self.offset) @ self.kernel + self.bias, axis=1))

    def write(self, path: Path, backbone: Backbone, size: int) -> None:
        """Write backbone and head to a Keras file, without Keras."""
        write_classifier(path, backbone, size, self.kernel, self.bias, standard=(self.scale, self.offset))

    def classifier(self, backbone: "keras.Model") -> "keras.Model":
        """Backbone and head as one Keras model, images to probabilities."""
        from core.models.heads import layers_head, with_backbone
        from core.models.networks import layer_averages

        head = layers_head(self.scale, self.offset, len(self.bias))
        head.get_layer("probabilities").set_weights([self.kernel, self.bias])
        return with_backbone(layer_averages(backbone), head)


Head = SoftmaxHead | LayersHead


def load_head(path: Path) -> Head:
    """The head of a Keras file that `write` made."""
    values = read_head(path)
    return LayersHead(**values) if "scale" in values else SoftmaxHead(**values)


def squash(embeddings: np.ndarray, kept: np.ndarray | None = None) -> np.ndarray:
    """Embeddings as the head sees them: without the features that are not kept, squashed, all of the same norm."""
    seen = embeddings if kept is None else embeddings * kept
    return normalize_embeddings(seen) * np.float32(np.sqrt(embeddings.shape[1] if kept is None else kept.sum()))
