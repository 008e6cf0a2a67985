"""The cells of a file as they came: text, or the numbers of formats that have types."""

import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from core.errors import InputError

LARGEST = 1e100  # the variance of larger numbers overflows float64; they and infinity count as missing


@dataclass(frozen=True)
class RawColumn:
    """A column of `n` cells. `text` holds them as text, an empty one as null; it is None where all are numbers.

    `numbers` are the cells that the format itself says are numbers, float64 with NaN for all others; None for text.
    """

    text: pa.Array | None
    numbers: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.text) if self.text is not None else len(self.numbers)  # type: ignore[arg-type]

    @cached_property
    def as_text(self) -> pa.Array:
        """Every cell as text, whole numbers without a decimal point."""
        if self.text is not None and self.numbers is None:
            return self.text
        assert self.numbers is not None
        said = pa.array([None if np.isnan(x) else number_text(x) for x in self.numbers], pa.string())
        return said if self.text is None else pc.coalesce(self.text, said)

    @cached_property
    def trimmed(self) -> pa.Array:
        """The text without spaces around it, by which numbers, dates and words for nothing are known."""
        return pc.utf8_trim_whitespace(self.as_text)

    @cached_property
    def counts(self) -> dict[str, int]:
        """Each different text, trimmed, and how many cells hold it, in the order of appearance."""
        found = pc.value_counts(pc.drop_null(self.trimmed))
        return dict(zip(found.field("values").to_pylist(), found.field("counts").to_pylist(), strict=True))

    @property
    def first(self) -> str | None:
        """The first cell as text."""
        found: str | None = self.as_text[0].as_py()
        return found

    @property
    def n_empty(self) -> int:
        return int(self.as_text.null_count)

    @property
    def is_empty(self) -> bool:
        return self.n_empty == len(self)

    def below_first(self) -> "RawColumn":
        """The column without its first cell, the header."""
        text = None if self.text is None else self.text[1:]
        return RawColumn(text, None if self.numbers is None else self.numbers[1:])

    def take(self, kept: np.ndarray) -> "RawColumn":
        """The cells at which the boolean array `kept`, `(n,)`, is true."""
        text = None if self.text is None else self.text.filter(pa.array(kept))
        return RawColumn(text, None if self.numbers is None else self.numbers[kept])


@dataclass(frozen=True)
class RawTable:
    """A table before its cells have a meaning.

    `above` is the number of lines or rows above the first one, header included; `places` those of the rows below,
    where some are left out.
    """

    names: tuple[str, ...]
    columns: tuple[RawColumn, ...]
    above: int = 1
    places: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.columns[0]) if self.columns else 0

    def keep(self, kept: np.ndarray) -> "RawTable":
        """The rows at which the boolean array `kept`, `(n,)`, is true."""
        return replace(self, columns=tuple(column.take(kept) for column in self.columns), places=self.where[kept])

    @property
    def where(self) -> np.ndarray:
        """The place of each row below the header, `(n,)`, counted from 1."""
        return np.arange(1, len(self) + 1) if self.places is None else self.places

    def rows(self, places: Sequence[int]) -> list[tuple[str | None, ...]]:
        """The cells of a few rows as text."""
        if not places or not len(self):
            return []
        cells = [column.as_text.take(pa.array(places)).to_pylist() for column in self.columns]
        return list(zip(*cells, strict=True))


def column_names(title: str, header: Sequence[object]) -> tuple[str, ...]:
    """The names of columns in Unicode's composed form; one without a name goes by its place.

    `InputError` when two are the same.
    """
    names = [unicodedata.normalize("NFC", str(name)).strip() for name in header]
    names = [name or f"column {place}" for place, name in enumerate(names, start=1)]
    if len(set(names)) < len(names):
        twice = next(name for place, name in enumerate(names) if name in names[:place])
        raise InputError(f"“{title}” has two columns named “{twice}”.", "Rename or remove one of them.")
    return tuple(names)


def text_column(values: pa.Array | pa.ChunkedArray) -> RawColumn:
    """Cells of text as they are; one of nothing but spaces is null."""
    if isinstance(values, pa.ChunkedArray):
        values = values.combine_chunks()
    if isinstance(values, pa.ChunkedArray):  # longer than one array can be
        values = pa.concat_arrays(values.chunks)
    values = values.cast(pa.large_string())
    empty = pc.equal(pc.utf8_trim_whitespace(values), "")
    return RawColumn(
        pc.if_else(empty, pa.scalar(None, pa.large_string()), values) if pc.any(empty).as_py() else values
    )


def object_column(values: Sequence[object], text: Callable[[object], str | None]) -> RawColumn:
    """Cells of any kind, as spreadsheets and JSON have them; `text` says how one that is no number is written."""
    numbers = np.full(len(values), np.nan)
    said: list[str | None] = [None] * len(values)
    any_text = False
    for place, value in enumerate(values):
        if isinstance(value, int | float) and not isinstance(value, bool):
            numbers[place] = _as_float(value)
        else:
            said[place] = text(value)
            any_text = any_text or said[place] is not None
    typed = None if np.isnan(numbers).all() else numbers
    if not any_text:
        return RawColumn(None, numbers) if typed is not None else text_column(pa.array(said, pa.large_string()))
    return RawColumn(text_column(pa.array(said, pa.large_string())).text, typed)


def series_column(values: pd.Series, text: Callable[[object], str | None]) -> RawColumn:
    """A column of a format with types."""
    if pd.api.types.is_bool_dtype(values):
        return object_column([None if pd.isna(v) else bool(v) for v in values], text)
    if pd.api.types.is_numeric_dtype(values):
        return RawColumn(None, values.to_numpy(dtype="float64", na_value=np.nan))
    if pd.api.types.is_string_dtype(values) and values.dtype != object:
        return text_column(pa.array(values, pa.large_string(), from_pandas=True))
    return object_column([None if _is_missing(v) else v for v in values], text)


def number_text(value: float) -> str:
    """A number as it is written: a whole one without a decimal point."""
    return str(int(value)) if value.is_integer() and abs(value) < 2**63 else repr(float(value))


def _as_float(value: float | int) -> float:
    try:
        return float(value)
    except OverflowError:
        return np.inf if value > 0 else -np.inf


def _is_missing(value: object) -> bool:
    return value is None or value is pd.NaT or value is pd.NA or (isinstance(value, float) and np.isnan(value))
