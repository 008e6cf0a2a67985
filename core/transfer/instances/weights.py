"""Instance weights: how much each row of a source resembles the target."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from core.errors import DataError, InputError
from core.evaluation.intervals import effective_size
from core.transfer.fitting.vectors import Learn, VectorFitted, VectorProblem, join_source

FEWEST = 10  # samples of a domain needed for any estimate
FOLDS = 5
WIDEST = 64  # dimensions; with more, a domain classifier uses the leading principal components
LARGEST = 20.0  # times the mean weight at most, so that a few rows cannot dominate
APART = 0.999  # domain AUC above which source and target do not overlap
KERNEL_ROWS = 6000  # rows of a source at most, for the kernel matrix with 8 bytes per pair
RIDGE = 1e-3  # added to the diagonal of the kernel matrix, which is 1 / rows
CENTRES = 100
RATIOS = {"density_ratio": False, "density_ratio_squares": True}  # methods by a classifier, and whether with squares
CLEARLY = 0.005  # by so much less a log loss is called better
ROUNDS = 1000
LEAST_EFFECTIVE_SHARE = 0.1  # effective share of the source's rows below which the run gets a note
WIDTHS = (0.1, 0.3, 1.0, 3.0, 10.0)  # of a kernel: γ in units of one over the median squared distance


def instance_weighting(problem: VectorProblem, learn: Learn) -> VectorFitted:
    """Learn from the target's rows and the source's, weighted by `instance_weights` (Shimodaira 2000)."""
    source = problem.source
    assert source
    rows = source.x[source.train]
    there, resolved = problem.x[problem.train], problem.resolved
    weights = instance_weights(rows, there, resolved.method, resolved.seed, source.labels[source.train])
    problem.recorder.note(describe_weighting(rows, there, weights, resolved.method, resolved.seed))
    size = effective_size(weights)
    if size < LEAST_EFFECTIVE_SHARE * len(rows):
        problem.recorder.note(
            f"The {len(rows):,} weighted source rows have an effective sample size of only {size:,.0f}: the result"
            " rests on few of them."
        )
    fitted = learn(join_source(problem, weights))
    facts = {"effective_sample_size": size, "source_samples": float(len(rows))}
    return replace(fitted, facts=fitted.facts | facts, source_weights=weights)


def instance_weights(
    source: np.ndarray,
    target: np.ndarray,
    method: str = "density_ratio",
    seed: int = 0,
    labels: np.ndarray | None = None,
) -> np.ndarray:
    """A weight for each row of the source, mean 1, that estimates the density ratio of target to source.

    Training on the weighted source is then like training on the target, under covariate shift (Shimodaira 2000), or
    for `label_shift` if only the class proportions differ.

    Args:
        source, target: vectors of the training rows, `(n, d)` and `(m, d)`.
        method: an entry of `METHODS`, or `label_shift`.
        labels: class indices of the source's rows, `(n,)`, needed for `label_shift`.

    Raises:
        DataError: too few rows, or no overlap of the domains. InputError: too many rows for the method.
    """
    check_domain_sizes(source, target)
    odds, auc = _odds(source, target, seed)
    if auc > APART:
        raise DataError(
            f"Source and target have nothing in common: a classifier separates them with an AUC of {auc:.3f}, so no"
            " weighting of the source can match the target.",
            "Align their features, or transfer parameters.",
        )
    if method == "label_shift":
        assert labels is not None
        return label_shift_weights(source, labels, target, seed)
    weights = odds if method == "density_ratio" else METHODS[method](source, target, seed)
    weights = np.minimum(weights, LARGEST * weights.mean())
    return np.asarray(weights / weights.mean())


def check_domain_sizes(source: np.ndarray, target: np.ndarray) -> None:
    """`DataError` if a domain has too few rows to estimate how the two differ."""
    for name, x in (("source", source), ("target", target)):
        if len(x) < FEWEST:
            raise DataError(
                f"The {name} has {len(x)} training samples: too few to estimate how the domains differ.",
                f"At least {FEWEST} are needed; transfer parameters instead.",
            )


def domain_auc(source: np.ndarray, target: np.ndarray, seed: int = 0, weights: np.ndarray | None = None) -> float:
    """Out-of-fold AUC of a linear classifier of the domains: 0.5 not separable, 1 perfectly separable.

    `weights` of the source's rows, `(n,)`, are used for training and evaluation. For domains that were made equal the
    out-of-fold AUC falls below 0.5, which also means not separable.
    """
    return max(0.5, _odds(source, target, seed, weights)[1])


def describe_weighting(
    source: np.ndarray, target: np.ndarray, weights: np.ndarray, method: str, seed: int = 0
) -> str:
    """How well weights, `(n,)`, make the source look like the target, in a sentence or two.

    The distances of the means are in standard deviations of the target (Stuart 2010, “Matching methods for causal
    inference”, section 4); where the weights rest on a classifier of the domains, its loss out of fold is told with
    that of the other form.
    """
    spread = np.maximum(target.std(axis=0), 1e-9)
    before, after = (
        float(np.abs((np.average(source, axis=0, weights=w) - target.mean(axis=0)) / spread).mean())
        for w in (None, weights)
    )
    text = (
        f"The source's means are {before:.2f} standard deviations from the target's on average, {after:.2f} as it is"
        " weighted."
    )
    if method not in RATIOS:
        return text
    mine, other = (_domain_loss(source, target, seed, squares) for squares in (RATIOS[method], not RATIOS[method]))
    better = f" “{next(name for name in RATIOS if name != method)}” fits better." if other < mine - CLEARLY else ""
    return (
        f"{text} The classifier behind the weights has a log loss of {mine:.3f},"
        f" {'without' if RATIOS[method] else 'with'} squares {other:.3f}.{better}"
    )


def _domain_loss(source: np.ndarray, target: np.ndarray, seed: int, squares: bool) -> float:
    from sklearn.metrics import log_loss

    p, of_target = _domain_probabilities(source, target, seed, None, squares)
    return float(log_loss(of_target, p))


def _domain_probabilities(
    source: np.ndarray, target: np.ndarray, seed: int, counts: np.ndarray | None, squares: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Out-of-fold probabilities of the target, for the source's rows and then the target's, and which they are of."""
    from sklearn.model_selection import StratifiedKFold, cross_val_predict

    x = np.concatenate([source, target]).astype("float64")
    of_target = np.repeat([0, 1], [len(source), len(target)])
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=seed)
    model = _classifier(x, seed, squares)
    parameters = {} if counts is None else {f"{model.steps[-1][0]}__sample_weight": counts}
    p = cross_val_predict(model, x, of_target, cv=folds, method="predict_proba", params=parameters)[:, 1]
    return p, of_target


def _odds(
    source: np.ndarray, target: np.ndarray, seed: int, weights: np.ndarray | None = None, squares: bool = False
) -> tuple[np.ndarray, float]:
    """The odds p / (1 − p) that each source row belongs to the target, and the classifier's AUC.

    Both are out of fold: a classifier predicts the domain of its training rows better than that of new rows. With
    `squares` of the columns the odds can also follow variances that differ, as the ratio of two normal densities
    does. Written here because skada 0.6's `DiscriminatorReweight` weighs by (1 − p) / p, the wrong way round.
    """
    from sklearn.metrics import roc_auc_score

    counts = None if weights is None else np.concatenate([weights / weights.mean(), np.ones(len(target))])
    p, of_target = _domain_probabilities(source, target, seed, counts, squares)
    here = np.clip(p[: len(source)], 1e-6, 1 - 1e-6)
    return here / (1 - here), float(roc_auc_score(of_target, p, sample_weight=counts))


def _with_squares(x: np.ndarray) -> np.ndarray:
    return np.concatenate([x, x**2], axis=1)


def _classifier(x: np.ndarray, seed: int, squares: bool = False) -> Any:
    """A logistic regression, not yet fitted, on at most `WIDEST` dimensions, and their squares if wanted."""
    from sklearn.decomposition import PCA
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer, StandardScaler

    seen = [PCA(min(WIDEST, len(x) // 2), random_state=seed)] if x.shape[1] > WIDEST else []
    more = [FunctionTransformer(_with_squares), StandardScaler()] if squares else []
    return make_pipeline(*seen, StandardScaler(), *more, LogisticRegression(max_iter=2000))


def label_shift_weights(source: np.ndarray, labels: np.ndarray, target: np.ndarray, seed: int = 0) -> np.ndarray:
    """One weight per class, its share in the target divided by its share in the source; mean 1 over rows.

    The target's shares are maximum-likelihood estimates from a source classifier's predictions on the target, by
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
    per_row = (theirs / ours)[np.searchsorted(model.classes_, labels)]
    return np.asarray(per_row / per_row.mean())


def _kernel_mean_matching(source: np.ndarray, target: np.ndarray, seed: int) -> np.ndarray:
    """Weights that match the means of both domains in a kernel's feature space (Huang et al. 2007).

    A quadratic programme with bounds and a ridge. skada 0.6 solves it with Frank–Wolfe, which after hundreds of steps
    leaves most weights at zero.
    """
    from scipy.optimize import minimize
    from sklearn.metrics.pairwise import rbf_kernel

    if len(source) > KERNEL_ROWS:
        raise InputError(
            f"Kernel mean matching compares all pairs of {len(source):,} source rows.",
            f"It accepts at most {KERNEL_ROWS:,}; choose the method density_ratio.",
        )
    n, gamma = len(source), 1 / _median_distance(source, target, seed)
    kernel = rbf_kernel(source, gamma=gamma) / n
    kernel[np.diag_indices(n)] += RIDGE
    wanted = rbf_kernel(source, target, gamma=gamma).mean(axis=1)

    def distance(w: np.ndarray) -> tuple[float, np.ndarray]:
        pulled = kernel @ w
        return float(w @ (0.5 * pulled - wanted)), pulled - wanted

    bounds = np.repeat([[0, LARGEST]], n, axis=0)
    weights: np.ndarray = minimize(distance, np.ones(n), jac=True, method="L-BFGS-B", bounds=bounds).x
    return weights


def _kliep(source: np.ndarray, target: np.ndarray, seed: int) -> np.ndarray:
    """Weights that minimise the Kullback–Leibler divergence from the target (Sugiyama et al. 2008).

    A mixture of kernels on target rows. Its coefficients are fitted by the multiplicative maximum-likelihood update,
    which keeps both constraints; its width by the likelihood of held-out target rows. Written here because the
    gradient steps of skada 0.6's `KLIEPReweight` are as small as rounding errors, so that it does not move.
    """
    from sklearn.metrics.pairwise import euclidean_distances

    order = np.random.default_rng(seed).permutation(len(target))
    held_out, training = np.split(order, [len(order) // FOLDS])
    centres = target[training[:CENTRES]]
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
        return a, np.log(np.exp(-gamma * to_target[held_out]) @ a + 1e-12)

    unit = 1 / _median_distance(source, target, seed)
    gamma = max((width * unit for width in WIDTHS), key=lambda g: shares(g, training)[1].mean())
    weights: np.ndarray = np.exp(-gamma * to_source) @ shares(gamma, np.arange(len(target)))[0]
    return weights


def _nearest_neighbours(source: np.ndarray, target: np.ndarray, seed: int) -> np.ndarray:
    """For each source row, the number of target rows whose nearest source row it is (Loog 2012)."""
    from sklearn.neighbors import NearestNeighbors

    (nearest,) = NearestNeighbors(n_neighbors=1).fit(source).kneighbors(target, return_distance=False).T
    return np.bincount(nearest, minlength=len(source)).astype("float64")


def _median_distance(source: np.ndarray, target: np.ndarray, seed: int) -> float:
    """The median squared distance between rows, from a sample of 500."""
    from sklearn.metrics.pairwise import euclidean_distances

    x = np.concatenate([source, target])
    x = x[np.random.default_rng(seed).permutation(len(x))[:500]]
    distances = euclidean_distances(x, squared=True)[np.triu_indices(len(x), 1)]
    return float(max(np.median(distances), 1e-9))


METHODS: dict[str, Callable[[np.ndarray, np.ndarray, int], np.ndarray]] = {
    "density_ratio": lambda source, target, seed: _odds(source, target, seed)[0],
    "density_ratio_squares": lambda source, target, seed: _odds(source, target, seed, squares=True)[0],
    "kernel_mean_matching": _kernel_mean_matching,
    "kliep": _kliep,
    "nearest_neighbours": _nearest_neighbours,
}
