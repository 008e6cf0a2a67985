"""Plain fine-tuning of the last blocks, with no head fitted first."""

from core.transfer.features.linear_probe import new_head
from core.transfer.fitting.problem import Fitted, Problem
from core.transfer.parameters.tail import fitted_from_tail, open_tail, tune_tail


def fine_tune(problem: Problem) -> Fitted:
    """Train a new head and the last blocks together from the start (Yosinski et al. 2014, arXiv:1411.1792).

    Simpler than two stages and usually a little worse on small data: at first the random head sends large gradients
    into pretrained layers.
    """
    tail = open_tail(problem, new_head(problem))
    tune_tail(problem, tail, "head and last blocks")
    return fitted_from_tail(problem, tail)
