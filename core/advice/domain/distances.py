"""Four measures of the distance between two sets of vectors.

All take `x`, `(m, d)`, of the source and `y`, `(n, d)`, of the target. Where `groups`, `(m + n,)`, are given, samples
of one number belong together, as near copies do: a permutation moves them together and no fold divides them.
"""

from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from core.data.findings.label_errors import fit_probe, predict_out_of_fold
from core.errors import InputError
from core.evaluation.areas import roc_auc
from core.evaluation.intervals import Interval

PERMUTATIONS = 999


def mmd(
    x: np.ndarray,
    y: np.ndarray,
    groups: np.ndarray | None = None,
    permutations: int = PERMUTATIONS,
    seed: int = 0,
) -> tuple[float, float]:
    """Unbiased estimate of the squared maximum mean discrepancy, and the p-value of its permutation test.

    Gretton et al. 2012, “A kernel two-sample test”, lemma 6, with a Gaussian kernel as wide as the median distance.
    The p-value counts the order given as one of the permutations, so that it is valid at any number of them.

    Raises:
        InputError: all samples are the same.
    """
    m, n = len(x), len(y)
    kernel = _kernel(np.concatenate([x, y]))
    groups = np.arange(m + n) if groups is None else np.unique(groups, return_inverse=True)[1]
    of_source = np.zeros(groups.max() + 1, dtype="float32")
    of_source[groups[:m]] = 1
    shuffled = np.random.default_rng(seed).permuted(np.tile(of_source, (permutations, 1)), axis=1)
    # A column a permutation, 1 where a sample is taken for one of the source; the order given comes first.
    taken = np.vstack([of_source, shuffled])[:, groups].T
    within = (taken * (kernel @ taken)).sum(axis=0, dtype="float64")
    row = kernel.sum(axis=1, dtype="float64")
    of_taken = row @ taken
    sizes = taken.sum(axis=0, dtype="float64")
    rest = m + n - sizes
    found = (
        within / np.maximum(sizes * (sizes - 1), 1)
        + (row.sum() - 2 * of_taken + within) / np.maximum(rest * (rest - 1), 1)
        - 2 * (of_taken - within) / (sizes * rest)
    )
    return float(found[0]), float((found >= found[0]).mean())


def _kernel(z: np.ndarray) -> np.ndarray:
    """Gaussian kernel of all pairs, `(n, n)` float32, with zeros on the diagonal."""
    z = np.asarray(z, dtype="float32")
    z = z - z.mean(axis=0)
    lengths = np.square(z).sum(axis=1)
    squares = np.maximum(lengths[:, None] + lengths - 2 * (z @ z.T), 0)
    between = squares[np.triu_indices(len(z), 1)]
    between = between[between > 1e-6 * max(float(lengths.mean()), 1e-30)]
    if not len(between):
        raise InputError("All samples are the same, so there is nothing to compare.", "Choose other data.")
    kernel: np.ndarray = np.exp(squares / (-2 * np.median(between)))
    np.fill_diagonal(kernel, 0)
    return kernel


def domain_scores(x: np.ndarray, y: np.ndarray, groups: np.ndarray, linear: bool) -> np.ndarray:
    """Out-of-fold probability that each sample belongs to the target, `(m + n,)`.

    Logistic regression, or boosted trees for the columns of a table, five folds. Every side needs two groups.
    """
    z = np.concatenate([x, y])
    z = z - z.mean(axis=0)
    # Of length 1 on average: for such vectors the regression's penalty was chosen.
    z = z / max(float(np.sqrt(np.square(z).sum(axis=1).mean())), 1e-12)
    labels = np.repeat([0, 1], [len(x), len(y)])
    return predict_out_of_fold(z, labels, groups, learn=fit_probe if linear else _trees)[:, 1]


def _trees(x: np.ndarray, labels: np.ndarray) -> Any:
    """Fitted on one thread: several of them wait for one another where other work goes on."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    with threadpool_limits(1):
        return HistGradientBoostingClassifier(learning_rate=0.05, max_leaf_nodes=8, random_state=0).fit(x, labels)


def domain_auc(scores: np.ndarray, m: int) -> tuple[float, Interval]:
    """How often a sample of the target scores higher than one of the source, with its 95 % interval.

    Scores as `domain_scores` gives them, the `m` of the source first.
    """
    return roc_auc(scores, np.arange(len(scores)) >= m)


def a_distance(scores: np.ndarray, m: int) -> float:
    """Proxy A-distance 2 (1 − 2ε), 0 to 2, ε being the error of the domain classifier, both sides weighing the same.

    Ben-David et al. 2010, “A theory of learning from different domains”, section 4, with the error of a classifier
    that is at hand in the place of the least there can be.
    """
    taken = scores > 1 - m / len(scores)
    error = (taken[:m].mean() + (~taken[m:]).mean()) / 2
    return float(max(0.0, 2 * (1 - 2 * error)))


def coral(x: np.ndarray, y: np.ndarray) -> float:
    """‖C − D‖² / (4 d²) for the covariances of both (Sun and Saenko 2016, “Deep CORAL”, equation 1)."""
    difference = np.cov(x, rowvar=False) - np.cov(y, rowvar=False)
    return float(np.square(difference).sum() / (4 * x.shape[1] ** 2))


def frechet(x: np.ndarray, y: np.ndarray) -> float:
    """Fréchet distance of the Gaussians with the moments of both: ‖μ − ν‖² + tr(C + D − 2 (CD)^½).

    Heusel et al. 2017, “GANs trained by a two time-scale update rule”, equation 6. The covariances are shrunk as
    Ledoit and Wolf (2004) have it, much where there are few samples, so that they are never singular.
    """
    from sklearn.covariance import ledoit_wolf

    first, second = (ledoit_wolf(z)[0] for z in (x.astype("float64"), y.astype("float64")))
    values, vectors = np.linalg.eigh(first)
    root = vectors * np.sqrt(np.maximum(values, 0)) @ vectors.T
    # The eigenvalues of CD are those of C^½ D C^½, which is symmetric.
    crossed = np.sqrt(np.maximum(np.linalg.eigvalsh(root @ second @ root), 0)).sum()
    apart = np.square(x.mean(axis=0, dtype="float64") - y.mean(axis=0, dtype="float64")).sum()
    return float(max(0.0, apart + np.trace(first) + np.trace(second) - 2 * crossed))
