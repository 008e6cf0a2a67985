"""Images decoded once into a file of raw RGB that workers map into memory, and read back from it.

An import's folder holds `pixels.bin`, the RGB bytes of one image after the other, and `manifest.parquet`, one row an
image.
"""

import io
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from core.data.images.quality import HASHES, MEASURES, measure_images, reduce_image
from core.data.images.resizing import resize
from core.schemas import DatasetRecord
from core.settings import get_settings
from core.store.dataset_folder import DatasetFolder
from core.store.datasets import get_dataset, import_folder
from core.store.files import write_parquet


class ImageStore:
    """One import's images, memory-mapped. `folder` is `datasets/ID/imports/NUMBER`."""

    def __init__(self, folder: Path) -> None:
        manifest = pd.read_parquet(folder / "manifest.parquet", columns=["offset", "height", "width"])
        self._places = manifest.to_numpy(dtype="int64")
        self._pixels = np.memmap(folder / "pixels.bin", dtype="uint8", mode="r")

    def __len__(self) -> int:
        return len(self._places)

    def image(self, row: int) -> np.ndarray:
        """The pixels of one image, uint8, height × width × 3; a view into the file, so not writable."""
        offset, height, width = self._places[row]
        return self._pixels[offset : offset + height * width * 3].reshape(height, width, 3)

    def batch(self, rows: Sequence[int] | np.ndarray, size: int) -> np.ndarray:
        """Images as a network's input, uint8, `(len(rows), size, size, 3)`."""
        out = np.empty((len(rows), size, size, 3), dtype="uint8")
        for i, row in enumerate(rows):
            out[i] = resize(self.image(int(row)), size)
        return out

    def thumbnail(self, row: int, side: int) -> bytes:
        """The image as JPEG, its longest side `side` pixels at most."""
        image = Image.fromarray(self.image(row))
        image.thumbnail((side, side))
        out = io.BytesIO()
        image.save(out, "JPEG", quality=88)
        return out.getvalue()


class DatasetImages:
    """All images of a dataset, by sample id; an import is opened when first asked for.

    `imports` are the numbers of a version's imports, the dataset's current ones where left out: a source that was
    read anew has its images in several.
    """

    def __init__(self, dataset_id: str, imports: Sequence[int] | None = None) -> None:
        self._dataset = dataset_id
        self._imports = imports
        self._stores: dict[int, ImageStore] = {}

    def image(self, sample_id: str) -> np.ndarray:
        """uint8, height × width × 3."""
        store, row = self._find(sample_id)
        return store.image(row)

    def thumbnail(self, sample_id: str, side: int) -> bytes:
        """JPEG bytes, longest side `side` pixels at most."""
        store, row = self._find(sample_id)
        return store.thumbnail(row, side)

    def place(self, sample_id: str) -> tuple[int, int]:
        """The import and the row in it of an image: where it was read anew if it was, else `IMPORT-ROW`."""
        number, row = map(int, sample_id.split("-"))
        return (number, row) if number in self._numbers else self._read_anew.get(sample_id, (number, row))

    @cached_property
    def _numbers(self) -> tuple[int, ...]:
        if self._imports is not None:
            return tuple(self._imports)
        return tuple(record.number for record in get_dataset(self._dataset).current_imports().imports)

    @cached_property
    def _read_anew(self) -> dict[str, tuple[int, int]]:
        """The places of images that have another import's id."""
        places: dict[str, tuple[int, int]] = {}
        for number in self._numbers:
            manifest = pd.read_parquet(DatasetFolder.of(self._dataset).manifest(number))
            if "id" in manifest:
                places |= {str(name): (number, row) for row, name in enumerate(manifest["id"]) if pd.notna(name)}
        return places

    def _find(self, sample_id: str) -> tuple[ImageStore, int]:
        number, row = self.place(sample_id)
        if number not in self._stores:
            self._stores[number] = ImageStore(import_folder(self._dataset, number))
        return self._stores[number], row


def measurements(dataset: DatasetRecord, folder: Path, samples: pd.DataFrame) -> pd.DataFrame:
    """The measurements of `samples`, images of a dataset whose files are in `folder`, in their order and by their id.

    Columns: original_height, original_width, format, mode, size, perceptual_hash, mirrored_hash and the `MEASURES`.
    Imports made before a measurement existed are measured once; the result is cached in the workspace.
    """
    parts = []
    for record in dataset.imports:
        mine = samples[samples["import_number"] == record.number]
        if mine.empty:
            continue
        place = DatasetFolder(folder).imported(record.number)
        table = pd.read_parquet(place / "manifest.parquet")
        if not {*HASHES, *MEASURES} <= set(table.columns):
            table = table.drop(columns=[*HASHES, *MEASURES], errors="ignore")
            table = table.join(_measured_late(place, record.content_hash))
        measured = table.iloc[mine["row"].to_numpy()].set_axis(mine["id"].to_numpy())
        parts.append(measured[[*_MEASURED, *HASHES, *MEASURES]])
    return pd.concat(parts).loc[samples["id"].to_numpy()]


_MEASURED = ("original_height", "original_width", "format", "mode", "size")
_CHUNK = 64
_MEASURING = 1  # part of the cache's name: raise it when a measurement changes


def _measured_late(place: Path, import_hash: str) -> pd.DataFrame:
    path = get_settings().cache / "measurements" / f"{import_hash}-{_MEASURING}.parquet"
    if not path.exists():
        images = ImageStore(place)
        with ThreadPoolExecutor(min(get_settings().threads, 4)) as pool:
            rows: list[dict[str, float | str]] = []
            for start in range(0, len(images), _CHUNK):
                chunk = range(start, min(start + _CHUNK, len(images)))
                rows += measure_images(list(pool.map(lambda row: reduce_image(images.image(row)), chunk)))
        write_parquet(path, pd.DataFrame(rows))
    return pd.read_parquet(path)
