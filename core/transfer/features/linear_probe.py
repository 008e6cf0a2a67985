"""The linear probe: a softmax regression on frozen embeddings."""

import numpy as np

from core.transfer.fitting.problem import Fitted, Problem
from core.transfer.fitting.softmax import AnySolvedHead, solve_head
from core.transfer.fitting.weighing import loss_and_accuracy, validation_weights


def linear_probe(problem: Problem) -> Fitted:
    """Solve the head alone (Alain and Bengio 2016, arXiv:1610.01644), on training and validation samples together.

    Validation samples are predicted out of fold, by heads that did not learn from them, test samples by the head that
    is kept.
    """
    learnt = np.concatenate([problem.train[: problem.n_train], problem.validation])
    return fitted_from_head(problem, learnt, solve_head(problem, learnt), problem.embeddings())


def fitted_from_head(problem: Problem, learnt: np.ndarray, solved: AnySolvedHead, x: np.ndarray) -> Fitted:
    """The result of a head that was solved on the samples `learnt`, validation last; `x`, `(n, d)`: what it sees."""
    probabilities = solved.head.predict_proba(x[problem.judged])
    held_out = dict(zip(learnt.tolist(), solved.held_out, strict=True))
    for place, position in enumerate(problem.judged.tolist()):
        if position in held_out:
            probabilities[place] = held_out[position]
    validation = problem.validation
    scores = loss_and_accuracy(
        solved.held_out[problem.n_train :], problem.targets[validation], validation_weights(problem)
    )
    return Fitted(
        probabilities=probabilities,
        build=lambda: solved.head.classifier(problem.network()),
        facts={"validation_loss": scores["loss"], "validation_accuracy": scores["accuracy"], "l2": solved.l2},
        head=solved.head,
    )
