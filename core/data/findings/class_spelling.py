"""Classes whose names are one word in several spellings."""

import unicodedata
from collections.abc import Iterator

import pandas as pd

from core.data.cleaning.steps.cells import normalize_spelling
from core.data.cleaning.steps.samples import RENAME_CLASSES
from core.data.findings.evidence import Evidence, Finder, list_some, remedy_step
from core.schemas import Finding


def class_spelling(evidence: Evidence) -> Iterator[Finding]:
    """Classes that differ in capitals, spaces, invisible characters or Unicode form alone."""
    counts = evidence.samples["label"].dropna().astype(str).value_counts()  # the most frequent first
    keys = pd.Series([_key(name) for name in counts.index], index=counts.index)
    several = keys[keys.duplicated(keep=False)]
    if several.empty:
        return
    first = counts.index.to_series().groupby(keys.to_numpy(), sort=False).first()
    names = {str(name): str(first[key]) for name, key in several.items() if name != first[key]}
    shown = [f"“{old}” ({counts[old]:,}) and “{new}” ({counts[new]:,})" for old, new in names.items()]
    yield Finding(
        kind="class_spelling",
        severity="warning",
        message=f"Classes that differ only in how they are written: {list_some(shown)}. As they are, a model must"
        " tell them apart.",
        samples=tuple(evidence.samples.loc[evidence.samples["label"].isin(names), "path"]),
        remedy=remedy_step(RENAME_CLASSES, names=names),
    )


def _key(name: str) -> str:
    """The name without what cannot be seen or does not make another word."""
    return "".join(c for c in normalize_spelling(name) if not c.isspace() and unicodedata.category(c) != "Cf")


FINDERS: list[Finder] = [class_spelling]
