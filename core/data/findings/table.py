"""Finders of problems in a table's cells, each with a cleaning step as remedy."""

import re
from collections.abc import Iterator

import numpy as np
import pandas as pd

from core.data.cleaning.steps.cells import DROP_COLUMNS
from core.data.cleaning.steps.missing import IMPUTE, MISSING_INDICATOR
from core.data.cleaning.steps.outliers import CLIP_OUTLIERS
from core.data.cleaning.steps.samples import DROP_SAMPLES
from core.data.cleaning.steps.step import centre_and_spread, fill_and_scale, numeric_columns, sample_positions
from core.data.findings.evidence import NAMED, Evidence, Finder, count, join_names, list_some, remedy_step
from core.data.reading.numbers import find_unit
from core.data.tables.near_rows import near_pairs
from core.schemas import Finding

SHOWN = 1_000  # rows that a finding names, the most relevant first
SLOW = 20_000  # rows that the slower methods use
FAR_OUT = 3.0  # box-plot factor beyond which a value is “far out” (Tukey 1977)
TELLS_ALL = 0.985  # balanced accuracy of one column alone
CORRELATED = 0.95
BLOCK = 1_000  # columns looked at together


def missing(evidence: Evidence) -> Iterator[Finding]:
    """Empty cells."""
    table, gaps = evidence.cells, evidence.cells.isna()
    by_column = gaps.sum()[lambda n: n > 0].sort_values(ascending=False, kind="stable")
    if by_column.empty:
        return
    per_row = gaps.sum(axis=1).to_numpy()
    total, rows = int(by_column.sum()), np.flatnonzero(per_row)
    numbers = [name for name in numeric_columns(table) if name in by_column.index]
    yield Finding(
        kind="missing",
        severity="info",
        message=f"{total:,} of {gaps.size:,} cells {'are' if total > 1 else 'is'} empty,"
        f" in {count(len(by_column), 'column')}: "
        + list_some([f"{name} {n:,}" for name, n in by_column.items()], NAMED)
        + ".",
        samples=evidence.sample_names(rows),
        scores=tuple(per_row[rows].astype(float).tolist()),
        remedy=remedy_step(IMPUTE, method="iterative", columns=numbers) if numbers else None,
    )


def missing_pattern(evidence: Evidence) -> Iterator[Finding]:
    """Columns empty in the same rows, and gaps that depend on the class (not missing at random, Rubin 1976)."""
    gaps = evidence.cells.isna()
    gaps = gaps.loc[:, gaps.any()]
    together: dict[int, list[str]] = {}
    for name in gaps.columns:
        together.setdefault(hash(gaps[name].to_numpy().tobytes()), []).append(str(name))
    for names in together.values():
        if len(names) > 1 and gaps[names[0]].sum() > 1:
            rows = np.flatnonzero(gaps[names[0]].to_numpy())
            yield Finding(
                kind="missing_pattern",
                severity="info",
                message=f"{join_names(names)} are empty in the same {count(len(rows), 'row')}; one mark is enough.",
                samples=evidence.sample_names(rows[:SHOWN]),
                remedy=remedy_step(MISSING_INDICATOR, columns=names[:1]),
            )
    classes = evidence.samples["label"].to_numpy(dtype=object)
    telling = [
        str(name)
        for name in gaps.columns
        if evidence.dataset.labelled and _depends_on_class(gaps[name].to_numpy(), classes)
    ]
    for name in telling:
        shares = gaps[name].groupby(classes).mean()
        yield Finding(
            kind="missing_pattern",
            severity="warning",
            message=f"“{name}” is missing in {shares.max():.0%} of class “{shares.idxmax()}” but in"
            f" {shares.min():.0%} of “{shares.idxmin()}”: that it is missing tells the class.",
            samples=evidence.sample_names(np.flatnonzero(gaps[name].to_numpy())[:SHOWN]),
            remedy=remedy_step(MISSING_INDICATOR, columns=[name]),
        )


def near_duplicate(evidence: Evidence) -> Iterator[Finding]:
    """Rows that agree in all columns but one, when more do so than expected by chance."""
    pairs = near_pairs(evidence.cells) if evidence.near_rows is None else evidence.near_rows
    if not pairs:
        return
    rows = np.asarray(sorted(set(pairs) | set(pairs.values())))
    ids = evidence.samples["id"].to_numpy()
    few = len(pairs) <= SHOWN
    yield Finding(
        kind="near_duplicate",
        severity="info",
        message=f"{count(len(rows), 'row')} agree with another one in all columns but one, which is unlikely to be"
        " chance. They may be the same thing recorded twice, and stay on one side of the split.",
        samples=evidence.sample_names(rows[:SHOWN]),
        remedy=remedy_step(DROP_SAMPLES, samples=[str(ids[row]) for row in sorted(pairs)]) if few else None,
    )


def outlier(evidence: Evidence) -> Iterator[Finding]:
    """Values far out of the box plot: beyond three interquartile ranges from the box."""
    table = evidence.cells
    worst, counts = np.zeros(len(table)), {}
    names = numeric_columns(table)
    quartiles = table[names].quantile([0.25, 0.75]).to_numpy() if names else np.empty((2, 0))
    for name, first, third in zip(names, *quartiles, strict=True):
        spread = third - first
        if not spread > 0:  # also for an empty column: NaN
            continue
        cells = table[name].to_numpy()
        low, high = first - FAR_OUT * spread, third + FAR_OUT * spread
        beyond = np.nan_to_num(np.maximum(low - cells, cells - high) / spread, nan=-1.0)
        if (beyond > 0).any():
            counts[name] = int((beyond > 0).sum())
            worst = np.maximum(worst, np.where(beyond > 0, beyond + FAR_OUT, 0))
    if not counts:
        return
    counts = dict(sorted(counts.items(), key=lambda item: -item[1]))
    rows = np.argsort(-worst, kind="stable")[: min(SHOWN, int((worst > 0).sum()))]
    yield Finding(
        kind="outlier",
        severity="info",
        message=f"{count(int((worst > 0).sum()), 'row')} hold a value more than {FAR_OUT:g} interquartile ranges"
        " from its column's box: " + list_some([f"{name} {n:,}" for name, n in counts.items()], NAMED) + ".",
        samples=evidence.sample_names(rows),
        scores=tuple(np.round(worst[rows], 3).tolist()),
        remedy=remedy_step(CLIP_OUTLIERS, method="box_plot", factor=FAR_OUT, columns=list(counts)),
    )


def constant(evidence: Evidence) -> Iterator[Finding]:
    """Columns with one value."""
    table = evidence.cells
    names = [str(name) for name in table.columns if table[name].nunique() < 2 and not table[name].isna().any()]
    names += [str(name) for name in table.columns if table[name].isna().all()]
    if names and len(names) < table.shape[1]:
        verb = "have" if len(names) > 1 else "has"
        yield Finding(
            kind="constant",
            severity="warning",
            message=f"{join_names(names)} {verb} the same value in every row and cannot help a model.",
            remedy=remedy_step(DROP_COLUMNS, columns=names),
        )


def id_like(evidence: Evidence) -> Iterator[Finding]:
    """Columns that name a row instead of describing it: a model memorises them."""
    table = evidence.cells
    numbers = set(numeric_columns(table))
    names = []
    for name, values in table.items():
        present = values.dropna()
        if len(present) < 20:
            continue
        if name in numbers and not (present == present.round()).all():
            continue
        distinct = present.nunique()
        if distinct < 0.9 * len(present):
            continue
        if name not in numbers and find_unit(present.unique()) is not None:
            continue  # an amount such as €16.24, whose remedy is to read the number
        if name in numbers:
            dense = present.max() - present.min() < 2 * len(present)
            named = re.search(r"(^|[\W_])(id|key|nr|no|number)$|[a-z]Id$", str(name), re.IGNORECASE)
            if not (dense or named) or distinct < 0.98 * len(present):
                continue
        names.append(str(name))
    if names and len(names) < table.shape[1]:
        verb = "have" if len(names) > 1 else "has"
        yield Finding(
            kind="id_like",
            severity="warning",
            message=f"{join_names(names)} {verb} another value in nearly every row and may only name it; a model"
            " would memorise such names.",
            remedy=remedy_step(DROP_COLUMNS, columns=names),
        )


def leak(evidence: Evidence) -> Iterator[Finding]:
    """Columns that predict the class almost perfectly alone, by 3-fold cross-validated balanced accuracy."""
    if not evidence.dataset.labelled:
        return
    place = sample_positions(len(evidence.samples), SLOW)
    table = evidence.cells.iloc[place]
    y, classes = pd.factorize(evidence.samples["label"].iloc[place])
    if len(place) < 30 or len(classes) < 2 or table.shape[1] < 2:
        return
    # Ranks within the class, so that every class is spread over the folds.
    fold = pd.Series(np.random.default_rng(0).permutation(len(y))).groupby(y).rank().to_numpy(dtype="int64") % 3
    numbers = set(numeric_columns(table))
    hopeless = numbers - set(_may_tell(table[numeric_columns(table)], y, fold, len(classes)))
    for name in table.columns:
        if name in hopeless:
            continue
        if name in numbers:
            # A tree uses only the order, and ranks fit into the float32 that scikit-learn's trees compute with.
            guess = _tree_guesses(table[name].rank(method="dense").to_numpy(), y, fold, len(classes))
        else:
            guess = _table_guesses(pd.factorize(table[name], use_na_sentinel=False)[0], y, fold, len(classes))
        score = float(np.mean([(guess[y == c] == c).mean() for c in range(len(classes))]))
        if score >= TELLS_ALL:
            yield Finding(
                kind="leak",
                severity="warning",
                message=f"“{name}” alone tells the class: right in {score:.1%} of the rows, averaged over classes"
                " (cross-validated). If it is known only once the class is, as a result or a code of it, scores will"
                " be too good to be true.",
                scores=(score,),
                remedy=remedy_step(DROP_COLUMNS, columns=[str(name)]),
            )


def correlation(evidence: Evidence) -> Iterator[Finding]:
    """Pairs of numeric columns with |r| > 0.95 (Pearson)."""
    table = evidence.cells
    names = [name for name in numeric_columns(table) if table[name].nunique() > 2]
    if len(names) < 2:
        return
    rows = table[names].iloc[sample_positions(len(table), SLOW)]
    complete = fill_and_scale(rows, *centre_and_spread(rows))
    varied = complete.std(axis=0) > 0
    names = [name for name, v in zip(names, varied, strict=True) if v]
    r = _strong_correlations(complete[:, varied])
    if not r:
        return
    dropped: dict[str, None] = {}
    for a, b in r:
        if names[a] not in dropped and names[b] not in dropped:
            gaps = table[[names[a], names[b]]].isna().sum()
            dropped[names[a] if gaps.iloc[0] > gaps.iloc[1] else names[b]] = None
    pairs = sorted(r, key=lambda pair: -abs(r[pair]))
    yield Finding(
        kind="correlation",
        severity="info",
        message="Strongly correlated columns: "
        + list_some([f"{names[a]} and {names[b]} (r = {r[a, b]:.2f})" for a, b in pairs])
        + f". Without {join_names(list(dropped))} little is lost.",
        scores=tuple(float(r[pair]) for pair in pairs[:SHOWN]),
        remedy=remedy_step(DROP_COLUMNS, columns=list(dropped)),
    )


FINDERS: list[Finder] = [
    missing,
    missing_pattern,
    near_duplicate,
    outlier,
    constant,
    id_like,
    leak,
    correlation,
]


def _depends_on_class(gaps: np.ndarray, classes: np.ndarray) -> bool:
    """Whether gaps differ between classes by ten points and more than chance does (chi-squared test, p < 0.001)."""
    from scipy.special import chdtrc

    counts = pd.crosstab(classes, gaps).to_numpy()
    if counts.shape[0] < 2 or counts.shape[1] < 2 or counts[:, 1].sum() < 10:
        return False
    expected = np.outer(counts.sum(axis=1), counts.sum(axis=0)) / counts.sum()
    shares = counts[:, 1] / counts.sum(axis=1)
    p = chdtrc(len(counts) - 1, ((counts - expected) ** 2 / expected).sum())
    return bool(shares.max() - shares.min() >= 0.1 and p < 1e-3)


def _may_tell(numbers: pd.DataFrame, y: np.ndarray, fold: np.ndarray, classes: int) -> list[str]:
    """The columns that a small tree might tell the class by, which a count of class changes cannot rule out.

    Along a fold's rows in the order of a column, guesses change at most at the tree's thresholds, and the class no
    more often than they do, plus two changes for each wrong guess. Rows with equal values have no order: two changes
    are forgiven for each.
    """
    wrong = (1 - TELLS_ALL) * classes * np.bincount(y).max()
    allowed = 3 * (max(2, 2 * classes) - 1) + 2 * wrong
    left = []
    for start in range(0, numbers.shape[1], BLOCK):
        block = numbers.iloc[:, start : start + BLOCK]
        changes = np.zeros(block.shape[1])
        for k in range(3):
            values, of_fold = block.to_numpy()[fold == k], y[fold == k]
            order = np.argsort(values, axis=0, kind="stable")
            ordered, guessed = np.take_along_axis(values, order, axis=0), of_fold[order]
            differ = ordered[1:] > ordered[:-1]  # never where one is missing
            changes += (differ & (guessed[1:] != guessed[:-1])).sum(axis=0)
            changes -= 2 * (ordered[1:] == ordered[:-1]).sum(axis=0)
        left += [str(name) for name, n in zip(block.columns, changes, strict=True) if n <= allowed]
    return [name for name in left if _best_score(numbers[name], y, fold, classes) >= TELLS_ALL]


def _best_score(values: pd.Series, y: np.ndarray, fold: np.ndarray, classes: int) -> float:
    """What no guess by a value can exceed: in each fold the best class of each value, classes weighing alike."""
    codes = pd.factorize(values, use_na_sentinel=False)[0]
    counts = np.bincount((codes * 3 + fold) * classes + y, minlength=(int(codes.max()) + 1) * 3 * classes)
    shares = counts.reshape(-1, 3, classes) / np.bincount(y, minlength=classes)
    return float(shares.max(axis=2).sum() / classes)


def _strong_correlations(complete: np.ndarray) -> dict[tuple[int, int], float]:
    """Pairs of columns of `complete`, `(n, columns)`, with |r| above `CORRELATED` → r, block by block."""
    scaled = complete - complete.mean(axis=0)
    scaled /= np.sqrt((scaled**2).sum(axis=0))
    found = {}
    for start in range(0, scaled.shape[1], BLOCK):
        r = scaled[:, start : start + BLOCK].T @ scaled[:, start:]
        for a, b in np.argwhere(np.abs(r) > CORRELATED):
            if b > a:
                found[start + int(a), start + int(b)] = float(r[a, b])
    return found


def _tree_guesses(values: np.ndarray, y: np.ndarray, fold: np.ndarray, classes: int) -> np.ndarray:
    """The class of each row by a small tree on one column, grown on the other folds, classes weighing the same."""
    from sklearn.tree import DecisionTreeClassifier

    guess = np.full(len(y), -1)
    for k in range(3):
        tree = DecisionTreeClassifier(max_leaf_nodes=max(2, 2 * classes), class_weight="balanced", random_state=0)
        train = fold != k
        guess[~train] = tree.fit(values[train, None], y[train]).predict(values[~train, None])
    return guess


def _table_guesses(codes: np.ndarray, y: np.ndarray, fold: np.ndarray, classes: int) -> np.ndarray:
    """The most frequent class of each row's category in the other folds, classes weighing alike; −1 if unseen."""
    guess = np.full(len(y), -1)
    n = int(codes.max()) + 1
    if n * classes > 20_000_000:
        return guess
    for k in range(3):
        train = fold != k
        counts = np.bincount(codes[train] * classes + y[train], minlength=n * classes).reshape(n, classes)
        shares = counts / np.maximum(counts.sum(axis=0), 1)
        best = np.where(counts.any(axis=1), shares.argmax(axis=1), -1)
        guess[~train] = best[codes[~train]]
    return guess
