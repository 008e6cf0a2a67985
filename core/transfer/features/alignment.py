"""Maps that make a source's vectors look like the target's, or show both what they have in common."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from sklearn import config_context

from core.errors import InputError
from core.transfer.fitting.vectors import Projection
from core.transfer.instances.weights import check_domain_sizes

EXPLAINED = 0.95  # of the source's variance by the directions of a subspace
MOST = 64  # directions of a subspace or transfer components
TCA_WEIGHT = 10.0  # of the distance of the domains' means, in units of the pooled variance
TRANSPORTED = 5000  # rows of a domain that optimal transport takes


@dataclass(frozen=True)
class Aligned:
    """The source's rows as they are to be learnt from, `(n, k)`, and the map for the target's; None leaves them."""

    source: np.ndarray
    target: Projection | None = None
    note: str = ""


def align_source(source: np.ndarray, target: np.ndarray, method: str = "coral", seed: int = 0) -> Aligned:
    """Bring both domains together without a label of the target.

    Args:
        source: all rows of the source that are learnt from or chosen by, `(n, d)`.
        target: training rows of the target, `(m, d)`.
        method: an entry of `METHODS`.

    Raises:
        DataError: too few rows. InputError: too many for a method.
    """
    check_domain_sizes(source, target)
    # Once imported, skada leaves this switched on, and under it scikit-learn's AdaBoost takes no weights.
    with config_context(enable_metadata_routing=True):
        return METHODS[method](source.astype("float64"), target.astype("float64"), seed)


def _coral(source: np.ndarray, target: np.ndarray, seed: int) -> Aligned:
    """The source whitened and given the target's covariance and mean (Sun, Feng and Saenko 2016).

    Both covariances are shrunk as far as their rows are few (Ledoit and Wolf 2004).
    """
    from skada import CORALAdapter

    x, domain = _domains(source, target)
    adapter = CORALAdapter(reg="auto")
    moved = adapter.fit_transform(x, None, sample_domain=domain)[: len(source)] + adapter.mean_target_
    rank = min(len(source), len(target)) - 1
    singular = rank < source.shape[1] or (target.std(axis=0) == 0).any() or (source.std(axis=0) == 0).any()
    note = "The covariance of a domain is singular; it was shrunk towards a multiple of one." if singular else ""
    return Aligned(moved.astype("float32"), note=note)


def _subspace(source: np.ndarray, target: np.ndarray, seed: int) -> Aligned:
    """Each domain on its own principal directions, the source's then turned onto the target's (Fernando et al. 2013).

    As many directions as explain 95 % of the source's variance.
    """
    from skada import SubspaceAlignmentAdapter
    from sklearn.decomposition import PCA

    most = min(MOST, *source.shape, len(target))
    shares = PCA(most, random_state=seed).fit(source).explained_variance_ratio_.cumsum()
    k = min(most, int(np.searchsorted(shares, EXPLAINED)) + 1)
    x, domain = _domains(source, target)
    adapter = SubspaceAlignmentAdapter(k, random_state=seed)
    moved = adapter.fit_transform(x, None, sample_domain=domain)[: len(source)]
    there = adapter.pca_target_
    matrix = there.components_.T
    return Aligned(moved.astype("float32"), Projection(matrix, -there.mean_ @ matrix))


def _transfer_components(source: np.ndarray, target: np.ndarray, seed: int) -> Aligned:
    """Directions of much variance along which the domains' means agree (Pan et al. 2011), with a linear kernel.

    In its primal form: the leading solutions of C w = λ (I v + μ m mᵀ) w, with C the pooled covariance, v its mean
    variance and m the difference of the means. So it takes any number of rows, and is one matrix, which a network
    can hold; skada's solves for a matrix of all pairs of rows.
    """
    from scipy.linalg import eigh

    x = np.concatenate([source, target])
    centre = x.mean(axis=0)
    pooled = np.cov(x, rowvar=False, bias=True).reshape(x.shape[1], x.shape[1])
    gap = source.mean(axis=0) - target.mean(axis=0)
    scale = max(np.trace(pooled) / len(pooled), 1e-12)
    values, vectors = eigh(pooled, scale * np.eye(len(pooled)) + TCA_WEIGHT * len(pooled) * np.outer(gap, gap))
    shares = np.cumsum(values[::-1]) / values.sum()
    k = min(MOST, int(np.searchsorted(shares, EXPLAINED)) + 1)
    # Directions of length 1, so that components keep the spread that the columns had.
    matrix = vectors[:, ::-1][:, :k]
    matrix = matrix / np.linalg.norm(matrix, axis=0)
    projection = Projection(matrix, -centre @ matrix)
    return Aligned(projection(source), projection)


def _optimal_transport(source: np.ndarray, target: np.ndarray, seed: int) -> Aligned:
    """Source rows moved to the target rows that the cheapest plan sends them to, on average (Courty et al. 2017)."""
    from skada import OTMappingAdapter

    if max(len(source), len(target)) > TRANSPORTED:
        raise InputError(
            f"Optimal transport compares all pairs of {len(source):,} source and {len(target):,} target rows.",
            f"It takes {TRANSPORTED:,} of each at most; choose the method coral.",
        )
    x, domain = _domains(source, target)
    moved = OTMappingAdapter(max_iter=1_000_000).fit_transform(x, None, sample_domain=domain)[: len(source)]
    return Aligned(moved.astype("float32"))


def _domains(source: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rows of both and skada's numbers for their domains: positive for the source's, negative for the target's."""
    return np.concatenate([source, target]), np.repeat([1, -2], [len(source), len(target)])


METHODS: dict[str, Callable[[np.ndarray, np.ndarray, int], Aligned]] = {
    "coral": _coral,
    "subspace": _subspace,
    "tca": _transfer_components,
    "optimal_transport": _optimal_transport,
}
