"""What is wrong with data: finders, each looking for one thing in a version's samples."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from core.data.archives import SUFFIXES
from core.data.tables import load_schema
from core.schemas import DatasetRecord, Finding

SMALL_CLASS = 10
IMBALANCE = 10


@dataclass(frozen=True)
class Evidence:
    """What finders look at: the samples that a version keeps (columns of `load_samples`) and the dataset's folder.

    `table` holds the cells of a table, in the order of `samples`, as the recipe's steps leave them.
    """

    dataset: DatasetRecord
    samples: pd.DataFrame
    folder: Path
    table: pd.DataFrame | None = None


Finder = Callable[[Evidence], Iterator[Finding]]


def find(evidence: Evidence) -> tuple[Finding, ...]:
    """All findings, the most severe first."""
    found = [finding for finder in FINDERS for finding in finder(evidence)]
    return tuple(sorted(found, key=lambda finding: ("error", "warning", "info").index(finding.severity)))


def unreadable(evidence: Evidence) -> Iterator[Finding]:
    """Image files that an import refused."""
    refused = [
        skipped.path
        for record in evidence.dataset.imports
        for skipped in record.skipped
        if skipped.path.lower().endswith(SUFFIXES)
    ]
    if refused:
        yield Finding(
            kind="unreadable",
            severity="warning",
            message=f"{_count(len(refused), 'image file')} could not be used.",
            samples=tuple(refused),
        )


def exact_duplicate(evidence: Evidence) -> Iterator[Finding]:
    """Samples whose content is identical; an error where their classes differ, since one of them must be wrong."""
    samples, noun = evidence.samples, "image" if evidence.dataset.kind == "image" else "row"
    copies = samples[samples.duplicated("group", keep=False)].sort_values("group", kind="stable")
    labels = copies.groupby("group")["label"].transform("nunique") > 1
    if labels.any():
        torn = copies[labels]
        n = torn["group"].nunique()
        yield Finding(
            kind="exact_duplicate",
            severity="error",
            message=f"{_count(n, noun)} {'stand' if n > 1 else 'stands'} in more than one class"
            f" ({len(torn)} {noun}s in all).",
            samples=tuple(torn["path"]),
        )
    same = copies[~labels]
    if len(same):
        n = same["group"].nunique()
        yield Finding(
            kind="exact_duplicate",
            severity="info",
            message=f"{_count(n, noun)} {'are' if n > 1 else 'is'} there more than once ({len(same)} {noun}s in all);"
            " copies stay on one side of the split.",
            samples=tuple(same["path"]),
        )


def missing(evidence: Evidence) -> Iterator[Finding]:
    """Empty cells of a table."""
    if evidence.dataset.kind != "table":
        return
    parts, cells = [], 0
    for record in evidence.dataset.imports:
        folder = evidence.folder / "imports" / f"{record.number:04d}"
        schema = load_schema(folder)
        wanted = [*schema.numeric, *schema.categorical]
        table = pd.read_parquet(folder / "table.parquet", columns=wanted)
        kept = evidence.samples.loc[evidence.samples["import_number"] == record.number, ["row", "path"]]
        empty = table.iloc[kept["row"].to_numpy()].isna().set_axis(kept["path"].to_numpy())
        parts.append(empty)
        cells += empty.size
    empty = pd.concat(parts)
    by_column = empty.sum()[lambda n: n > 0].sort_values(ascending=False, kind="stable")
    if by_column.empty:
        return
    rows = empty.index[empty.any(axis=1)]
    total = int(by_column.sum())
    yield Finding(
        kind="missing",
        severity="info",
        message=f"{total:,} of {cells:,} cells {'are' if total > 1 else 'is'} empty,"
        f" in {_count(len(by_column), 'column')}: " + ", ".join(f"{name} {n}" for name, n in by_column.items()) + ".",
        samples=tuple(rows),
        scores=tuple(float(n) for n in empty.sum(axis=1)[empty.any(axis=1)]),
    )


def small_class(evidence: Evidence) -> Iterator[Finding]:
    """Classes with so few samples that their scores say little."""
    for name, n in evidence.samples["label"].value_counts().items():
        if n < SMALL_CLASS:
            mine = evidence.samples.loc[evidence.samples["label"] == name, "path"]
            yield Finding(
                kind="small_class",
                severity="warning",
                message=f"Class “{name}” has only {n} samples; what is measured on them says little.",
                samples=tuple(mine),
            )


def imbalance(evidence: Evidence) -> Iterator[Finding]:
    """A class more than ten times as large as another."""
    counts = evidence.samples["label"].value_counts()
    if len(counts) > 1 and counts.max() > IMBALANCE * counts.min():
        yield Finding(
            kind="imbalance",
            severity="warning",
            message=f"Class “{counts.idxmax()}” has {counts.max() / counts.min():.0f} times as many samples as"
            f" “{counts.idxmin()}”; accuracy alone will flatter a model.",
        )


FINDERS: list[Finder] = [unreadable, exact_duplicate, missing, small_class, imbalance]


def _count(n: int, noun: str) -> str:
    return f"{n:,} {noun}{'' if n == 1 else 's'}"
