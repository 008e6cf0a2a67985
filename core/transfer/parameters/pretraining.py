"""Pretraining: a network learns the source first and goes on with the target from there."""

from core.transfer.fitting.vectors import Learn, VectorFitted, VectorProblem


def pretraining(problem: VectorProblem, learn: Learn) -> VectorFitted:
    """Fit the learner on the source, then on the target from those weights (Yosinski et al. 2014).

    The learner does it, `core.training.tables.learners.network`, as it alone knows which of its layers carry over.
    """
    return learn(problem)
