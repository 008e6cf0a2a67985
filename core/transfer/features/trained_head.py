"""A head on frozen embeddings that is trained by gradient descent, for ensembles of heads and for whole networks."""

import keras
import numpy as np

from core.models.heads import linear_head
from core.transfer.fitting.fit import fit_by_spec
from core.transfer.fitting.problem import Problem
from core.transfer.fitting.weighing import penalty_weight


def fit_head(
    problem: Problem, phase: str = "head", name: str = "head", weights: np.ndarray | None = None
) -> tuple[keras.Model, dict[str, float]]:
    """The trained head, embeddings to probabilities, and its validation loss and accuracy.

    `weights` are sample weights at each position, `(n,)`, times the class weights.
    """
    head = new_head(problem, name)
    return head, fit_by_spec(head, problem.embeddings(), problem, phase, weights)


def new_head(problem: Problem, name: str = "head") -> keras.Model:
    """A head with random weights and the settings of the resolved spec."""
    resolved = problem.resolved
    return linear_head(
        problem.features,
        len(problem.classes),
        dropout=resolved.dropout,
        weight_decay=penalty_weight(problem, problem.n_train),
        seed=resolved.seed,
        kept=problem.kept,
        name=name,
    )
