"""What the function of an export format is called with: the run, its data and where to write."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from core.data.versions import load_samples
from core.errors import DataError, InputError, WeightsError
from core.schemas import DataRef, RunRecord
from core.store import runs
from core.store.datasets import get_dataset, get_version
from core.store.runs import run_folder
from core.training.version_images import VersionImages

if TYPE_CHECKING:
    import keras

CHECKED = 300  # test samples, or all where there are fewer


@dataclass
class Job:
    """The argument of a format's function.

    Attributes:
        run: the run.
        work: an empty folder; what the function leaves in it under `stem` becomes the exported file or files.
        stem: the name of the file, without its ending.
    """

    run: RunRecord
    work: Path
    stem: str

    def file(self, ending: str) -> Path:
        return self.work / f"{self.stem}{ending}"

    @property
    def ref(self) -> DataRef:
        return DataRef(dataset=self.run.dataset, version=self.run.version)

    @cached_property
    def samples(self) -> pd.DataFrame:
        """The samples of the run's version; `NotFoundError` when it has been deleted."""
        get_version(self.ref)
        return load_samples(self.ref)

    @cached_property
    def network(self) -> "keras.Model":
        """The network that the run saved, read without running code of its own."""
        from core.models.own_networks import read_network

        try:
            return read_network(run_folder(self.run.id) / "model.keras")
        except WeightsError as error:
            raise WeightsError(f"The network of run “{self.run.name}” is damaged.", "Train it again.") from error

    def images(self, positions: Sequence[int] | np.ndarray) -> np.ndarray:
        """Images at positions of `samples`, as the run saw them, uint8, `(n, size, size, 3)`."""
        return VersionImages(get_dataset(self.run.dataset), self.samples).batch(positions, self.run.spec.image_size)

    @cached_property
    def judged(self) -> pd.DataFrame:
        """Test rows of the run's predictions, at most `CHECKED` of them, chosen at random."""
        rows = runs.read_predictions(self.run.id)
        rows = rows[rows["part"] == "test"]
        if rows.empty:
            raise InputError(
                f"Run “{self.run.name}” has no test samples to check the file on.", "Train with a test part."
            )
        if len(rows) > CHECKED:
            rows = rows.sample(CHECKED, random_state=0).sort_index()
        return rows

    def positions(self) -> np.ndarray:
        """Where in `samples` the rows of `judged` are."""
        found = pd.Index(self.samples["id"]).get_indexer(pd.Index(self.judged["id"]))
        if (found < 0).any():
            raise DataError(
                f"{int((found < 0).sum())} test samples of run “{self.run.name}” are gone.",
                "Import the data again.",
            )
        return np.asarray(found)
