"""Transferability scores of a backbone's embeddings, without training: LogME, LEEP, H-score.

Higher is better. They can only be compared between backbones on the same samples.
"""

import numpy as np

ROUNDS = 100  # of the fixed point at most; it has mostly settled after five
SETTLED = 1e-4
TINY = 1e-12


def logme(x: np.ndarray, labels: np.ndarray) -> float:
    """Logarithm of the maximum evidence of a Bayesian linear regression from embeddings to each class, a sample.

    You, Liu, Wang and Long (2021), “LogME: practical assessment of pre-trained models for transfer learning”,
    arXiv:2102.11005; prior precision α and noise precision β are found by the fixed point of their journal version.

    Args:
        x: embeddings, `(n, d)`; labels: class indices, `(n,)`.

    Returns:
        The mean over the classes, in nats.
    """
    x = np.asarray(x, dtype="float64")
    n, d = x.shape
    if n <= d:  # the same directions in half the time
        variances, left = np.linalg.eigh(x @ x.T)
        variances = variances.clip(0)
    else:
        left, singular, _ = np.linalg.svd(x, full_matrices=False)
        variances = singular**2
    found = []
    for c in np.unique(labels):
        y = (labels == c).astype("float64")
        along = (left.T @ y) ** 2
        beyond = max(float(y @ y - along.sum()), 0.0)  # what no linear function of x reaches
        found.append(_evidence(variances, along, beyond, n, d) / n)
    return float(np.mean(found))


def _evidence(variances: np.ndarray, along: np.ndarray, beyond: float, n: int, d: int) -> float:
    """Log evidence of one target at its best α and β. Along the singular directions everything is a sum."""
    alpha = beta = 1.0
    for _ in range(ROUNDS):
        ratio = alpha / beta
        shrunk = along / (ratio + variances) ** 2
        of_weights = float((variances * shrunk).sum())  # ‖m‖², m the posterior mean of the weights
        residual = float((ratio**2 * shrunk).sum()) + beyond
        effective = float((variances / (variances + ratio)).sum())
        before = ratio
        alpha, beta = effective / (of_weights + TINY), (n - effective) / (residual + TINY)
        if abs(alpha / beta - before) <= SETTLED * before:
            break
    ratio = alpha / beta
    shrunk = along / (ratio + variances) ** 2
    of_weights, residual = float((variances * shrunk).sum()), float((ratio**2 * shrunk).sum()) + beyond
    volume = np.log(alpha + beta * variances).sum() + (d - len(variances)) * np.log(alpha)
    fit = beta * residual + alpha * of_weights
    return float((d * np.log(alpha) + n * np.log(beta) - volume - fit - n * np.log(2 * np.pi)) / 2)


def leep(source: np.ndarray, labels: np.ndarray) -> float:
    """Log expected empirical prediction: the mean log-probability of the labels, read off the source's classes.

    Nguyen, Hassner, Seeger and Archambeau (2020), “LEEP: a new measure to evaluate transferability of learned
    representations”, arXiv:2002.12462.

    Args:
        source: probabilities of the classes that the backbone was pretrained on, `(n, z)`, rows adding up to 1.
        labels: class indices, `(n,)`.

    Returns:
        0 at best, and below it.
    """
    classes, codes = np.unique(labels, return_inverse=True)
    joint = np.zeros((len(classes), source.shape[1]))
    np.add.at(joint, codes, source.astype("float64"))
    given_source = joint / joint.sum(axis=0).clip(TINY)
    expected = (given_source[codes] * source).sum(axis=1)
    return float(np.log(expected.clip(TINY)).mean())


def h_score(x: np.ndarray, labels: np.ndarray) -> float:
    """What share of the embeddings' spread lies between the classes, the covariance shrunk after Ledoit and Wolf.

    Bao et al. (2019) introduced the score; Ibrahim, Ponomareva and Mazumder (2022), “Newer is not always better:
    rethinking transferability metrics, their peculiarities, stability and performance”, arXiv:2110.06893, shrink the
    covariance, without which it means nothing where there are hardly more samples than features.

    Args:
        x: embeddings, `(n, d)`; labels: class indices, `(n,)`.

    Returns:
        From 0 to the number of classes less one.
    """
    from sklearn.covariance import ledoit_wolf

    x = np.asarray(x, dtype="float64")
    centred = x - x.mean(axis=0)
    covariance, shrinkage = ledoit_wolf(centred, assume_centered=True)
    classes, codes, counts = np.unique(labels, return_inverse=True, return_counts=True)
    means = np.zeros((len(classes), x.shape[1]))
    np.add.at(means, codes, centred)
    means /= counts[:, None]
    # A feature that never changes has no spread to divide by, and no mean to divide.
    covariance[np.diag_indices_from(covariance)] += TINY
    explained = np.linalg.solve(covariance, means.T)
    return float((1 - shrinkage) * (counts / len(x)) @ np.einsum("cd,dc->c", means, explained))
