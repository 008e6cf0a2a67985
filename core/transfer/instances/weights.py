"""How much each row of a source looks like the target: weights for learning from it."""

from collections.abc import Callable
from typing import Any

import numpy as np

from core.errors import DataError, InputError

FEWEST = 10  # samples of a domain from which anything can be said about it
FOLDS = 5
WIDEST = 64  # dimensions beyond which a domain classifier sees the leading principal components alone
LARGEST = 20.0  # times the mean that one row may weigh: a few rows must not decide everything
APART = 0.999  # area under the curve from which nothing of the source looks like the target
KERNEL_ROWS = 6000  # rows of a source whose kernel matrix, 8 bytes a pair, still fits
RIDGE = 1e-3  # of a kernel matrix, whose diagonal is one over the rows
CENTRES = 100
ROUNDS = 1000
WIDTHS = (0.1, 0.3, 1.0, 3.0, 10.0)  # of a kernel, times one over the median squared distance


def instance_weights(
    source: np.ndarray,
    target: np.ndarray,
    method: str = "density_ratio",
    seed: int = 0,
    labels: np.ndarray | None = None,
) -> np.ndarray:
    """A weight for each row of the source, mean 1, estimating how much denser the target is there.

    Learning from weighted source rows is then learning on the target, if only the rows differ and not what their
    classes depend on (covariate shift; Shimodaira 2000), or for `label_shift_weights` if only the classes' shares do.

    Args:
        source, target: vectors, `(n, d)` and `(m, d)`, of the rows that may be learnt from.
        method: an entry of `METHODS`, or `label_shift_weights`.
        labels: class numbers of the source's rows, `(n,)`, which `label_shift_weights` wants.

    Raises:
        DataError: too few rows, or no overlap at all, where no weighting can help. InputError: too many for a method.
    """
    check_domain_sizes(source, target)
    odds, auc = _odds(source, target, seed)
    if auc > APART:
        raise DataError(
            f"Source and target have nothing in common: a classifier tells them apart with an area under the curve of"
            f" {auc:.3f}, so no weighting makes one look like the other.",
            "Align their features, or carry over parameters.",
        )
    if method == "label_shift":
        assert labels is not None
        return label_shift_weights(source, labels, target, seed)
    found = odds if method == "density_ratio" else METHODS[method](source, target, seed)
    found = np.minimum(found, LARGEST * found.mean())
    return found / found.mean()


def check_domain_sizes(source: np.ndarray, target: np.ndarray) -> None:
    """`DataError` where one of the domains has too few rows to say how the two differ."""
    for name, x in (("source", source), ("target", target)):
        if len(x) < FEWEST:
            raise DataError(
                f"The {name} has {len(x)} training samples: too few to tell how the domains differ.",
                f"It takes {FEWEST} at least; carry over parameters instead.",
            )


def domain_auc(source: np.ndarray, target: np.ndarray, seed: int = 0, weights: np.ndarray | None = None) -> float:
    """How well a linear classifier tells the domains apart, out of fold; .5 is not at all, 1 without fail.

    Where there are `weights` of the source's rows, `(n,)`, it learns and is judged with them. Out of fold, domains
    that were made equal look as if told apart the wrong way round, which is not at all.
    """
    return max(0.5, _odds(source, target, seed, weights)[1])


def _odds(
    source: np.ndarray, target: np.ndarray, seed: int, weights: np.ndarray | None = None
) -> tuple[np.ndarray, float]:
    """Of each source row the odds of being of the target, p / (1 − p), and the classifier's area under the curve.

    Both are out of fold: a classifier that has seen a row tells its domain better than it could tell a new one's.
    Written here because skada 0.6's `DiscriminatorReweight` weighs by (1 − p) / p, the wrong way round.
    """
    from sklearn.metrics import roc_auc_score
    from sklearn.model_selection import StratifiedKFold, cross_val_predict

    x = np.concatenate([source, target]).astype("float64")
    of_target = np.repeat([0, 1], [len(source), len(target)])
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=seed)
    model, counts = _classifier(x, seed), None
    if weights is not None:
        counts = np.concatenate([weights / weights.mean(), np.ones(len(target))])
    learnt = {} if counts is None else {f"{model.steps[-1][0]}__sample_weight": counts}
    p = cross_val_predict(model, x, of_target, cv=folds, method="predict_proba", params=learnt)[:, 1]
    here = np.clip(p[: len(source)], 1e-6, 1 - 1e-6)
    return here / (1 - here), float(roc_auc_score(of_target, p, sample_weight=counts))


def _classifier(x: np.ndarray, seed: int) -> Any:
    """A logistic regression, not yet fitted, on at most `WIDEST` dimensions."""
    from sklearn.decomposition import PCA
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    seen = [PCA(min(WIDEST, len(x) // 2), random_state=seed)] if x.shape[1] > WIDEST else []
    return make_pipeline(*seen, StandardScaler(), LogisticRegression(max_iter=2000))


def label_shift_weights(source: np.ndarray, labels: np.ndarray, target: np.ndarray, seed: int = 0) -> np.ndarray:
    """One weight a class, its share in the target over that in the source; mean 1.

    The target's shares are the likeliest ones for what a classifier of the source says of the target's rows, by
    expectation maximisation (Saerens, Latinne and Decaestecker 2002).
    """
    model = _classifier(source, seed).fit(source, labels)
    ours = np.array([(labels == c).mean() for c in model.classes_])
    p = model.predict_proba(target)
    theirs = ours
    for _ in range(ROUNDS):
        adapted = p * (theirs / ours)
        before, theirs = theirs, (adapted / adapted.sum(axis=1, keepdims=True)).mean(axis=0)
        if np.abs(theirs - before).max() < 1e-7:
            break
    found = (theirs / ours)[np.searchsorted(model.classes_, labels)]
    return np.asarray(found / found.mean())


def _kernel_mean_matching(source: np.ndarray, target: np.ndarray, seed: int) -> np.ndarray:
    """Weights under which the means of both domains meet in a kernel's feature space (Huang et al. 2007).

    The quadratic programme with bounds, its quadratic part made firmer by a ridge. skada 0.6 solves it by Frank–Wolfe
    steps, which after hundreds of them have left most weights at nought.
    """
    from scipy.optimize import minimize
    from sklearn.metrics.pairwise import rbf_kernel

    if len(source) > KERNEL_ROWS:
        raise InputError(
            f"Kernel mean matching compares all pairs of {len(source):,} source rows.",
            f"It takes {KERNEL_ROWS:,} at most; choose the method density_ratio.",
        )
    n, gamma = len(source), 1 / _median_distance(source, target, seed)
    kernel = rbf_kernel(source, gamma=gamma) / n
    kernel[np.diag_indices(n)] += RIDGE
    wanted = rbf_kernel(source, target, gamma=gamma).mean(axis=1)

    def distance(w: np.ndarray) -> tuple[float, np.ndarray]:
        pulled = kernel @ w
        return float(w @ (0.5 * pulled - wanted)), pulled - wanted

    bounds = np.repeat([[0, LARGEST]], n, axis=0)
    found: np.ndarray = minimize(distance, np.ones(n), jac=True, method="L-BFGS-B", bounds=bounds).x
    return found


def _kliep(source: np.ndarray, target: np.ndarray, seed: int) -> np.ndarray:
    """Weights that make the weighted source nearest to the target in Kullback–Leibler divergence (Sugiyama 2008).

    A mixture of kernels on target rows; its shares by the multiplicative update of a mixture's maximum likelihood,
    which keeps to both constraints by itself; its width by the likelihood of target rows left out. Written here
    because the gradient steps of skada 0.6's `KLIEPReweight` are as small as rounding: it stays where it began.
    """
    from sklearn.metrics.pairwise import euclidean_distances

    order = np.random.default_rng(seed).permutation(len(target))
    held, learnt = np.split(order, [len(order) // FOLDS])
    centres = target[learnt[:CENTRES]]
    to_target, to_source = (euclidean_distances(x, centres, squared=True) for x in (target, source))

    def shares(gamma: float, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        there, here = np.exp(-gamma * to_target[rows]) + 1e-12, np.exp(-gamma * to_source).mean(axis=0) + 1e-12
        a = 1 / (len(here) * here)
        for _ in range(ROUNDS):
            new = a / (len(there) * here) * (there / (there @ a)[:, None]).sum(axis=0)
            done = np.abs(new - a).max() < 1e-6 * a.max()
            a = new
            if done:
                break
        return a, np.log(np.exp(-gamma * to_target[held]) @ a + 1e-12)

    unit = 1 / _median_distance(source, target, seed)
    gamma = max((width * unit for width in WIDTHS), key=lambda g: shares(g, learnt)[1].mean())
    found: np.ndarray = np.exp(-gamma * to_source) @ shares(gamma, np.arange(len(target)))[0]
    return found


def _nearest_neighbours(source: np.ndarray, target: np.ndarray, seed: int) -> np.ndarray:
    """Of each source row, the number of target rows to which it is the nearest (Loog 2012)."""
    from sklearn.neighbors import NearestNeighbors

    (nearest,) = NearestNeighbors(n_neighbors=1).fit(source).kneighbors(target, return_distance=False).T
    return np.bincount(nearest, minlength=len(source)).astype("float64")


def _median_distance(source: np.ndarray, target: np.ndarray, seed: int) -> float:
    """The median squared distance between rows, of a few hundred of them."""
    from sklearn.metrics.pairwise import euclidean_distances

    x = np.concatenate([source, target])
    x = x[np.random.default_rng(seed).permutation(len(x))[:500]]
    distances = euclidean_distances(x, squared=True)[np.triu_indices(len(x), 1)]
    return float(max(np.median(distances), 1e-9))


METHODS: dict[str, Callable[[np.ndarray, np.ndarray, int], np.ndarray]] = {
    "density_ratio": lambda source, target, seed: _odds(source, target, seed)[0],
    "kernel_mean_matching": _kernel_mean_matching,
    "kliep": _kliep,
    "nearest_neighbours": _nearest_neighbours,
}
