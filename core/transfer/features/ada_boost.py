"""AdaBoost: a sequence of heads, each weighting the samples that the previous ones misclassified."""

import math
from dataclasses import replace

import keras
import numpy as np

from core.models.heads import weighted_mean
from core.transfer.features.bagging import fitted_with_head
from core.transfer.features.trained_head import fit_head
from core.transfer.fitting.problem import Fitted, Problem


def ada_boost(problem: Problem) -> Fitted:
    """Boost up to `resolved.estimators` linear heads by SAMME (Zhu, Zou, Rosset and Hastie 2009).

    A head's weight is log((1 − e) / e) + log(k − 1), with e the weighted error on the training samples and k the
    number of classes; the weights of misclassified samples grow by its exponential. The weighted average is one of
    probabilities instead of votes, so that the ensemble has finer probabilities and a gradient.
    """
    resolved, k = problem.resolved, len(problem.classes)
    x, truth = problem.embeddings(), problem.targets.argmax(axis=1)
    weights = np.zeros(len(truth))
    weights[problem.train] = 1.0
    heads: list[keras.Model] = []
    head_weights: list[float] = []
    for i in range(resolved.estimators):
        once = replace(problem, resolved=resolved.model_copy(update={"seed": resolved.seed + i}))
        head, _ = fit_head(once, f"head {i + 1} of {resolved.estimators}", f"head_{i + 1}", weights.copy())
        wrong = np.zeros(len(truth), dtype=bool)
        predicted = head.predict(x[problem.train], batch_size=256, verbose=0).argmax(axis=1)
        wrong[problem.train] = predicted != truth[problem.train]
        error = weights[wrong].sum() / weights.sum()
        alpha = head_weight(error, k)
        if alpha <= 0 and heads:
            problem.recorder.note(f"Boosting ended after {i} heads: the next was no better than guessing.")
            break
        heads.append(head)
        head_weights.append(max(alpha, 1e-3))
        if error == 0:
            problem.recorder.note(
                f"Boosting ended after {i + 1} heads: the last classifies every training sample correctly, so that no"
                " errors are left."
            )
            break
        weights[wrong] *= math.exp(alpha)
        weights *= len(problem.train) / weights.sum()
    fitted = fitted_with_head(problem, weighted_mean(heads, [weight / sum(head_weights) for weight in head_weights]))
    fitted.facts["heads"] = float(len(heads))
    return fitted


def head_weight(error: float, classes: int) -> float:
    """The weight of a head with this weighted error; below 0 it is worse than guessing."""
    error = min(max(error, 1e-6), 1 - 1e-6)
    return math.log((1 - error) / error) + math.log(classes - 1)
