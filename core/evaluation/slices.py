"""Automatic discovery of slices of the test set on which a run is worse than elsewhere."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pandas as pd

from core.evaluation.comparison import holm
from core.evaluation.intervals import Interval, wilson
from core.evaluation.scores import digits_for
from core.schemas import Frozen

BINS = 4
MIN_SAMPLES = 8  # a smaller slice can hardly differ by more than chance
MAX_VALUES = 30  # a column with more distinct values is not grouped


class Slice(Frozen):
    """A part of the judged samples: its share right against that of all others.

    `p` is that of Fisher's exact test, two-sided, `p_adjusted` with Holm's correction over all slices tested.
    """

    attribute: str
    value: str
    n: int
    right: int
    accuracy: float
    ci: Interval
    elsewhere: float
    p: float
    p_adjusted: float
    samples: tuple[str, ...]

    @property
    def weak(self) -> bool:
        return self.accuracy < self.elsewhere and self.p_adjusted < 0.05


def find_slices(rows: pd.DataFrame, attributes: pd.DataFrame) -> list[Slice]:
    """Every slice by one attribute, the worst first.

    Numbers are cut at their quartiles, other attributes are grouped by value (missing is a value too). Attributes
    with more than `MAX_VALUES` values are left out, as are slices of fewer than `MIN_SAMPLES` samples.

    Args:
        rows: the judged samples with `id`, `label` and `predicted`.
        attributes: what is known of them, indexed by sample id; a column an attribute.
    """
    right = (rows["label"] == rows["predicted"]).to_numpy()
    known = attributes.reindex(rows["id"])
    candidates: list[tuple[str, str, np.ndarray]] = []
    for name in known.columns:
        for value, here in _groups(known[name]):
            if MIN_SAMPLES <= here.sum() <= len(rows) - MIN_SAMPLES:
                candidates.append((str(name), value, here))
    ps = [_p(right, here) for _, _, here in candidates]
    result = [
        Slice(
            attribute=name,
            value=value,
            n=int(here.sum()),
            right=int(right[here].sum()),
            accuracy=float(right[here].mean()),
            ci=wilson(int(right[here].sum()), int(here.sum())),
            elsewhere=float(right[~here].mean()),
            p=p,
            p_adjusted=adjusted,
            samples=tuple(rows["id"][here]),
        )
        for (name, value, here), p, adjusted in zip(candidates, ps, holm(ps), strict=True)
    ]
    return sorted(result, key=lambda s: (s.accuracy >= s.elsewhere, s.p))


def _p(right: np.ndarray, here: np.ndarray) -> float:
    from scipy.stats import fisher_exact

    inside, outside = right[here], right[~here]
    table = [[inside.sum(), (~inside).sum()], [outside.sum(), (~outside).sum()]]
    return float(fisher_exact(table).pvalue)


def _groups(column: pd.Series) -> Sequence[tuple[str, np.ndarray]]:
    missing = column.isna().to_numpy()
    groups = [("missing", missing)] if missing.any() else []
    if pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column) and column.nunique() > BINS:
        values = column.to_numpy(float, na_value=np.nan)
        edges = np.unique(np.nanquantile(values, np.linspace(0, 1, BINS + 1)))
        for number, (low, high) in enumerate(pairwise(edges)):
            last = number == len(edges) - 2
            groups.append(
                (f"{_short(low)} to {_short(high)}", (values >= low) & ((values <= high) if last else values < high))
            )
        return groups
    names = column.astype("object").map(str)
    if names[~missing].nunique() > MAX_VALUES:
        return []
    return groups + [(name, (names == name).to_numpy() & ~missing) for name in sorted(set(names[~missing]))]


def _short(value: float) -> str:
    """Three digits, or all before the point."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def describe_slices(slices: Sequence[Slice], noun: str) -> str:
    """A sentence on the number of weak slices and the scores of the worst."""
    weak = [s for s in slices if s.weak]
    if not slices:
        return f"There are too few {noun} to compare parts of them."
    if not weak:
        return f"None of {len(slices)} parts of the {noun} is shown to be worse than the rest."
    worst = weak[0]
    digits = digits_for(worst.ci[1] - worst.ci[0])
    return (
        f"Weakest: {worst.attribute} {worst.value}, right on {worst.right} of {worst.n} {noun}"
        f" ({worst.accuracy:.{digits}f} against {worst.elsewhere:.{digits}f} elsewhere)."
    )
