"""The linear probe: a softmax layer on frozen embeddings."""

import keras
import numpy as np

from core.models.heads import linear_head, with_backbone
from core.transfer.fitting.fit import fit_by_spec
from core.transfer.fitting.problem import Fitted, Problem
from core.transfer.fitting.weighing import penalty_weight


def linear_probe(problem: Problem) -> Fitted:
    """Train the head alone (Alain and Bengio 2016, arXiv:1610.01644)."""
    head, facts = fit_head(problem)
    x = problem.embeddings()[problem.judged]
    return Fitted(
        probabilities=head.predict(x, batch_size=256, verbose=0),
        build=lambda: with_backbone(problem.network(), head),
        facts={"validation_loss": facts["loss"], "validation_accuracy": facts["accuracy"]},
    )


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
