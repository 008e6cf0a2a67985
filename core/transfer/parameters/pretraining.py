"""Pretraining: a network is trained on the source first, then on the target."""

from core.transfer.fitting.vectors import Learn, VectorFitted, VectorProblem


def pretraining(problem: VectorProblem, learn: Learn) -> VectorFitted:
    """Fit the learner on the source, then on the target from those weights (Yosinski et al. 2014).

    The learner, `core.training.tables.learners.network`, does both, as it knows which of its layers to transfer.
    """
    return learn(problem)
