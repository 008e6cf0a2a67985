"""Which columns differ between source and target, and by how much."""

import numpy as np
import pandas as pd

from core.advice.domain.record import ColumnShift
from core.evaluation.comparison import holm

BINS = 10  # deciles of the source
CATEGORIES = 20  # kept apart; rarer ones are merged into one more


def column_shifts(source: pd.DataFrame, target: pd.DataFrame) -> tuple[ColumnShift, ...]:
    """Each column that both tables have under one name, the one that differs most first.

    Numbers are tested by Kolmogorov and Smirnov, categories (missing cells are one) by χ². The order is that of the
    stability index less what chance alone gives it (Yurdakul 2018), which is much where there are few samples.
    """
    shifts = [_shift(str(name), source[name], target[name]) for name in target.columns]
    found = [shift for shift, _ in sorted(shifts, key=lambda one: -one[1])]
    tested = [shift for shift in found if shift.p is not None]
    adjusted = dict(zip((s.name for s in tested), holm([s.p for s in tested if s.p is not None]), strict=True))
    return tuple(shift.model_copy(update={"p_adjusted": adjusted.get(shift.name)}) for shift in found)


def _shift(name: str, source: pd.Series, target: pd.Series) -> tuple[ColumnShift, float]:
    """The shift, and by how much its index is beyond chance."""
    numeric = pd.api.types.is_numeric_dtype(target) and not pd.api.types.is_bool_dtype(target)
    counts = number_counts(source, target) if numeric else category_counts(source, target)
    psi = stability_index(*counts)
    known = _of_numbers(source, target) if numeric else _of_categories(counts)
    missing = (float(source.isna().mean()), float(target.isna().mean()))
    beyond = psi - (len(counts[0]) - 1) * (1 / len(source) + 1 / len(target))
    return ColumnShift(name=name, numeric=numeric, psi=psi, missing=missing, **known), beyond


def _of_numbers(source: pd.Series, target: pd.Series) -> dict[str, float | None]:
    """`gap`, `p` and `wasserstein` of the numbers that are there; nothing where a side has none."""
    from scipy.stats import ks_2samp, wasserstein_distance

    here, there = source.dropna().to_numpy(float), target.dropna().to_numpy(float)
    if not len(here) or not len(there):
        return {}
    test = ks_2samp(here, there, method="asymp")
    spread = float(here.std(ddof=1)) if len(here) > 1 else 0.0
    moved = float(wasserstein_distance(here, there)) / spread if spread > 0 else None
    return {"gap": float(test.statistic), "p": float(test.pvalue), "wasserstein": moved}


def stability_index(source: np.ndarray, target: np.ndarray) -> float:
    """Population stability index Σ (p − q) ln(p / q) of counts in the same bins; half a sample is added to each."""
    p, q = ((counts + 0.5) / (counts + 0.5).sum() for counts in (source, target))
    return float(((p - q) * np.log(p / q)).sum())


def number_counts(source: pd.Series, target: pd.Series) -> tuple[np.ndarray, np.ndarray]:
    """How many numbers of each lie between the source's deciles; the last bin holds the missing ones, if any."""
    known = source.dropna().to_numpy(float)
    edges = np.unique(np.quantile(known, np.linspace(0, 1, BINS + 1)[1:-1])) if len(known) else np.empty(0)
    counts = []
    for values in (source, target):
        # A value on an edge belongs below it, so that a value that is frequent enough to be an edge ends a bin.
        bins = np.searchsorted(edges, values.dropna().to_numpy(float), side="left")
        counts.append(np.append(np.bincount(bins, minlength=len(edges) + 1), values.isna().sum()))
    return _occurring(counts[0], counts[1])


def category_counts(source: pd.Series, target: pd.Series) -> tuple[np.ndarray, np.ndarray]:
    """How many cells of each hold each of the frequent categories, a rarer one, or nothing."""
    words = [values.astype("object").where(values.notna(), None) for values in (source, target)]
    frequent = pd.concat(words).value_counts().index[:CATEGORIES]
    counts = []
    for values in words:
        of_frequent = values.value_counts().reindex(frequent, fill_value=0).to_numpy()
        gaps = values.isna().sum()
        counts.append(np.append(of_frequent, [len(values) - gaps - of_frequent.sum(), gaps]))
    return _occurring(counts[0], counts[1])


def _occurring(first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    some = first + second > 0
    return first[some], second[some]


def _of_categories(counts: tuple[np.ndarray, np.ndarray]) -> dict[str, float | None]:
    """`gap`, half the sum of the differences of shares, and `p` of the χ² test; None where there is one category."""
    from scipy.stats import chi2_contingency

    p, q = (of_side / of_side.sum() for of_side in counts)
    tested = float(chi2_contingency(np.stack(counts)).pvalue) if len(p) > 1 else None
    return {"gap": float(np.abs(p - q).sum() / 2), "p": tested}
