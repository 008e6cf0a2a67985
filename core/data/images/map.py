"""A two-dimensional map of a dataset's images: neighbours have similar embeddings."""

import numpy as np
import pandas as pd

from core.schemas import VersionRecord
from core.store.datasets import version_folder
from core.store.files import write_parquet

MOST_FOR_TSNE = 3_000  # beyond that only the principal components are computed
ITERATIONS, ANGLE = (
    500,
    0.8,
)  # preserves the neighbours of 1,000 photos as well as the defaults, in a third of the time
COMPONENTS = 50


def map_coordinates(x: np.ndarray, ids: list[str]) -> pd.DataFrame:
    """Two planes for embeddings `x`, `(n, d)`: columns id, pca_x, pca_y, tsne_x, tsne_y.

    PCA keeps large distances, t-SNE (van der Maaten and Hinton 2008) neighbours; it starts from the principal
    components (Kobak and Berens 2019), so that equal embeddings give equal maps. Its columns are NaN beyond 3,000
    images and below 5.
    """
    from sklearn.decomposition import PCA
    from sklearn.manifold import TSNE
    from threadpoolctl import threadpool_limits

    n = len(x)
    near = np.full((n, 2), np.nan)
    with threadpool_limits(1):  # for so few points, synchronising threads costs more than it saves
        # A single image has no variance to divide by.
        few = PCA(min(COMPONENTS, n, x.shape[1]), random_state=0)
        components = few.fit_transform(x) if n > 1 else np.zeros((n, 1))
        if 5 <= n <= MOST_FOR_TSNE:
            near = TSNE(
                perplexity=min(30, (n - 1) / 3), init="pca", random_state=0, max_iter=ITERATIONS, angle=ANGLE
            ).fit_transform(components)
    plane = components[:, :2] if components.shape[1] > 1 else np.column_stack([components, np.zeros(n)])
    table = pd.DataFrame({"id": ids, "pca_x": plane[:, 0], "pca_y": plane[:, 1]})
    return table.assign(tsne_x=near[:, 0], tsne_y=near[:, 1])


def save_map(version: VersionRecord, table: pd.DataFrame) -> None:
    write_parquet(version_folder(version.dataset, version.id) / "map.parquet", table)


def load_map(version: VersionRecord) -> pd.DataFrame | None:
    """The version's map; `None` before the version was checked."""
    path = version_folder(version.dataset, version.id) / "map.parquet"
    return pd.read_parquet(path) if path.exists() else None
