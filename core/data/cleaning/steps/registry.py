"""The registry of cleaning steps. A new step is a `StepKind` in the `KINDS` of one of these modules."""

from core.data.cleaning.steps import (
    categories,
    cells,
    construction,
    harmony,
    missing,
    numbers,
    outliers,
    resampling,
    review,
    samples,
    selection,
)
from core.data.cleaning.steps.step import StepKind

STEPS: dict[str, StepKind] = {
    kind.name: kind
    for room in (
        samples,
        review,
        cells,
        harmony,
        missing,
        outliers,
        categories,
        numbers,
        construction,
        resampling,
        selection,
    )
    for kind in room.KINDS
}
