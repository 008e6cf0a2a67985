"""Table learners that train several models: bagging, AdaBoost and stacking."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from sklearn.base import clone

from core.errors import DataError
from core.models.estimators import Stack
from core.settings import get_settings
from core.training.tables.learners import best_candidate
from core.transfer.fitting.vectors import VectorFitted, VectorProblem
from core.transfer.fitting.weighing import sample_weights

FOLDS = 5
DEPTH = 3  # of the trees that AdaBoost is made of
STRENGTHS = (0.1, 1.0, 10.0, 100.0)  # C of the learner on top


def bagging(problem: VectorProblem) -> VectorFitted:
    """Trees on rows drawn with replacement (Breiman 1996), the size of their leaves chosen by the validation loss.

    Unlike a random forest's, they choose among all columns at every split.
    """
    from sklearn.ensemble import BaggingClassifier
    from sklearn.tree import DecisionTreeClassifier

    settings = {"random_state": problem.resolved.seed, "n_jobs": get_settings().threads}
    candidates = {
        leaf: BaggingClassifier(
            DecisionTreeClassifier(min_samples_leaf=leaf, class_weight=problem.class_weight),
            problem.resolved.estimators,
            **settings,
        )
        for leaf in (1, 3, 10, 30)
    }
    return best_candidate(problem, "bagging", candidates, "min_samples_leaf")


def ada_boost(problem: VectorProblem) -> VectorFitted:
    """AdaBoost (Freund and Schapire 1997; SAMME for several classes, Zhu et al. 2009) of small trees.

    The learning rate is chosen by the validation loss. With balanced class weights every class starts with the same
    weight.
    """
    from sklearn.ensemble import AdaBoostClassifier
    from sklearn.tree import DecisionTreeClassifier

    weighted = _with_class_weights(problem)
    candidates = {
        rate: AdaBoostClassifier(
            DecisionTreeClassifier(max_depth=DEPTH),
            n_estimators=problem.resolved.estimators,
            learning_rate=rate,
            random_state=problem.resolved.seed,
        )
        for rate in (0.1, 0.3, 1.0)
    }
    return best_candidate(weighted, "boosting", candidates, "learning_rate")


def stacking(problem: VectorProblem) -> VectorFitted:
    """Stack logistic regression, a random forest and gradient boosting (Wolpert 1992).

    The learner on top is a logistic regression on their probabilities (Ting and Witten 1999) for training rows that
    they had not seen; its strength is chosen by the validation loss.
    """
    from sklearn.linear_model import LogisticRegression

    x, y, weights = problem.x[problem.train], problem.labels[problem.train], problem.sample_weight
    bases = _bases(problem)
    held_out = out_of_fold(bases, x, y, weights, problem.resolved.seed)
    fitted = [clone(base).fit(x, y, sample_weight=weights) for base in bases]
    candidates = {
        c: Stack(fitted, LogisticRegression(C=c, max_iter=2000, class_weight=problem.class_weight), held_out)
        for c in STRENGTHS
    }
    return best_candidate(problem, "stacking", candidates, "c")


def out_of_fold(
    bases: Sequence[Any], x: np.ndarray, y: np.ndarray, weights: np.ndarray | None, seed: int
) -> np.ndarray:
    """Out-of-fold probabilities of each base, `(n, bases × classes)`.

    Equal rows stay in one fold, whatever their classes, so that no copy of a predicted row is used for training.
    """
    from sklearn.model_selection import StratifiedGroupKFold

    classes = np.unique(y)
    _, groups = np.unique(x, axis=0, return_inverse=True)
    found = np.empty((len(x), len(bases) * len(classes)))
    for learnt, judged in StratifiedGroupKFold(FOLDS, shuffle=True, random_state=seed).split(x, y, groups.ravel()):
        if len(np.unique(y[learnt])) < len(classes):
            raise DataError(
                "Stacking needs every class in each of five folds of the training rows.",
                "Add rows of the smallest class, or choose a learner that needs no folds.",
            )
        here = None if weights is None else weights[learnt]
        each = [clone(base).fit(x[learnt], y[learnt], sample_weight=here).predict_proba(x[judged]) for base in bases]
        found[judged] = np.concatenate(each, axis=1)
    return found


def _bases(problem: VectorProblem) -> list[Any]:
    from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
    from sklearn.linear_model import LogisticRegression

    weight, seed = problem.class_weight, problem.resolved.seed
    return [
        LogisticRegression(max_iter=2000, class_weight=weight),
        RandomForestClassifier(
            problem.resolved.trees,
            min_samples_leaf=3,
            class_weight=weight,
            random_state=seed,
            n_jobs=get_settings().threads,
        ),
        HistGradientBoostingClassifier(max_iter=50, class_weight=weight, random_state=seed),
    ]


def _with_class_weights(problem: VectorProblem) -> VectorProblem:
    return replace(problem, weights=sample_weights(problem.resolved, problem.targets, problem.train, problem.weights))
