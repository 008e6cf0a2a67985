"""Attributes of a version's samples other than their class, for evaluation by slices."""

import pandas as pd

from core.data.images.map import load_map
from core.data.images.store import measurements
from core.data.versions import load_rows, load_samples
from core.schemas import DataRef, VersionRecord
from core.store.datasets import dataset_folder, get_dataset

REGIONS = 6
_MEASURED = {
    "brightness": "brightness",
    "contrast": "contrast",
    "sharpness": "sharpness",
    "colourfulness": "colourfulness",
    "size": "file size",
    "format": "format",
}


def attributes(version: VersionRecord) -> pd.DataFrame:
    """A table indexed by sample id.

    Of images their measurements and, once the version was checked, their region of the map; of a table its columns as
    the recipe leaves them, without the target.
    """
    dataset = get_dataset(version.dataset)
    if dataset.kind == "table":
        rows, _ = load_rows(DataRef(dataset=version.dataset, version=version.id), cells=True)
        assert rows.table is not None
        return rows.cells.drop(columns=[dataset.target or ""], errors="ignore")
    samples = load_samples(DataRef(dataset=version.dataset, version=version.id))
    measured = measurements(dataset, dataset_folder(dataset.id), samples)
    known = measured[list(_MEASURED)].rename(columns=_MEASURED)
    height, width = measured["original_height"], measured["original_width"]
    known = known.assign(**{"height in pixels": height, "width to height": (width / height).round(2)})
    regions = _regions(version)
    return known if regions is None else known.assign(region=regions.reindex(known.index))


def _regions(version: VersionRecord) -> pd.Series | None:
    """The map cut into `REGIONS` by k-means: its neighbours are images alike to the backbone."""
    from sklearn.cluster import KMeans

    plane = load_map(version)
    if plane is None or len(plane) < 10 * REGIONS:
        return None
    columns = ["pca_x", "pca_y"] if plane["tsne_x"].isna().any() else ["tsne_x", "tsne_y"]
    labels = KMeans(REGIONS, n_init=4, random_state=0).fit_predict(plane[columns])
    return pd.Series([f"{label + 1} of the map" for label in labels], index=plane["id"])
