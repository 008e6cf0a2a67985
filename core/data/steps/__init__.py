"""The registry of cleaning steps. A new step is a `StepKind` in the `KINDS` of one of these files."""

from core.data.steps import categories, cells, construction, missing, numbers, outliers, samples, selection
from core.data.steps.step import StepKind

STEPS: dict[str, StepKind] = {
    kind.name: kind
    for room in (samples, cells, missing, outliers, categories, numbers, construction, selection)
    for kind in room.KINDS
}
