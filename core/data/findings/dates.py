"""The finder of dates that would be learnt as words."""

from collections.abc import Iterator

from core.data.cleaning.steps.cells import DATE_PARTS
from core.data.cleaning.steps.step import text_columns
from core.data.findings.evidence import Evidence, Finder, remedy_step
from core.schemas import Finding

_ISO = r"\d{4}-\d{2}-\d{2}(?:[T ].*)?"  # as a reading stores every date
FEWEST_DAYS = 10  # with fewer, each may well be a category


def date(evidence: Evidence) -> Iterator[Finding]:
    """Columns of dates: each day is a category of its own, and a day that is new says nothing to the model."""
    table = evidence.cells
    for name in text_columns(table):
        days = table[name].dropna().unique()
        if len(days) < FEWEST_DAYS or not table[name].dropna().str.fullmatch(_ISO).all():
            continue
        yield Finding(
            kind="date",
            severity="warning",
            message=f"“{name}” holds dates, {len(days):,} different ones in {len(table):,} rows: each is learnt as a"
            " category of its own, and a new one as none of them.",
            remedy=remedy_step(DATE_PARTS, columns=[name]),
        )


FINDERS: list[Finder] = [date]
