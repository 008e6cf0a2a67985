"""What a strategy is given and what it gives back."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from core.schemas import ResolvedSpec
from core.transfer.fitting.fit import Fit, fit
from core.transfer.fitting.recorder import Recorder

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class Teacher:
    """What a run's network says of the samples, computed when asked for: probabilities `(n, classes)` in this run's
    order of classes, and embeddings `(n, d)` of its own length."""

    probabilities: Callable[[], np.ndarray]
    embeddings: Callable[[], np.ndarray]


@dataclass
class Problem:
    """One training problem on images.

    Attributes:
        resolved: what will run; every field that the strategy reads is set.
        targets: shares of the classes at every position, `(n, classes)` float32; a mixed view is of several.
        train, validation: positions of the samples to learn from and to choose by. What a strategy learns from
            data, it learns from these alone. Augmented views of training samples have positions behind the samples'.
        n_train: number of training samples, views not counted; they come first in `train`.
        groups: of each sample, `(samples,)`; those of one group are copies of each other or belong together.
        judged: positions whose probabilities are wanted.
        embeddings: gives the pooled output of the frozen backbone for all positions, `(n, d)` float32.
        activations: gives the output of the frozen part up to a block, `(n, h, w, c)` float32.
        images: gives all images at the run's size, `(n, size, size, 3)` uint8.
        features: length of an embedding.
        kept: which of its features the head may see, `(features,)` boolean, fitted on `train`; None means all.
        network: builds the backbone, with its pretrained weights, from pixels to embedding.
        untrained: the same with random weights.
        teacher: the run that is the spec's teacher; None without one.
        fit: how a network is fitted: `core.transfer.fitting.fit.fit`, unless something else is to be learnt about it.
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
    fit: Fit = fit


@dataclass
class Fitted:
    """A trained model.

    Attributes:
        probabilities: `(len(judged), classes)`, rows add up to 1.
        build: gives the whole network, from pixels to probabilities, for saving.
        facts: numbers worth keeping with the run, such as the validation loss of each stage.
    """

    probabilities: np.ndarray
    build: "Callable[[], keras.Model]"
    facts: dict[str, float] = field(default_factory=dict)
