"""Maps that align a source's vectors with the target's, or project both onto shared components."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from sklearn import config_context

from core.errors import InputError
from core.transfer.fitting.linear import Projection
from core.transfer.fitting.vectors import Learn, VectorFitted, VectorProblem, join_source
from core.transfer.instances.weights import check_domain_sizes

EXPLAINED = 0.95  # share of the source's variance that a subspace explains
MOST = 64  # dimensions of a subspace, or transfer components
TCA_WEIGHT = 10.0  # weight of the distance of the domains' means, in units of the pooled variance
TRANSPORTED = 5000  # rows of a domain for optimal transport at most


@dataclass(frozen=True)
class Aligned:
    """The mapped rows of the source, `(n, k)`, and the projection for the target's; None leaves those unchanged."""

    source: np.ndarray
    target: Projection | None = None
    note: str = ""


def feature_alignment(problem: VectorProblem, learn: Learn) -> VectorFitted:
    """Learn from the target's rows and the source's, mapped by `align_source` without labels."""
    source = problem.source
    assert source
    rows = np.concatenate([source.train, source.validation])
    aligned = align_source(source.x[rows], problem.x[problem.train], problem.resolved.method, problem.resolved.seed)
    if aligned.note:
        problem.recorder.note(aligned.note)
    moved = np.zeros((len(source.x), aligned.source.shape[1]), "float32")
    moved[rows] = aligned.source
    x = problem.x if aligned.target is None else aligned.target(problem.x)
    fitted = learn(join_source(replace(problem, x=x, source=replace(source, x=moved))))
    facts = {"aligned_dimensions": float(moved.shape[1]), "source_samples": float(len(source.train))}
    return replace(fitted, facts=fitted.facts | facts, projection=aligned.target)


def align_source(source: np.ndarray, target: np.ndarray, method: str = "coral", seed: int = 0) -> Aligned:
    """Align both domains without labels of the target.

    Args:
        source: all training and validation rows of the source, `(n, d)`.
        target: training rows of the target, `(m, d)`.
        method: an entry of `METHODS`.

    Raises:
        DataError: there are too few rows. InputError: there are too many for the method.
    """
    check_domain_sizes(source, target)
    # Importing skada leaves metadata routing enabled, under which scikit-learn's AdaBoost accepts no weights.
    with config_context(enable_metadata_routing=True):
        return METHODS[method](source.astype("float64"), target.astype("float64"), seed)


def _coral(source: np.ndarray, target: np.ndarray, seed: int) -> Aligned:
    """Whiten the source and give it the target's covariance and mean (Sun, Feng and Saenko 2016).

    Both covariances are shrunk (Ledoit and Wolf 2004).
    """
    from skada import CORALAdapter

    x, domain = _domains(source, target)
    adapter = CORALAdapter(reg="auto")
    moved = adapter.fit_transform(x, None, sample_domain=domain)[: len(source)] + adapter.mean_target_
    rank = min(len(source), len(target)) - 1
    singular = rank < source.shape[1] or (target.std(axis=0) == 0).any() or (source.std(axis=0) == 0).any()
    note = (
        "The covariance of a domain is singular; it was shrunk towards a multiple of the identity."
        if singular
        else ""
    )
    return Aligned(moved.astype("float32"), note=note)


def _subspace(source: np.ndarray, target: np.ndarray, seed: int) -> Aligned:
    """Each domain on its principal components, the source's aligned with the target's (Fernando et al. 2013).

    As many components as explain 95 % of the source's variance.
    """
    from skada import SubspaceAlignmentAdapter
    from sklearn.decomposition import PCA

    most = min(MOST, *source.shape, len(target))
    shares = PCA(most, random_state=seed).fit(source).explained_variance_ratio_.cumsum()
    k = min(most, int(np.searchsorted(shares, EXPLAINED)) + 1)
    x, domain = _domains(source, target)
    adapter = SubspaceAlignmentAdapter(k, random_state=seed)
    moved = adapter.fit_transform(x, None, sample_domain=domain)[: len(source)]
    pca = adapter.pca_target_
    matrix = pca.components_.T
    return Aligned(moved.astype("float32"), Projection(matrix, -pca.mean_ @ matrix))


def _transfer_components(source: np.ndarray, target: np.ndarray, seed: int) -> Aligned:
    """Components of high variance on which the domains' means agree (Pan et al. 2011), with a linear kernel.

    In its primal form: the leading solutions of C w = λ (I v + μ m mᵀ) w, with C the pooled covariance, v its mean
    variance and m the difference of the means. So it works for any number of rows, and is one matrix, which a
    network can contain; skada solves for a matrix of all pairs of rows.
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
    # Vectors of length 1, so that the components keep the scale of the columns.
    matrix = vectors[:, ::-1][:, :k]
    matrix = matrix / np.linalg.norm(matrix, axis=0)
    projection = Projection(matrix, -centre @ matrix)
    return Aligned(projection(source), projection)


def _optimal_transport(source: np.ndarray, target: np.ndarray, seed: int) -> Aligned:
    """Map each source row to the mean of the target rows that the optimal plan assigns to it (Courty et al. 2017)."""
    from skada import OTMappingAdapter

    if max(len(source), len(target)) > TRANSPORTED:
        raise InputError(
            f"Optimal transport compares all pairs of {len(source):,} source and {len(target):,} target rows.",
            f"It accepts at most {TRANSPORTED:,} of each; choose the method coral.",
        )
    x, domain = _domains(source, target)
    moved = OTMappingAdapter(max_iter=1_000_000).fit_transform(x, None, sample_domain=domain)[: len(source)]
    return Aligned(moved.astype("float32"))


def _domains(source: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rows of both domains and skada's domain labels: positive for the source, negative for the target."""
    return np.concatenate([source, target]), np.repeat([1, -2], [len(source), len(target)])


METHODS: dict[str, Callable[[np.ndarray, np.ndarray, int], Aligned]] = {
    "coral": _coral,
    "subspace": _subspace,
    "tca": _transfer_components,
    "optimal_transport": _optimal_transport,
}
