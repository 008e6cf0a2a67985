"""Ordering the classes of a confusion matrix."""

import numpy as np
from numpy.typing import NDArray


def similarity_order(matrix: NDArray[np.integer]) -> list[int]:
    """Indices of the classes, with classes that are often confused side by side.

    Average-linkage clustering of how rarely two classes are confused, its leaves in the order that keeps neighbours
    nearest (Bar-Joseph et al. 2001).

    Args:
        matrix: counts, shape (classes, classes), true class first.
    """
    from scipy.cluster.hierarchy import leaves_list, linkage, optimal_leaf_ordering
    from scipy.spatial.distance import squareform

    k = len(matrix)
    if k < 3:
        return list(range(k))
    counts = np.asarray(matrix, dtype=float)
    support = counts.sum(axis=1, keepdims=True)
    shares = np.divide(counts, support, out=np.zeros_like(counts), where=support > 0)
    confused = (shares + shares.T) / 2
    np.fill_diagonal(confused, 1.0)
    distances = squareform(1 - confused, checks=False)
    tree = optimal_leaf_ordering(linkage(distances, "average"), distances)
    return [int(place) for place in leaves_list(tree)]
