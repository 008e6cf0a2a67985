"""Plain fine-tuning of the last blocks, with no head fitted first."""

from core.models.heads import linear_head
from core.transfer.problem import Fitted, Problem
from core.transfer.tail import finished, open_tail, tune


def fine_tune(problem: Problem) -> Fitted:
    """Train a new head and the last blocks together from the start (Yosinski et al. 2014, arXiv:1411.1792).

    Simpler than two stages and usually a little worse on small data: at first the random head sends large gradients
    into pretrained layers.
    """
    spec = problem.spec
    head = linear_head(
        problem.features,
        len(problem.classes),
        dropout=spec.dropout or 0.0,
        weight_decay=(spec.l2 or 0.0) / len(problem.train),
        seed=spec.seed,
    )
    tail = open_tail(problem, head)
    tune(problem, tail, "head and last blocks")
    return finished(problem, tail)
