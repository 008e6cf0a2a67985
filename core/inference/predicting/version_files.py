"""The samples of a version as files that a run of any dataset can predict."""

from pathlib import Path

import pandas as pd
from PIL import Image

from core.data.files.names import free_name
from core.data.images.store import DatasetImages
from core.data.versions import load_samples
from core.schemas import DataRef
from core.store.dataset_folder import DatasetFolder
from core.store.datasets import get_dataset, get_version
from core.store.files import need_disk


def write_samples(ref: DataRef, folder: Path) -> Path:
    """Write a version's samples into `folder`: pictures under the names that they had, or one table.

    Pictures are loss-free, as the dataset keeps them; rows have all columns as imported, in Parquet. Returns the
    folder of the pictures, or the table.

    Raises:
        DiskError: there is no room.
    """
    version, samples = get_version(ref), load_samples(ref)
    dataset = get_dataset(version.dataset)
    folder.mkdir(parents=True, exist_ok=True)
    if dataset.kind == "table":
        tables = []
        for number in version.imports:
            rows = samples.loc[samples["import_number"] == number, "row"]
            tables.append(pd.read_parquet(DatasetFolder.of(dataset.id).table(number)).iloc[rows.to_numpy()])
        path = folder / f"{dataset.id}.parquet"
        pd.concat(tables, ignore_index=True).to_parquet(path, index=False)
        return path
    need_disk(int((samples["width"] * samples["height"] * 3).sum()))
    images = DatasetImages(dataset.id, version.imports)
    taken: set[str] = set()
    for sample in samples.to_dict("records"):
        name = free_name(sample["path"], taken)  # another import may have a picture called so
        taken.add(name)
        place = folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(images.image(sample["id"])).save(place, "PNG")
    return folder
