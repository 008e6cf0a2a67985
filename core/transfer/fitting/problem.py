"""The input and the output of a strategy."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Any

import numpy as np

from core.schemas import ResolvedSpec
from core.transfer.fitting.linear import Head
from core.transfer.fitting.recorder import Recorder

if TYPE_CHECKING:
    import keras

CHOSEN = ("l2", "layers_share")  # facts that say what was chosen, which over folds have no mean
FIT = "core.transfer.fitting.fit:fit"
Fit = Callable[..., dict[str, float]]  # has the signature of that function


def fit_network(*args: Any, **kwargs: Any) -> dict[str, float]:
    """`FIT`, resolved only when it is called, because it imports Keras."""
    found: dict[str, float] = resolve_name(FIT)(*args, **kwargs)
    return found


@dataclass(frozen=True)
class Teacher:
    """A run's network as a teacher, whose outputs are computed on demand: probabilities `(n, classes)` in this run's
    order of classes, and embeddings `(n, d)` of the teacher's length."""

    probabilities: Callable[[], np.ndarray]
    embeddings: Callable[[], np.ndarray]


@dataclass
class Problem:
    """One training problem on images.

    Attributes:
        resolved: what will run; every field that the strategy reads is set.
        targets: class probabilities at every position, `(n, classes)` float32; a mixed view has several classes.
        train, validation: positions of the training and validation samples. A strategy learns from these alone.
            Augmented views of training samples have positions after the samples.
        n_train: number of training samples without views; they come first in `train`.
        groups: group of each sample, `(samples,)`; a group's samples are copies or belong together.
        judged: positions of the samples to predict.
        embeddings: returns the pooled output of the frozen backbone at all positions, `(n, d)` float32.
        activations: returns the output of the backbone up to a block, `(n, h, w, c)` float32.
        images: returns all images at the run's size, `(n, size, size, 3)` uint8.
        features: length of an embedding.
        kept: the features that the head uses, `(features,)` boolean, fitted on `train`; None means all.
        network: builds the backbone, with its pretrained weights, from pixels to embedding.
        untrained: builds the same with random weights.
        teacher: the network of the spec's teacher; None without one.
        with_views: returns the positions of given samples and of the views made only of them; by default without.
        fit: the function that fits a network: `fit_network`, or a learning-rate range test.
    """

    resolved: ResolvedSpec
    classes: tuple[str, ...]
    targets: np.ndarray
    train: np.ndarray
    validation: np.ndarray
    n_train: int
    groups: np.ndarray
    judged: np.ndarray
    embeddings: Callable[[], np.ndarray]
    activations: Callable[[str], np.ndarray]
    images: Callable[[], np.ndarray]
    features: int
    kept: np.ndarray | None
    network: "Callable[[], keras.Model]"
    untrained: "Callable[[], keras.Model]"
    recorder: Recorder
    teacher: Teacher | None = None
    with_views: Callable[[np.ndarray], np.ndarray] = np.asarray
    fit: Fit = fit_network


@dataclass
class Fitted:
    """A trained model.

    Attributes:
        probabilities: `(len(judged), classes)`, rows add up to 1.
        build: returns the whole network, from pixels to probabilities, for saving.
        head: the head on the frozen backbone, if that is all that was learnt; it can be saved without Keras.
        facts: metrics to keep with the run, such as the validation loss of each stage.
    """

    probabilities: np.ndarray
    build: "Callable[[], keras.Model]"
    facts: dict[str, float] = field(default_factory=dict)
    head: Head | None = None
