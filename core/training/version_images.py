"""The images of a version's samples and the outputs of a frozen backbone, in the order of the samples."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import pandas as pd

from core.data.images.store import ImageStore
from core.embedding.embeddings import EmbeddingInfo, cached_embedding
from core.methods.backbone import Backbone
from core.schemas import DatasetRecord, ImportRecord
from core.store.datasets import import_folder


class VersionImages:
    """The images of `samples`, a table from `load_samples`, of one dataset."""

    def __init__(self, dataset: DatasetRecord, samples: pd.DataFrame) -> None:
        self._dataset = dataset
        self._rows = samples["row"].to_numpy()
        self._numbers = samples["import_number"].to_numpy()

    def __len__(self) -> int:
        return len(self._rows)

    def batch(self, rows: Sequence[int] | np.ndarray, size: int) -> np.ndarray:
        """The images at positions, uint8, `(len(rows), size, size, 3)`."""
        positions = np.asarray(rows)
        found = np.empty((len(positions), size, size, 3), dtype="uint8")
        for store, _, here in self._imports(positions):
            found[here] = store.batch(self._rows[positions[here]], size)
        return found

    def outputs(
        self,
        backbone: Backbone,
        size: int,
        cut: str | None = None,
        progress: Callable[[int, int], None] | None = None,
        on_import: Callable[[EmbeddingInfo], None] = lambda _: None,
    ) -> np.ndarray:
        """Embeddings `(n, d)`, or activations at a `cut`, float32, from one cache entry per import.

        `progress` is called with (images done, total images) of an import, `on_import` once per import.
        """
        found: np.ndarray | None = None
        for store, record, here in self._imports(np.arange(len(self))):
            output, info = cached_embedding(store, record.content_hash, backbone, size, cut, progress)
            on_import(info)
            if found is None:
                found = np.empty((len(self), *output.shape[1:]), dtype="float32")
            found[here] = output[self._rows[here]]
        assert found is not None
        return found

    def _imports(self, positions: np.ndarray) -> Iterator[tuple[ImageStore, ImportRecord, np.ndarray]]:
        """Each import that samples at `positions` come from, with the places in `positions` where they stand."""
        for record in self._dataset.imports:
            here = np.flatnonzero(self._numbers[positions] == record.number)
            if len(here):
                yield ImageStore(import_folder(self._dataset.id, record.number)), record, here
