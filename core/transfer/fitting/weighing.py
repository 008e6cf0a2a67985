"""How much each sample counts in a loss, and what guessing would cost."""

from typing import Protocol

import numpy as np

from core.evaluation.intervals import effective_size
from core.schemas import ResolvedSpec


def one_hot(labels: np.ndarray, n_classes: int) -> np.ndarray:
    """Class indices `(n,)` as one-hot rows, `(n, n_classes)` float32."""
    return np.asarray(np.eye(n_classes, dtype="float32")[labels])


def sample_weights(
    resolved: ResolvedSpec, y: np.ndarray, train: np.ndarray, given: np.ndarray | None = None
) -> np.ndarray:
    """Weight of each sample in the loss, `(n,)`: the `given` one, or 1, times its class weight."""
    weights = np.ones(len(y)) if given is None else given
    return np.asarray(weights * (y @ class_weights(y[train]))) if resolved.class_weights == "balanced" else weights


class Judged(Protocol):
    """What `validation_weights` needs of a problem; `Problem` and `VectorProblem` have it."""

    @property
    def resolved(self) -> ResolvedSpec: ...
    @property
    def targets(self) -> np.ndarray: ...
    @property
    def train(self) -> np.ndarray: ...
    @property
    def validation(self) -> np.ndarray: ...


def penalty_weight(problem: Judged, n: int, given: np.ndarray | None = None) -> float:
    """`l2` / n, the factor of ‖W‖² in the mean loss over n training samples, with n as large as their weights allow.

    Weights that differ leave fewer samples' worth of evidence, Kish's effective size (1965): eight rare rows that
    count as much as 900 others are learnt by heart under a penalty that is made for 908.
    """
    weights = sample_weights(problem.resolved, problem.targets, problem.train, given)[problem.train]
    share = effective_size(weights) / len(weights) if weights.any() else 1.0
    assert problem.resolved.l2 is not None
    return problem.resolved.l2 / (n * share)


def validation_weights(problem: Judged) -> np.ndarray:
    """The class weights of training at the validation samples, `(len(validation),)`.

    What is kept is chosen by the loss with these weights: by the plain loss, a network trained on balanced classes
    looks worse with every sample of a rare class that it learns to find.
    """
    weights = sample_weights(problem.resolved, problem.targets, problem.train)[problem.validation]
    return np.asarray(weights) if weights.any() else np.ones(len(weights))


def class_weights(targets: np.ndarray) -> np.ndarray:
    """Balanced class weights, n / (classes · n of the class), with which every class has the same total weight.

    Args:
        targets: class probabilities, `(n, classes)`; a mixed sample counts for each class by its share.

    Returns:
        `(classes,)`; zero for a class without samples.
    """
    counts = targets.sum(axis=0, dtype="float64")
    there = counts > 0
    weights = np.zeros(len(counts))
    weights[there] = len(targets) / (there.sum() * counts[there])
    return weights


def loss_and_accuracy(
    probabilities: np.ndarray, targets: np.ndarray, weights: np.ndarray | None = None
) -> dict[str, float]:
    """Cross-entropy (nats) and accuracy of probabilities `(n, classes)` against targets of the same shape.

    `weights`, `(n,)`, are those of the samples in the cross-entropy; in the accuracy every sample counts once.
    """
    each = -(targets * np.log(np.clip(probabilities, 1e-7, 1))).sum(axis=1)
    return {
        "loss": float(np.average(each, weights=weights if weights is not None and weights.any() else None)),
        "accuracy": float((probabilities.argmax(axis=1) == targets.argmax(axis=1)).mean()),
    }


def guessing_loss(targets: np.ndarray, weights: np.ndarray | None = None) -> float:
    """The least cross-entropy of one guess for all samples: the entropy of the classes' weighted shares.

    With balanced weights that is log(classes), without weights the entropy of how often each class occurs.
    """
    shares = np.average(targets, axis=0, weights=weights if weights is not None and weights.any() else None)
    there = shares[shares > 0]
    return float(-(there * np.log(there)).sum())


def describe_guessing(probabilities: np.ndarray, targets: np.ndarray, weights: np.ndarray) -> str | None:
    """A sentence where probabilities are no better than guessing, by the loss with these weights; else None.

    It names even guesses, those by the shares of the classes, and the class that occurs most.
    """
    weighted, plain = loss_and_accuracy(probabilities, targets, weights), loss_and_accuracy(probabilities, targets)
    guess, shares = guessing_loss(targets, weights), guessing_loss(targets)
    if weighted["loss"] < guess:
        return None
    text = f"never fell below that of guessing by the classes' shares ({shares:.3f})"
    if not np.allclose(weights, weights[0]):
        text = (
            f"never fell below that of guessing: {weighted['loss']:.3g} against {guess:.3g} with every class counted"
            f" alike, {plain['loss']:.3g} against {shares:.3f}, the entropy of the classes' shares, with every sample"
            " counted alike"
        )
    most = float(targets.mean(axis=0).max())
    return f"{text}. It is right on {plain['accuracy']:.0%}; naming the largest class each time, on {most:.0%}."
