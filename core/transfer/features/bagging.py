"""Bagging: heads on bootstrap samples of the training samples, averaged."""

from dataclasses import replace

import keras
import numpy as np

from core.models.heads import weighted_mean, with_backbone
from core.transfer.features.trained_head import fit_head
from core.transfer.fitting.problem import Fitted, Problem
from core.transfer.fitting.weighing import loss_and_accuracy, validation_weights


def bagging(problem: Problem) -> Fitted:
    """Fit `resolved.estimators` heads on bootstrap samples and average their probabilities (Breiman 1996).

    Samples are drawn with replacement within each class, so that no class is lost from a small dataset.
    """
    heads = []
    for i in range(problem.resolved.estimators):
        drawn = bootstrap(problem, np.random.default_rng((problem.resolved.seed, i)))
        resolved = problem.resolved.model_copy(update={"seed": problem.resolved.seed + i})
        once = replace(problem, resolved=resolved, train=drawn)
        heads.append(fit_head(once, f"head {i + 1} of {problem.resolved.estimators}", f"head_{i + 1}")[0])
    return fitted_with_head(problem, weighted_mean(heads, [1 / len(heads)] * len(heads)))


def bootstrap(problem: Problem, random: np.random.Generator) -> np.ndarray:
    """A bootstrap sample of `problem.train`, of the same size, drawn within each class."""
    classes = problem.targets[problem.train].argmax(axis=1)
    drawn = [random.choice(rows, len(rows)) for c in np.unique(classes) for rows in [problem.train[classes == c]]]
    return np.concatenate(drawn)


def fitted_with_head(problem: Problem, head: keras.Model) -> Fitted:
    """The result of a strategy whose head combines several heads, evaluated as one."""
    x = problem.embeddings()
    best = loss_and_accuracy(
        head.predict(x[problem.validation], batch_size=256, verbose=0),
        problem.targets[problem.validation],
        validation_weights(problem),
    )
    return Fitted(
        probabilities=head.predict(x[problem.judged], batch_size=256, verbose=0),
        build=lambda: with_backbone(problem.network(), head),
        facts={"validation_loss": best["loss"], "validation_accuracy": best["accuracy"]},
    )
