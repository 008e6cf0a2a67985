"""The paths of a dataset's files."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from core.settings import get_settings


@dataclass(frozen=True)
class DatasetFolder:
    """The folder of one dataset: `datasets/ID` of the workspace, or a staging folder while it is imported.

    Imports are numbered from 1 and hold their data beside `import.json`; versions are named by their id and hold
    `version.json` and the tables made with them.
    """

    path: Path

    @classmethod
    def of(cls, dataset_id: str) -> "DatasetFolder":
        return cls(get_settings().datasets / dataset_id)

    @property
    def record(self) -> Path:
        return self.path / "dataset.json"

    def imported(self, number: int) -> Path:
        """The folder of an import."""
        return self.path / "imports" / f"{number:04d}"

    def manifest(self, number: int) -> Path:
        """The table of an import's samples, one row a sample."""
        return self.imported(number) / "manifest.parquet"

    def reading(self, number: int) -> Path:
        """How an import's files were read; imports of earlier versions lack it."""
        return self.imported(number) / "reading.json"

    def table(self, number: int) -> Path:
        """The cells of an imported table."""
        return self.imported(number) / "table.parquet"

    def version(self, version: str) -> Path:
        """The folder of a version."""
        return self.path / "versions" / version


def sample_ids(manifest: pd.DataFrame, number: int) -> pd.Series:
    """The ids of an import's samples, `IMPORT-ROW`; a source that is read anew keeps those of its samples."""
    ids = f"{number}-" + manifest["row"].astype("str")
    return manifest["id"].where(manifest["id"].notna(), ids) if "id" in manifest else ids
