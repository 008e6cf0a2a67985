"""Rows of a table to predict: read from a file and matched by name with the columns that a run was trained on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from core.data.cleaning.recipe import clean_cells
from core.data.reading.again import check_readable, read_again
from core.data.reading.record import TableReading
from core.data.tables.schema import Schema, is_number
from core.data.tables.store import as_text
from core.errors import InputError
from core.schemas import Recipe, Skipped

NAMED = 3  # values or columns told by name before the rest is only counted


@dataclass(frozen=True)
class Rows:
    """`given`: the columns as they came, `(n, any)`; `cells`: those the run knows, as numbers and text; `notes`."""

    given: pd.DataFrame
    cells: pd.DataFrame
    notes: tuple[str, ...]


def read_rows(path: Path, schema: Schema, reading: TableReading, allow_unreadable: bool = False) -> Rows:
    """Read a table as the dataset's was read, and match its columns with those of the dataset, `schema`.

    Further columns are left out, cells that the reading cannot read are taken as missing; both are told. `InputError`
    when a column is missing, or 20 % more of its cells are unreadable than at the import and that is not allowed.
    """
    wanted = [*schema.numeric, *schema.categorical]
    file, read_notes = read_again(path, reading, wanted)
    given = file.table
    missing = [name for name in wanted if name not in given.columns]
    if missing:
        raise InputError(
            f"“{path.name}” lacks {_columns(missing)}, which the run was trained on.",
            "Columns go by their names: add what is missing, or rename it. Its cells may be empty.",
        )
    if not allow_unreadable:
        check_readable(path, file, wanted)
    unreadable = [one.note for one in file.unreadable if one.column in wanted]
    skipped = [*file.left_out, *file.too_large, *unreadable]
    notes = [*read_notes, *map(_skipped_note, skipped)]
    known = {column.name for column in schema.columns} | {schema.target}
    extra = [str(name) for name in given.columns if name not in known]
    if extra:
        notes.append(f"Left out, as the run does not know {'it' if len(extra) == 1 else 'them'}: {_columns(extra)}.")
    cells = {}
    for name in schema.numeric:
        if not is_number(given[name]) and given[name].notna().any():
            raise InputError(f"Column “{name}” of “{path.name}” holds text where the run has numbers.", "Correct it.")
        cells[name] = given[name].astype("float64")
    for name in schema.categorical:
        cells[name] = as_text(given[name])
    return Rows(given, pd.DataFrame(cells, index=given.index), tuple(notes))


def clean_rows(
    rows: Rows, recipe: Recipe, trained_on: Mapping[str, pd.Series]
) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """The cells as the recipe's steps leave them, and a note on categories that no training row has.

    `trained_on` holds the columns of the training rows by their names, or at least those of words.
    """
    cells = clean_cells(recipe, rows.cells)
    notes = []
    for name in cells.columns:
        if name not in trained_on or pd.api.types.is_numeric_dtype(cells[name]):
            continue
        new = cells[name].notna() & ~cells[name].isin(trained_on[name].unique())
        if new.any():
            values = [f"“{value}”" for value in cells.loc[new, name].unique()]
            n = int(new.sum())
            notes.append(
                f"“{name}” holds {_listed(values)} in {n:,} {'row' if n == 1 else 'rows'}, which no training row has:"
                " taken as none of the known values."
            )
    return cells, tuple(notes)


def _skipped_note(one: Skipped) -> str:
    return f"{one.path}: {one.reason}."


def _columns(names: Sequence[str]) -> str:
    return f"{'column' if len(names) == 1 else 'columns'} {_listed([f'“{name}”' for name in names])}"


def _listed(words: Sequence[str]) -> str:
    """“a”, “b”, “c” and 2 more."""
    if len(words) > NAMED + 1:
        return f"{', '.join(words[:NAMED])} and {len(words) - NAMED:,} more"
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
