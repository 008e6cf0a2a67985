"""TrAdaBoost: boosting that lowers the weight of source rows that it misclassifies."""

from typing import Any

import numpy as np

from core.models.estimators import TreeVote
from core.transfer.fitting.linear import LinearVote
from core.transfer.fitting.vectors import Learn, VectorFitted, VectorProblem, fitted_estimator, join_source
from core.transfer.fitting.weighing import sample_weights

ROUNDS = 20
DEPTH = 3  # of the boosted trees, if the learner is based on trees


def tradaboost(problem: VectorProblem, learn: Learn) -> VectorFitted:
    """Dai, Yang, Xue and Yu (2007), “Boosting for transfer learning”.

    Each round fits a weak learner on source and target together. Misclassified target rows gain weight, as in
    AdaBoost; misclassified source rows lose weight, because they contradict the target. The learners of the second
    half of the rounds are combined, as in the paper. Two things differ. With K classes a learner's error may be up to
    1 − 1/K and its weight is log((1 − ε)/ε) + log(K − 1), as in SAMME (Zhu et al. 2009); for two classes this is the
    paper's rule. And the learners' probabilities are averaged instead of votes, so that the result has probabilities.

    Weak learners are softmax regressions on embeddings and for linear learners, otherwise trees of depth 3.
    """
    source = problem.source
    assert source
    both = join_source(problem)
    trees = problem.resolved.trees > 0
    x, y = both.x[both.train], both.labels[both.train]
    of_source = both.train >= len(problem.x)
    weights = sample_weights(both.resolved, both.targets, both.train, both.weights)[both.train]
    models, counts, weights = fit_boosting_rounds(
        x, y, of_source, weights, len(problem.classes), trees, problem.resolved.seed
    )
    half = len(models) // 2
    shares = np.array(counts[half:]) / np.sum(counts[half:])
    model: Any = (
        TreeVote(models[half:], shares, len(problem.classes))
        if trees
        else LinearVote(
            np.stack([m.kernels[0] for m in models[half:]]), np.stack([m.biases[0] for m in models[half:]]), shares
        )
    )
    left = weights[of_source] / max(weights[of_source].mean(), 1e-300)
    facts = {"rounds": float(len(models)), "source_samples": float(of_source.sum())}
    facts["source_share_of_weight"] = float(weights[of_source].sum() / weights.sum())
    return fitted_estimator(problem, model, facts, left)


def fit_boosting_rounds(
    x: np.ndarray,
    y: np.ndarray,
    of_source: np.ndarray,
    weights: np.ndarray,
    k: int,
    trees: bool = False,
    seed: int = 0,
) -> tuple[list[Any], list[float], np.ndarray]:
    """The weak learners of all rounds, their weights, and the weights of the rows after the last round.

    Args:
        x: vectors `(n, d)`.
        y: class indices from 0 to `k` − 1, `(n,)`.
        of_source: whether a row belongs to the source, boolean `(n,)`.
        weights: initial weights of the rows, `(n,)`.
    """
    n = int(of_source.sum())
    shrink = 1 / (1 + np.sqrt(2 * np.log(n) / ROUNDS))
    weights = weights / weights.sum()
    models: list[Any] = []
    counts: list[float] = []
    for number in range(ROUNDS):
        model = _tree(x, y, weights, k, seed + number) if trees else softmax_regression(x, y, weights, k)
        wrong = model.predict_proba(x).argmax(axis=1) != y
        there = weights * ~of_source
        error = float(np.clip((there * wrong).sum() / there.sum(), 1 / (2 * len(y)), 1 - 1 / k - 1e-3))
        count = np.log((1 - error) / error) + np.log(k - 1)
        models.append(model)
        counts.append(float(count))
        weights = weights * np.where(of_source, np.where(wrong, shrink, 1.0), np.where(wrong, np.exp(count), 1.0))
        weights = weights / weights.sum()
    return models, counts, weights


def softmax_regression(x: np.ndarray, y: np.ndarray, weights: np.ndarray, k: int) -> LinearVote:
    """scikit-learn's logistic regression on weighted rows, over all `k` classes, as kernel and bias."""
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(max_iter=500).fit(x, y, sample_weight=weights * len(y))
    coefficients, intercepts = model.coef_, model.intercept_
    if len(model.classes_) == 2:  # scikit-learn keeps only the second class; the first one's are 0
        coefficients = np.stack([np.zeros(x.shape[1]), coefficients[0]])
        intercepts = np.array([0.0, intercepts[0]])
    kernel, bias = np.zeros((x.shape[1], k)), np.full(k, -1e3)
    kernel[:, model.classes_], bias[model.classes_] = coefficients.T, intercepts
    return LinearVote(kernel[None], bias[None], np.ones(1))


def _tree(x: np.ndarray, y: np.ndarray, weights: np.ndarray, k: int, seed: int) -> TreeVote:
    from sklearn.tree import DecisionTreeClassifier

    tree = DecisionTreeClassifier(max_depth=DEPTH, random_state=seed).fit(x, y, sample_weight=weights)
    return TreeVote([tree], np.ones(1), k)
