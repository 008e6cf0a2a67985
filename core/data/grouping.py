"""Groups of samples that stay on one side of a split: duplicates, near duplicates, and groups given by a column."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from core.data.images import near_duplicates
from core.data.images.quality import HASHES
from core.data.images.store import ImageStore, measurements
from core.schemas import DatasetRecord
from core.store.dataset_folder import DatasetFolder, sample_ids

MIN_DISTINCT = 3  # one distinct sample a class for each of the three parts


def join_column_groups(dataset: DatasetRecord, folder: Path, samples: pd.DataFrame) -> pd.Series:
    """The groups of duplicates, joined where a table's column or the images' reading joins samples."""
    named = manifest_column(dataset, folder, "given_group")
    groups = samples["group"].astype("int64")
    if not named:
        return groups
    wanted = samples["id"].map(named)
    while True:  # each takes the lowest number among its duplicates and its group, until nothing changes
        joined = groups.groupby(wanted).transform("min").fillna(groups).astype("int64")
        joined = joined.groupby(samples["group"]).transform("min")
        if joined.equals(groups):
            return groups
        groups = joined


def manifest_column(dataset: DatasetRecord, folder: Path, column: str) -> dict[str, Any]:
    """The values of a column of the manifests, by sample id; empty where it is not there, or has no value."""
    values: dict[str, Any] = {}
    for record in dataset.imports:
        manifest = pd.read_parquet(DatasetFolder(folder).manifest(record.number))
        if column in manifest and manifest[column].notna().any():
            values |= dict(zip(sample_ids(manifest, record.number), manifest[column], strict=True))
    return values


def near_copy_groups(dataset: DatasetRecord, folder: Path, samples: pd.DataFrame) -> np.ndarray:
    """Groups, `(n,)`, of images and their exact and near copies, which then stay on one side of the split.

    A class of near copies only, such as views of one object, could not be split at all: there only exact copies stay
    together.
    """
    seen = measurements(dataset, folder, samples)
    stores = {record.number: ImageStore(DatasetFolder(folder).imported(record.number)) for record in dataset.imports}
    places = list(zip(samples["import_number"], samples["row"], strict=True))

    def look(i: int) -> np.ndarray:
        number, row = places[i]
        return stores[number].image(row)

    hashes, mirrored = (near_duplicates.parse_hashes(seen[column].to_numpy()) for column in HASHES)
    exact = samples["group"].to_numpy()
    return _divisible(samples, near_duplicates.near_duplicate_groups(exact, hashes, mirrored, look))


def near_row_groups(samples: pd.DataFrame, pairs: Mapping[int, int]) -> np.ndarray:
    """The same for rows: groups, `(n,)`, of equal ones joined by `pairs` that differ in one cell."""
    if not pairs:
        return samples["group"].to_numpy()
    first = samples.groupby("group").cumcount().eq(0).to_numpy()
    leader = pd.Series(np.flatnonzero(first), index=samples["group"].to_numpy()[first])
    equal = enumerate(leader.loc[samples["group"]].to_numpy().tolist())
    return _divisible(samples, near_duplicates.connected_components(len(samples), [*equal, *pairs.items()]))


def _divisible(samples: pd.DataFrame, near: np.ndarray) -> np.ndarray:
    """Groups of near copies, `(n,)`, but only of exact ones in classes that would otherwise have too few groups."""
    exact = samples["group"].to_numpy()
    n_groups = pd.Series(near).groupby(samples["label"].to_numpy()).nunique()
    alike = samples["label"].isin(n_groups.index[n_groups < MIN_DISTINCT]).to_numpy()
    return np.where(alike, exact + near.max() + 1, near)
