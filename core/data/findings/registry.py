"""The registry of finders, each of which detects one kind of problem in a version's samples."""

from collections.abc import Iterator

import pandas as pd

from core.data.cleaning.steps.samples import DROP_DUPLICATES
from core.data.files.names import SUFFIXES
from core.data.findings import category as category_findings
from core.data.findings import class_spelling, dates
from core.data.findings import image as image_findings
from core.data.findings import reading as reading_findings
from core.data.findings import table as table_findings
from core.data.findings.evidence import Evidence, Finder, count, list_some
from core.schemas import Finding, Kind, Step

SMALL_CLASS = 10
IMBALANCE = 10


def run_finders(evidence: Evidence) -> tuple[Finding, ...]:
    """All findings, the most severe first."""
    findings = [finding for finder in finders(evidence.dataset.kind) for finding in finder(evidence)]
    return tuple(sorted(findings, key=lambda finding: ("error", "warning", "info").index(finding.severity)))


def finders(kind: Kind) -> list[Finder]:
    """The finders for data of this kind."""
    of_tables = [*table_findings.FINDERS, *category_findings.FINDERS, *dates.FINDERS]
    return [*FINDERS, *(of_tables if kind == "table" else [*image_findings.FINDERS, *reading_findings.FINDERS])]


def unreadable(evidence: Evidence) -> Iterator[Finding]:
    """Image files that an import refused."""
    refused = [
        skipped.path
        for record in evidence.dataset.imports
        for skipped in record.skipped
        if skipped.path.lower().endswith(SUFFIXES) and not skipped.unlabelled
    ]
    if refused:
        yield Finding(
            kind="unreadable",
            severity="warning",
            message=f"{count(len(refused), 'image file')} could not be used.",
            samples=tuple(refused),
        )


def exact_duplicate(evidence: Evidence) -> Iterator[Finding]:
    """Samples whose content is identical; an error where their classes differ, since one of them must be wrong."""
    noun = "image" if evidence.dataset.kind == "image" else "row"
    samples = evidence.samples[evidence.unconfirmed("exact_duplicate")]
    if evidence.dataset.kind == "image":  # whose groups hold near copies as well
        samples = samples[~evidence.vanished[samples.index]]  # which are alike on this ground only
        samples = samples.assign(group=pd.factorize(samples["content_hash"])[0])
    copies = samples[samples.duplicated("group", keep=False)].sort_values("group", kind="stable")
    labels = copies.groupby("group")["label"].transform("nunique") > 1
    if labels.any():
        torn = copies[labels]
        n = torn["group"].nunique()
        yield Finding(
            kind="exact_duplicate",
            severity="error",
            message=f"{count(n, noun)} {'stand' if n > 1 else 'stands'} in more than one class"
            f" ({len(torn)} {noun}s in all).",
            samples=tuple(torn["path"]),
            remedy=Step(kind=DROP_DUPLICATES, params={"contradictory": "drop"}),
        )
    same = copies[~labels]
    if len(same):
        n = same["group"].nunique()
        yield Finding(
            kind="exact_duplicate",
            severity="info",
            message=f"{count(n, noun)} {'are' if n > 1 else 'is'} there more than once ({len(same)} {noun}s in all);"
            " copies stay on one side of the split.",
            samples=tuple(same["path"]),
            remedy=Step(kind=DROP_DUPLICATES, params={"contradictory": "keep"}),
        )


def small_class(evidence: Evidence) -> Iterator[Finding]:
    """Classes with too few samples for reliable scores."""
    counts = evidence.samples["label"].value_counts().sort_values(kind="stable")
    small = counts[counts < SMALL_CLASS]
    if small.empty:
        return
    said = f"Class “{small.index[0]}” has only {small.iloc[0]} samples; their scores are unreliable."
    if len(small) > 1:
        named = list_some([f"“{name}” {n}" for name, n in small.items()])
        said = f"{len(small):,} classes have fewer than {SMALL_CLASS} samples; their scores are unreliable: {named}."
    yield Finding(
        kind="small_class",
        severity="warning",
        message=said,
        samples=tuple(evidence.samples.loc[evidence.samples["label"].isin(small.index), "path"]),
    )


def imbalance(evidence: Evidence) -> Iterator[Finding]:
    """A class more than ten times as large as another."""
    counts = evidence.samples["label"].value_counts()
    if len(counts) > 1 and counts.max() > IMBALANCE * counts.min():
        yield Finding(
            kind="imbalance",
            severity="warning",
            message=f"Class “{counts.idxmax()}” has {counts.max() / counts.min():.0f} times as many samples as"
            f" “{counts.idxmin()}”; accuracy alone will be misleading.",
        )


def new_class(evidence: Evidence) -> Iterator[Finding]:
    """Classes that a further import brought, and no earlier one has."""
    known: set[str] = set()
    imports = sorted(evidence.dataset.imports, key=lambda record: record.replaces or record.number)
    for record in imports:
        brought = evidence.samples[evidence.samples["import_number"] == record.number]
        new = brought[~brought["label"].isin(known)]
        names = sorted(map(str, new["label"].dropna().unique()))
        if known and names:
            yield Finding(
                kind="new_class",
                severity="warning",
                message=f"“{record.source}” brought {'a class' if len(names) == 1 else 'classes'} that no earlier"
                f" import has: {list_some([f'“{name}”' for name in names])}.",
                samples=tuple(new["path"]),
            )
        known |= {*names}


FINDERS: list[Finder] = [unreadable, exact_duplicate, small_class, new_class, imbalance, *class_spelling.FINDERS]
