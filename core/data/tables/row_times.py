"""The time of a table's rows, from a column of numbers or dates, for a split by time."""

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from core.data.tables.schema import is_number, load_schema
from core.errors import InputError
from core.schemas import DatasetRecord
from core.store.dataset_folder import DatasetFolder


def row_times(dataset: DatasetRecord, folder: Path, samples: pd.DataFrame, column: str) -> np.ndarray:
    """The time of these imported samples from a column of numbers or dates, also one that is no feature.

    `folder` is the dataset's. Returns `(n,)` float64, larger is newer, NaN where the cell is missing or no date;
    `InputError` for a column of another type.
    """
    cells = pd.Series(index=samples.index, dtype="object")
    for number in sorted(samples["import_number"].unique()):
        mine = samples[samples["import_number"] == number]
        path = DatasetFolder(folder).table(number)
        if dataset.kind != "table" or column not in pq.read_schema(path).names:
            raise InputError(
                f"“{dataset.name}” has no column “{column}” to divide by.", "Choose a column of the table."
            )
        table = pq.read_table(path, columns=[column], memory_map=True).take(mine["row"].to_numpy())
        cells[mine.index] = table[column].to_pandas().to_numpy()
    values = parse_times(cells.infer_objects())
    if np.isnan(values).mean() > 0.5:
        raise InputError(f"“{column}” holds neither numbers nor dates.", "Choose a column with the time of each row.")
    return values


def time_columns(folder: Path) -> list[str]:
    """Columns of an import that can order rows by time, dates first, inferred from its first rows."""
    schema = load_schema(folder)
    rows = next(pq.ParquetFile(folder / "table.parquet").iter_batches(200)).to_pandas()
    dates = [
        name
        for name in rows.columns
        if name != schema.target and not is_number(rows[name]) and np.isfinite(parse_times(rows[name])).mean() > 0.5
    ]
    return dates + [str(name) for name in rows.columns if name != schema.target and is_number(rows[name])]


def parse_times(cells: pd.Series) -> np.ndarray:
    """Numbers as they are and dates as seconds, `(n,)` float64, NaN for all else; larger is newer.

    Dates are day-first if a first number is 13 or more, or if the numbers are separated by points.
    """
    numbers = pd.to_numeric(cells, errors="coerce")  # columns that are no features are stored as text
    if numbers.notna().equals(cells.notna()):
        return numbers.to_numpy(dtype="float64", na_value=np.nan)
    text = cells.astype("str")
    first = pd.to_numeric(text.str.extract(r"^\s*(\d{1,2})[./-]\d{1,2}[./-]\d{2,4}\b")[0])
    day_first = bool((first > 12).any() or (text[first.notna()].str.count(r"\.") >= 2).any())
    moments = pd.to_datetime(text, errors="coerce", format="mixed", dayfirst=day_first, utc=True)
    return ((moments - pd.Timestamp(0, tz="UTC")) / pd.Timedelta(seconds=1)).to_numpy(dtype="float64")
