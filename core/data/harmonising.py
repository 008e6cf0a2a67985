"""Harmonising a data set with another: names of classes and columns, types, units, and spellings.

Each difference in notation gives a proposal, a step of a recipe, which applies only if the user accepts it. Proposals
are based on names and on the values' distribution, never on the labels.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

import numpy as np
import pandas as pd

from core.data.cleaning import recipe as cleaning
from core.data.cleaning.steps.cells import CONVERT_TYPE, MERGE_SPELLINGS, as_numbers, normalize_spelling
from core.data.cleaning.steps.harmony import CONVERT_UNIT, RENAME_COLUMNS
from core.data.cleaning.steps.samples import RENAME_CLASSES
from core.data.cleaning.steps.step import numeric_columns, text_columns
from core.data.versions import load_samples, sample_imported
from core.errors import InputError
from core.schemas import DataRef, Frozen, Step, VersionRecord
from core.store import datasets as store

LOOKED_AT = 5_000  # rows of each table
ALIKE = 0.84  # of two names' letters that are in the same order (Ratcliff and Obershelp's measure)
SAME_VALUES = 0.5  # Jaccard index of two columns' categories from which they are taken for one
NOT_YET, FITS = 0.5, 0.3  # Kolmogorov–Smirnov distances before and after a conversion that is proposed
# Conversion factors, from → to. Only common ones; their inverses are tried as well.
FACTORS: tuple[tuple[float, str, str], ...] = (
    (2.54, "inches", "centimetres"),
    (25.4, "inches", "millimetres"),
    (0.3048, "feet", "metres"),
    (1.609344, "miles", "kilometres"),
    (0.45359237, "pounds", "kilograms"),
    (28.349523, "ounces", "grams"),
    (3.785412, "gallons", "litres"),
    (10.0, "units", "tenths"),
    (100.0, "shares", "per cent"),
    (1000.0, "thousands", "units"),
    (60.0, "minutes", "seconds"),
    (3600.0, "hours", "seconds"),
)
FAHRENHEIT = (5 / 9, -160 / 9)  # factor and offset to degrees Celsius


class Proposal(Frozen):
    """A difference in one sentence, and the step that resolves it; `sure` where only the spelling differs."""

    message: str
    step: Step
    sure: bool


@dataclass(frozen=True)
class Match:
    """Corresponding names of two data sets, and those without a counterpart on either side."""

    proposals: tuple[Proposal, ...]
    shared: tuple[str, ...]  # names both have once the sure proposals are taken; classes, or columns for tables
    only_here: tuple[str, ...]
    only_there: tuple[str, ...]


def harmonise(mine: VersionRecord, other: VersionRecord) -> Match:
    """How the version `mine` would have to change to match `other`. `InputError` for images beside a table."""
    kinds = [store.get_dataset(version.dataset).kind for version in (mine, other)]
    if kinds[0] != kinds[1]:
        raise InputError(
            "Images and a table cannot be harmonised.", "Choose a data set of the same kind as the one that is open."
        )
    names = match_names(mine.classes, other.classes)
    proposals = list(_classes(names))
    if kinds[0] == "image":
        return _make_match(proposals, names, mine.classes, other.classes)
    here, there = _cells(mine), _cells(other)
    columns = match_columns(here, there)
    proposals += _columns(columns, here, there)
    return _make_match(proposals, columns, [str(c) for c in here], [str(c) for c in there])


def match_names(mine: Sequence[str], other: Sequence[str]) -> dict[str, tuple[str, bool]]:
    """My name → the corresponding one of the other's, and whether only the spelling differs; one to one.

    Equal names come first, then those equal but for capitals, spaces, marks and a plural, then those that share most
    of their letters in order.
    """
    matches = {name: (name, True) for name in mine if name in set(other)}
    left, taken = [n for n in mine if n not in matches], {name for name, _ in matches.values()}
    for name in left:
        same = [o for o in other if o not in taken and _stem(o) == _stem(name) != ""]
        if len(same) == 1:
            matches[name] = (same[0], True)
            taken.add(same[0])
    pairs = [
        (SequenceMatcher(None, _stem(a), _stem(b)).ratio(), a, b)
        for a in left
        if a not in matches and len(_stem(a)) > 3
        for b in other
        if b not in taken and _digits(a) == _digits(b)
    ]
    for alike, a, b in sorted(pairs, reverse=True):
        if alike >= ALIKE and a not in matches and b not in taken:
            matches[a] = (b, False)
            taken.add(b)
    return matches


def match_columns(mine: pd.DataFrame, other: pd.DataFrame) -> dict[str, tuple[str, bool]]:
    """`match_names` for columns; those without a counterpart by name may have one by the categories they hold."""
    matches = match_names([str(c) for c in mine], [str(c) for c in other])
    taken = {name for name, _ in matches.values()}
    for a in text_columns(mine):
        if a in matches:
            continue
        values = set(mine[a].dropna().map(normalize_spelling))
        for b in text_columns(other):
            shared = values & (theirs := set(other[b].dropna().map(normalize_spelling)))
            if b not in taken and len(shared) > 1 and len(shared) >= SAME_VALUES * len(values | theirs):
                matches[a] = (b, False)
                taken.add(b)
                break
    return matches


def find_conversion(mine: pd.Series, other: pd.Series) -> tuple[float, float, str] | None:
    """Factor, offset and description of the unit conversion that aligns my numbers with the other's; None if not
    needed.

    A conversion is proposed where the two distributions hardly overlap (Kolmogorov–Smirnov distance above 0.5) and
    one of the known factors brings them within 0.3; the one that brings them nearest is taken.
    """
    a, b = mine.dropna().to_numpy(), other.dropna().to_numpy()
    if min(len(a), len(b)) < 10 or np.ptp(a) == 0 or np.ptp(b) == 0 or kolmogorov_smirnov(a, b) <= NOT_YET:
        return None
    tried = []
    for factor, unit, wanted in FACTORS:
        tried.append((kolmogorov_smirnov(a * factor, b), factor, 0.0, f"{unit} to {wanted}"))
        tried.append((kolmogorov_smirnov(a / factor, b), 1 / factor, 0.0, f"{wanted} to {unit}"))
    factor, offset = FAHRENHEIT
    tried.append((kolmogorov_smirnov(a * factor + offset, b), factor, offset, "°F to °C"))
    tried.append((kolmogorov_smirnov((a - offset) / factor, b), 1 / factor, -offset / factor, "°C to °F"))
    best = min(tried)
    return (best[1], best[2], best[3]) if best[0] <= FITS else None


def kolmogorov_smirnov(a: np.ndarray, b: np.ndarray) -> float:
    """The Kolmogorov–Smirnov distance of two samples: the largest gap of their distribution functions, 0 to 1."""
    from scipy.stats import ks_2samp

    return float(ks_2samp(a, b, method="asymp").statistic)


def _classes(names: dict[str, tuple[str, bool]]) -> Iterator[Proposal]:
    for sure in (True, False):
        renamed = {a: b for a, (b, known) in names.items() if a != b and known == sure}
        if renamed:
            yield Proposal(
                message=f"Classes: {_arrows(renamed)}.",
                step=Step(kind=RENAME_CLASSES, params={"names": renamed}),
                sure=sure,
            )


def _columns(columns: dict[str, tuple[str, bool]], here: pd.DataFrame, there: pd.DataFrame) -> Iterator[Proposal]:
    """Proposals in the order in which their steps must act: those that go by the old names, then the new names."""
    numbers = set(numeric_columns(here)), set(numeric_columns(there))
    for a, (b, sure) in columns.items():
        number = a in numbers[0], b in numbers[1]
        if number == (False, True):
            lost = int((as_numbers(here[a]).isna() & here[a].notna()).sum())
            yield Proposal(
                message=f"“{a}” is read as categories here and as numbers there"
                + (f"; {lost:,} of its cells would become missing." if lost else "."),
                step=Step(kind=CONVERT_TYPE, params={"column": a, "to": "number"}),
                sure=sure and not lost,
            )
        elif number == (True, False):
            yield Proposal(
                message=f"“{a}” is read as numbers here and as categories there.",
                step=Step(kind=CONVERT_TYPE, params={"column": a, "to": "category"}),
                sure=sure,
            )
        if number[1]:
            mine = as_numbers(here[a])
            conversion = find_conversion(mine, there[b])
            if conversion:
                params = {"columns": [a], "factor": conversion[0], "offset": conversion[1]}
                yield Proposal(
                    message=f"“{a}” seems to be in another unit ({conversion[2]}): median {mine.median():.4g} here,"
                    f" {there[b].median():.4g} there.",
                    step=Step(kind=CONVERT_UNIT, params={k: v for k, v in params.items() if v}),
                    sure=False,
                )
        elif not number[0]:
            yield from _spellings(a, here[a], there[b])
    for sure in (True, False):
        renamed = {a: b for a, (b, known) in columns.items() if a != b and known == sure}
        if renamed:
            yield Proposal(
                message=f"Columns: {_arrows(renamed)}.",
                step=Step(kind=RENAME_COLUMNS, params={"names": renamed}),
                sure=sure,
            )


def _spellings(name: str, mine: pd.Series, other: pd.Series) -> Iterator[Proposal]:
    names = match_names([str(v) for v in mine.dropna().unique()], [str(v) for v in other.dropna().unique()])
    for sure in (True, False):
        changed = {a: b for a, (b, known) in names.items() if a != b and known == sure}
        if changed:
            yield Proposal(
                message=f"“{name}”: {_arrows(changed)}.",
                step=Step(kind=MERGE_SPELLINGS, params={"columns": [name], "spellings": changed}),
                sure=sure,
            )


def _make_match(
    proposals: list[Proposal], names: dict[str, tuple[str, bool]], mine: Sequence[str], other: Sequence[str]
) -> Match:
    answered = {b for b, _ in names.values()}
    return Match(
        proposals=tuple(proposals),
        shared=tuple(name for name in other if name in answered),
        only_here=tuple(name for name in mine if name not in names),
        only_there=tuple(name for name in other if name not in answered),
    )


def _cells(version: VersionRecord) -> pd.DataFrame:
    """Some of a version's rows after the steps of its recipe that do not learn."""
    named = {str(name) for step in version.recipe.steps for name in step.params.get("samples", ())}
    rows = cleaning.apply_recipe(version.recipe, sample_imported(version, LOOKED_AT, named))
    wanted = rows.samples["id"].isin(load_samples(DataRef(dataset=version.dataset, version=version.id))["id"])
    return rows.keep(wanted.to_numpy()).cells


def _stem(name: str) -> str:
    """A name without capitals, marks, spaces, and the s of a plural."""
    words = re.findall(r"[^\W_]+", normalize_spelling(re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name)))
    return "".join(word[:-1] if len(word) > 3 and word.endswith("s") else word for word in words)


def _digits(name: str) -> str:
    """“item 1” and “item 2” share most letters and are two things."""
    return "".join(re.findall(r"\d", name))


def _arrows(names: dict[str, str]) -> str:
    shown = ", ".join(f"{a} → {b}" for a, b in list(names.items())[:4])
    return shown + (f" and {len(names) - 4} more" if len(names) > 4 else "")
