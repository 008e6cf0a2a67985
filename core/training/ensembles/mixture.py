"""Mixture weights of the members of an ensemble."""

import numpy as np

EVENNESS = 1.0  # pseudo-count of the prior for each member: few validation samples change the weights little
ROUNDS = 500
TOLERANCE = 1e-9


def mixture_weights(probabilities: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Weights of the mixture that makes the labels most likely, by expectation-maximisation (Dempster et al. 1977).

    Args:
        probabilities: of each member, `(members, n, classes)`.
        truth: class indices, `(n,)`.

    Returns:
        `(members,)`, not negative, adding up to 1. The likelihood, with the prior's, is concave in them: where the
        rounds end does not depend on where they began.
    """
    members, n = len(probabilities), len(truth)
    likely = np.clip(probabilities[:, np.arange(n), truth], 1e-7, 1.0)
    weights = np.full(members, 1 / members)
    for _ in range(ROUNDS):
        share = weights[:, None] * likely
        share /= share.sum(axis=0)
        new = (share.sum(axis=1) + EVENNESS) / (n + members * EVENNESS)
        if np.abs(new - weights).max() < TOLERANCE:
            break
        weights = new
    return weights
