"""Downloading a version: images as a ZIP of folders, a table as CSV or Parquet."""

import re
import zipfile
from collections.abc import Callable, Iterable
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from core.data.images.store import DatasetImages
from core.data.versions import load_rows, load_samples
from core.errors import InputError
from core.schemas import DataRef, VersionRecord
from core.store.datasets import get_dataset, get_version
from core.store.files import atomic_file, need_disk

Progress = Callable[[int, int, str], None]
SUFFIXES = {"image": (".zip",), "table": (".csv", ".parquet")}


def download_task(params: dict[str, Any], folder: Path, progress: Progress) -> dict[str, Any]:
    """The task `download`: writes the version `data` to `name` in its folder."""
    version = get_version(DataRef.parse(params["data"]))
    return {"n": write_version(version, folder / params["name"], progress)}


def write_version(version: VersionRecord, target: Path, progress: Progress = lambda *_: None) -> int:
    """Write a version to a file and return how many samples it holds.

    Images: a ZIP of PNG files, as they are stored, in `PART/CLASS/` folders, or without folders where they have no
    labels; importing it again gives the same classes and parts. Where a class cannot be a folder's name (`a/b`), the
    files lie in `images/`, and `labels.csv` names classes and parts. Tables: the columns as the recipe's steps leave
    them before anything is learnt, the target, and `part`; CSV or Parquet by the file's name.

    Raises:
        InputError: a suffix that does not fit. DiskError: there is no room.
    """
    kind = get_dataset(version.dataset).kind
    if target.suffix.lower() not in SUFFIXES[kind]:
        wanted = " or ".join(SUFFIXES[kind])
        what = "Images are" if kind == "image" else "A table is"
        raise InputError(f"{what} written to a file that ends in {wanted}.", f"Call it “{target.stem}{wanted[:4]}”.")
    ref = DataRef(dataset=version.dataset, version=version.id)
    return _images(ref, target, progress) if kind == "image" else _table(ref, target, progress)


def _images(ref: DataRef, target: Path, progress: Progress) -> int:
    samples = load_samples(ref)
    images = DatasetImages(ref.dataset, get_version(ref).imports)
    need_disk(int((samples["width"] * samples["height"] * 3).sum()))
    in_folders = folders_name_classes(samples["label"].dropna().unique())
    rows = []
    with atomic_file(target) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        for done, sample in enumerate(samples.to_dict("records"), start=1):
            labelled = isinstance(sample["label"], str) and isinstance(sample["part"], str)
            folder = f"{sample['part']}/{sample['label']}/" if labelled and in_folders else ""
            name = f"{folder}{image_name(sample)}.png"
            if labelled and not in_folders:
                name = f"images/{name}"
                rows.append({"file": name, "label": sample["label"], "split": sample["part"]})
            add_image(archive, name, images.image(sample["id"]))
            progress(done, len(samples), "images")
        if rows:
            archive.writestr("labels.csv", pd.DataFrame(rows).to_csv(index=False))
    return len(samples)


def folders_name_classes(labels: Iterable[str]) -> bool:
    """Whether folders called like these classes come back as them on every system, each as one of its own."""
    names = list(labels)
    apart = len({name.casefold() for name in names}) == len(names)  # “Cat” and “cat” are one folder on some systems
    return apart and all(file_name(name) == name.strip(" .") == name for name in names)


def _table(ref: DataRef, target: Path, progress: Progress) -> int:
    progress(0, 2, "applying the steps")
    rows, _ = load_rows(ref, cells=True)
    table, dataset = rows.cells, get_dataset(ref.dataset)
    if dataset.labelled:
        # A feature may be called so as well.
        names = {name: f"{name} (column)" for name in (dataset.target, "part") if name in table.columns}
        table = table.rename(columns=names).assign(
            **{dataset.target or "label": rows.samples["label"].to_numpy(), "part": rows.samples["part"].to_numpy()}
        )
    progress(1, 2, "writing")
    need_disk(int(table.memory_usage(deep=False).sum()))
    with atomic_file(target) as temporary:
        if target.suffix.lower() == ".csv":
            table.to_csv(temporary, index=False)
        else:
            table.to_parquet(temporary, index=False)
    progress(2, 2, "")
    return len(table)


def add_image(archive: zipfile.ZipFile, name: str, pixels: np.ndarray) -> None:
    """One picture as a PNG, `pixels` uint8, height × width × 3."""
    out = BytesIO()
    Image.fromarray(pixels).save(out, "PNG")
    archive.writestr(name, out.getvalue())


def image_name(sample: Any) -> str:
    """A file's name without ending. The id comes first, since two images of a class may have the same name."""
    return file_name(f"{sample['id']}-{Path(sample['path']).stem}")


def file_name(name: str) -> str:
    """A file name that is valid on every system."""
    return re.sub(r'[\\/:*?"<>|\x00-\x1f]', "_", name)
