"""Stacking: heads of several kinds and a meta-learner trained on their out-of-fold predictions."""

from collections.abc import Callable
from dataclasses import replace

import keras
import numpy as np
from keras import layers
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import GridSearchCV, StratifiedGroupKFold

from core.errors import DataError
from core.models.heads import squashing_layers
from core.transfer.features.bagging import fitted_with_head
from core.transfer.features.trained_head import fit_head
from core.transfer.fitting.fit import fit_by_spec
from core.transfer.fitting.problem import Fitted, Problem
from core.transfer.fitting.weighing import class_weights, one_hot, penalty_weight

FOLDS = 5
UNITS = 64  # of the head with a hidden layer
SHARPNESS = 10.0  # of the prototypes' softmax over cosines; fixed, because the meta-learner rescales it
STRENGTHS = (0.1, 1.0, 10.0, 100.0)  # C of the meta-learner, chosen in the same folds

FitHead = Callable[[Problem, str], keras.Model]


def stacking(problem: Problem) -> Fitted:
    """Stack a linear head, one with a hidden layer, and class prototypes (Wolpert 1992).

    The meta-learner is a logistic regression on their out-of-fold probabilities (Ting and Witten 1999) for the
    training samples, in folds that keep copies together. The three heads are then fitted again on all of them.
    """
    rows = problem.train[: problem.n_train]
    truth = problem.targets[rows].argmax(axis=1)
    held_out = np.concatenate([out_of_fold(problem, rows, truth, fit, name) for name, fit in HEADS.items()], axis=1)
    last = last_head(problem, held_out, truth, rows)
    heads = [fit(problem, name) for name, fit in HEADS.items()]
    return fitted_with_head(problem, stacked_network(heads, last, len(problem.classes)))


def out_of_fold(problem: Problem, rows: np.ndarray, truth: np.ndarray, fit: FitHead, name: str) -> np.ndarray:
    """Out-of-fold probabilities of the training samples at `rows`, `(n, classes)`."""
    probabilities = np.empty((len(rows), len(problem.classes)))
    for fold, (learnt, judged) in enumerate(
        stratified_folds(truth, problem.groups[rows], problem.resolved.seed), start=1
    ):
        head = fit(replace(problem, train=rows[learnt], n_train=len(learnt)), f"{name}, fold {fold} of {FOLDS}")
        probabilities[judged] = head.predict(problem.embeddings()[rows[judged]], batch_size=256, verbose=0)
    return probabilities


def last_head(problem: Problem, held_out: np.ndarray, truth: np.ndarray, rows: np.ndarray) -> LogisticRegression:
    """The meta-learner, a logistic regression with the C that predicts best in the folds."""
    model = LogisticRegression(max_iter=2000, class_weight=_class_weight(problem))
    each = (
        class_weights(one_hot(truth, len(problem.classes))) if model.class_weight else np.ones(len(problem.classes))
    )

    def scoring(fitted: LogisticRegression, x: np.ndarray, y: np.ndarray) -> float:
        """Minus the log loss, with classes weighted as in training."""
        return -float(log_loss(y, fitted.predict_proba(x), sample_weight=each[y], labels=fitted.classes_))

    splits = stratified_folds(truth, problem.groups[rows], problem.resolved.seed)
    search = GridSearchCV(model, {"C": STRENGTHS}, scoring=scoring, cv=splits)
    best: LogisticRegression = search.fit(held_out, truth).best_estimator_
    return best


def stratified_folds(truth: np.ndarray, groups: np.ndarray, seed: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Training and test positions of each fold, by group, with every class in both."""
    splits = list(StratifiedGroupKFold(FOLDS, shuffle=True, random_state=seed).split(truth, truth, groups))
    if any(len(np.unique(truth[learnt])) < len(np.unique(truth)) for learnt, _ in splits):
        raise DataError(
            "Stacking needs every class in each of five folds of the training samples.",
            "Add samples of the smallest class, or use bagging, which needs no folds.",
        )
    return splits


def stacked_network(heads: list[keras.Model], last: LogisticRegression, classes: int) -> keras.Model:
    """The heads and the meta-learner as one model: embedding to probabilities."""
    x = keras.Input(heads[0].input_shape[1:], name="features")
    joined = layers.concatenate([head(x) for head in heads])
    top = layers.Dense(classes, activation="softmax", dtype="float32", name="probabilities")
    model = keras.Model(x, top(joined), name="head")
    kernel, bias = np.zeros((joined.shape[-1], classes)), np.full(classes, -1e3)
    there = last.classes_
    if len(there) == 2:  # scikit-learn has one score for two classes: half of it for one, minus half for the other
        coefficients, intercepts = (
            np.stack([-last.coef_[0], last.coef_[0]]) / 2,
            np.array([-1, 1]) * last.intercept_ / 2,
        )
    else:
        coefficients, intercepts = last.coef_, last.intercept_
    kernel[:, there], bias[there] = coefficients.T, intercepts
    top.set_weights([kernel, bias])
    return model


def _linear(problem: Problem, phase: str) -> keras.Model:
    return fit_head(problem, phase, "linear")[0]


def _hidden(problem: Problem, phase: str) -> keras.Model:
    """A hidden layer of ReLU units between the first layers and the softmax of the linear head."""
    resolved = problem.resolved
    last = keras.layers.Dense(
        len(problem.classes),
        activation="softmax",
        dtype="float32",
        kernel_initializer=keras.initializers.GlorotUniform(resolved.seed),
        kernel_regularizer=keras.regularizers.L2(penalty_weight(problem, problem.n_train)),
    )
    model = keras.Sequential(
        [
            keras.Input((problem.features,)),
            *squashing_layers(problem.features, problem.kept),
            layers.Dropout(resolved.dropout, seed=resolved.seed),
            layers.Dense(UNITS, activation="relu", kernel_initializer=keras.initializers.HeNormal(resolved.seed)),
            last,
        ],
        name="hidden",
    )
    fit_by_spec(model, problem.embeddings(), problem, phase)
    return model


def _prototypes(problem: Problem, phase: str) -> keras.Model:
    """A softmax over cosines to the mean squashed embedding of each class (Snell et al. 2017, without episodes)."""
    problem.recorder.phase(phase)
    first = [keras.Input((problem.features,)), *squashing_layers(problem.features, problem.kept)]
    last = layers.Dense(len(problem.classes), activation="softmax", dtype="float32")
    model = keras.Sequential([*first, last], name="prototypes")
    seen = keras.Sequential(first).predict(problem.embeddings()[problem.train], batch_size=1024, verbose=0)
    shares = problem.targets[problem.train]
    means = (shares.T @ seen) / np.maximum(shares.sum(axis=0), 1e-9)[:, None]
    lengths = np.maximum(np.linalg.norm(means, axis=1, keepdims=True), 1e-9)
    length = float(np.linalg.norm(seen[0])) or 1.0
    bias = np.where(shares.sum(axis=0) > 0, 0.0, -1e3)  # a class without a sample has no prototype
    last.set_weights([(SHARPNESS * means / lengths / length).T, bias])
    return model


HEADS: dict[str, FitHead] = {"linear": _linear, "hidden layer": _hidden, "prototypes": _prototypes}


def _class_weight(problem: Problem) -> str | None:
    return "balanced" if problem.resolved.class_weights == "balanced" else None
