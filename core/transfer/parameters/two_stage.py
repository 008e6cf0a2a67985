"""Two-stage fine-tuning: the head first, then the backbone's last blocks; keeps the better of the two."""

from core.transfer.fitting.problem import Fitted, Problem
from core.transfer.parameters.tail import after_head, tune_tail


def two_stage(problem: Problem) -> Fitted:
    """Fit the head on frozen embeddings, then head and last blocks together at a low learning rate."""
    return after_head(problem, lambda tail: tune_tail(problem, tail, "stage 2 of 2: last blocks"))
