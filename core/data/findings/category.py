"""Finders of problems in a table's categories: spellings, mixed types, and rare ones."""

import re
from collections.abc import Iterator
from dataclasses import asdict

import numpy as np
import pandas as pd

from core.data.cleaning.steps.categories import RARE_CATEGORIES
from core.data.cleaning.steps.cells import CONVERT_TYPE, MERGE_SPELLINGS, STRIP_UNIT, as_numbers, normalize_spelling
from core.data.cleaning.steps.step import text_columns
from core.data.findings.evidence import Evidence, Finder, count, list_some, remedy_step
from core.data.reading.numbers import find_unit
from core.schemas import Finding

SHOWN = 1_000  # rows that a finding names
RARE = 5


def spelling(evidence: Evidence) -> Iterator[Finding]:
    """One category in several spellings: capitals, spaces and, in words without digits, hyphens, dots and dashes."""
    table = evidence.cells
    for name in text_columns(table):
        counts = table[name].value_counts()
        keys = pd.Series([_key(value) for value in counts.index], index=counts.index)
        several = keys[keys.duplicated(keep=False)]
        if several.empty:
            continue
        first = counts.index.to_series().groupby(keys.to_numpy(), sort=False).first()  # the most frequent one
        spellings = {str(v): str(first[key]) for v, key in several.items() if v != first[key]}
        shown = [f"“{old}” for “{new}”" for old, new in spellings.items()]
        rows = np.flatnonzero(table[name].isin(spellings).to_numpy())
        yield Finding(
            kind="spelling",
            severity="warning",
            message=f"“{name}” spells a category in several ways: {list_some(shown)}.",
            samples=evidence.sample_names(rows[:SHOWN]),
            remedy=remedy_step(MERGE_SPELLINGS, columns=[name], spellings=spellings),
        )


def mixed_type(evidence: Evidence) -> Iterator[Finding]:
    """Columns read as categories that are numbers in most rows."""
    table = evidence.cells
    for name in text_columns(table):
        counts = table[name].value_counts()
        if counts.empty:
            continue
        values = pd.Series(counts.index)
        number = as_numbers(values).notna().to_numpy()
        share = _share_of_numbers(counts)
        if share < 0.5 or pd.to_numeric(values, errors="coerce").notna().all():
            continue
        others = counts[~number]
        rows = np.flatnonzero(table[name].isin(others.index).to_numpy())
        said = (
            "but also " + list_some([f"“{v}” {n:,}" for v, n in others.items()])
            if len(others)
            else "with marks in them"
        )
        yield Finding(
            kind="mixed_type",
            severity="warning",
            message=f"“{name}” holds numbers in {share:.1%} of its cells, {said}; it is read as categories.",
            samples=evidence.sample_names(rows[:SHOWN]),
            remedy=remedy_step(CONVERT_TYPE, column=name, to="number"),
        )


def unit(evidence: Evidence) -> Iterator[Finding]:
    """Columns of numbers with one unit or currency, read as categories."""
    table = evidence.cells
    for name in text_columns(table):
        present = table[name].dropna()
        measured = find_unit(present.unique()) if len(present) else None
        if measured is None:
            continue
        yield Finding(
            kind="unit",
            severity="warning",
            message=f"“{name}” holds numbers with the unit “{measured.unit}” ({present.iloc[0]}, for one); it is read"
            " as categories.",
            remedy=remedy_step(STRIP_UNIT, column=name, **asdict(measured)),
        )


def rare_category(evidence: Evidence) -> Iterator[Finding]:
    """Categories with fewer than five rows."""
    table = evidence.cells
    for name in text_columns(table):
        counts = table[name].value_counts()
        rare = counts[counts < RARE]
        if rare.empty or len(counts) < 3 or rare.sum() > 0.5 * counts.sum() or _share_of_numbers(counts) >= 0.5:
            continue
        rows = np.flatnonzero(table[name].isin(rare.index).to_numpy())
        yield Finding(
            kind="rare_category",
            severity="info",
            message=f"“{name}” has {count(len(rare), 'category', 'categories')} with fewer than {RARE} rows: "
            f"{list_some([f'{v} {n}' for v, n in rare.items()])}; little can be learnt from them.",
            samples=evidence.sample_names(rows[:SHOWN]),
            remedy=remedy_step(RARE_CATEGORIES, columns=[name], at_least=RARE),
        )


FINDERS: list[Finder] = [spelling, mixed_type, unit, rare_category]


def _share_of_numbers(counts: pd.Series) -> float:
    """How many cells are numbers, `counts` being the rows of each value."""
    return float(counts.to_numpy()[as_numbers(pd.Series(counts.index)).notna().to_numpy()].sum() / counts.sum())


def _key(value: str) -> str:
    key = normalize_spelling(value)
    return key if re.search(r"\d", key) else re.sub(r"[\s\-_.]+", " ", key).strip()
