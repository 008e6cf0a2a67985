"""Is one run really better than another? Paired tests on the same test samples, and the settings that differ."""

import math
from collections.abc import Mapping, Sequence
from itertools import combinations
from statistics import NormalDist
from typing import Annotated, Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import Field

from core.errors import InputError
from core.evaluation.bootstrap import DRAWS, macro_f1, macro_f1_draws
from core.evaluation.scores import MINUS, Interval, Z, classes_of, judged, wilson
from core.schemas import Frozen, RunRecord, TrainingSpec
from core.store.runs import get_run, read_predictions, runs_on_test

ALPHA = 0.05
POWER = 0.8
LOOKS = 10
Metric = Literal["accuracy", "macro_f1"]


class Pair(Frozen):
    """Run `b` against run `a` in one metric, on the `n` samples both were judged on.

    `difference` is b less a, `ci` its 95 % interval, `p_adjusted` the p-value after Holm's correction over all pairs
    compared in this metric, `significant` whether that is below 0.05. `disagreements` counts the samples on which
    exactly one of the two is right; it stays out of the JSON.
    """

    a: str
    b: str
    metric: Metric
    test: str
    n: int
    difference: float
    ci: Interval
    p: float
    p_adjusted: float
    significant: bool
    disagreements: Annotated[int, Field(exclude=True)]


def compare_runs(runs: Sequence[str]) -> dict[str, Any]:
    """Compare stored runs, given by id or name: what `python -m core compare` prints.

    Raises:
        NotFoundError: no such run, or one without predictions.
        InputError: fewer than two, or runs that were not judged on the same samples with the same labels.
    """
    records = [get_run(run) for run in dict.fromkeys(runs)]
    check_comparable(records)
    rows = {r.id: judged(read_predictions(r.id)) for r in records}
    return {
        "runs": list(rows),
        "pairs": [pair.model_dump(mode="json") for pair in compare(rows)],
        "settings": settings_differences({r.id: r.spec for r in records}),
        "warning": repeated_look_warning(runs_on_test(records[0].test_hash)),
    }


def check_comparable(records: Sequence[RunRecord]) -> None:
    """Raise `InputError` when the runs are not of one dataset: samples of two datasets may bear the same ids."""
    strangers = [r for r in records if r.dataset != records[0].dataset]
    if strangers:
        raise InputError(
            f"“{records[0].name}” was trained on the dataset {records[0].dataset}, “{strangers[0].name}” on"
            f" {strangers[0].dataset}: they share no test samples, so they cannot be compared.",
            "Choose runs of one dataset.",
        )


def compare(runs: Mapping[str, pd.DataFrame]) -> list[Pair]:
    """Compare every two runs: accuracy, then macro-F1, pair by pair in the order given.

    Args:
        runs: the judged rows (`core.evaluation.scores.judged`) per run, under the name the run goes by.

    Raises:
        InputError: fewer than two runs, or two that were not judged on the same samples with the same labels.
    """
    if len(runs) < 2:
        raise InputError("A comparison needs at least two runs.", "Choose a second run of the same dataset version.")
    names = list(runs)
    aligned = {names[0]: runs[names[0]].sort_values("id", ignore_index=True)}
    for name in names[1:]:
        aligned[name] = _aligned(names[0], aligned[names[0]], name, runs[name])
    classes = list(dict.fromkeys(c for rows in aligned.values() for c in classes_of(rows)))
    pairs = list(combinations(names, 2))
    found: list[Pair] = []
    for metric in (_accuracy, _macro_f1):
        results = [metric(a, aligned[a], b, aligned[b], classes) for a, b in pairs]
        adjusted = holm([r.p for r in results])
        found += [
            r.model_copy(update={"p_adjusted": p, "significant": p < ALPHA})
            for r, p in zip(results, adjusted, strict=True)
        ]
    order = {pair: i for i, pair in enumerate(pairs)}
    return sorted(found, key=lambda r: order[r.a, r.b])


def _aligned(first: str, reference: pd.DataFrame, name: str, rows: pd.DataFrame) -> pd.DataFrame:
    rows = rows.sort_values("id", ignore_index=True)
    if list(rows["id"]) != list(reference["id"]):
        common = len(set(rows["id"]) & set(reference["id"]))
        raise InputError(
            f"“{first}” and “{name}” were not judged on the same test samples"
            f" ({len(reference)} and {len(rows)}, {common} in common), so they cannot be compared.",
            "Train one of them again on the other's dataset version, with or without folds as the other.",
        )
    relabelled = rows["label"].astype(str) != reference["label"].astype(str)
    if relabelled.any():
        raise InputError(
            f"{int(relabelled.sum())} test samples have other labels in “{name}” than in “{first}”"
            f" (for one, {rows['path'][relabelled].iloc[0]}), so the two cannot be compared.",
            "Train the older run again on the newest version of the dataset.",
        )
    return rows


def _accuracy(a: str, rows_a: pd.DataFrame, b: str, rows_b: pd.DataFrame, _classes: list[str]) -> Pair:
    right_a = (rows_a["label"] == rows_a["predicted"]).to_numpy()
    right_b = (rows_b["label"] == rows_b["predicted"]).to_numpy()
    both, only_a = int((right_a & right_b).sum()), int((right_a & ~right_b).sum())
    only_b, neither = int((right_b & ~right_a).sum()), int((~right_a & ~right_b).sum())
    p = mcnemar(only_a, only_b)
    return Pair(
        a=a, b=b, metric="accuracy", test="McNemar, exact", n=len(rows_a), difference=(only_b - only_a) / len(rows_a),
        ci=paired_interval(both, only_b, only_a, neither), p=p, p_adjusted=p, significant=p < ALPHA,
        disagreements=only_a + only_b,
    )  # fmt: skip


def _macro_f1(a: str, rows_a: pd.DataFrame, b: str, rows_b: pd.DataFrame, classes: list[str]) -> Pair:
    index = pd.Index(classes)
    truth = index.get_indexer(pd.Index(rows_a["label"].astype(str)))
    guesses = np.column_stack([index.get_indexer(pd.Index(r["predicted"].astype(str))) for r in (rows_a, rows_b)])
    observed = [macro_f1(_confusion(truth, guess, len(classes))) for guess in guesses.T]
    draws = macro_f1_draws(truth, guesses, len(classes))
    differences = draws[:, 1] - draws[:, 0]
    low, high = np.quantile(differences, (0.025, 0.975))
    # Twice the smaller tail on either side of no difference; a draw is added so that p is never 0.
    tail = min(int((differences <= 0).sum()), int((differences >= 0).sum()))
    p = min(1.0, 2 * (tail + 1) / (DRAWS + 1))
    apart = (rows_a["label"] == rows_a["predicted"]) != (rows_b["label"] == rows_b["predicted"])
    return Pair(
        a=a, b=b, metric="macro_f1", test="paired bootstrap", n=len(rows_a),
        difference=float(observed[1] - observed[0]), ci=(float(low), float(high)), p=p, p_adjusted=p,
        significant=p < ALPHA, disagreements=int(apart.sum()),
    )  # fmt: skip


def _confusion(truth: NDArray[np.intp], guess: NDArray[np.intp], n_classes: int) -> NDArray[np.int64]:
    matrix = np.zeros((n_classes, n_classes), dtype=np.int64)
    np.add.at(matrix, (truth, guess), 1)
    return matrix


def mcnemar(only_a: int, only_b: int) -> float:
    """Exact two-sided p-value that the samples on which one run alone is right fall evenly (McNemar 1947).

    A binomial test with share one half, in whole numbers, so it needs no library and is exact for any count.
    """
    n = only_a + only_b
    if n == 0:
        return 1.0
    tail = sum(math.comb(n, i) for i in range(min(only_a, only_b) + 1))
    return min(1.0, 2 * tail / 2**n)


def paired_interval(both: int, only_first: int, only_second: int, neither: int) -> Interval:
    """95 % interval for the first share less the second, both of the same samples (Newcombe 1998, method 10).

    It joins the Wilson intervals of the two shares with a correction for their correlation, keeps to [-1, 1] and
    has a width even where the two never differ. R. G. Newcombe, Statistics in Medicine 17 (1998), 2635–2650.
    """
    n = both + only_first + only_second + neither
    first, second = both + only_first, both + only_second
    p1, p2 = first / n, second / n
    (l1, u1), (l2, u2) = wilson(first, n), wilson(second, n)
    product = first * (n - first) * second * (n - second)
    cross = float(both * neither - only_first * only_second)
    if cross > 0:
        cross = max(cross - n / 2, 0)
    phi = cross / math.sqrt(product) if product else 0.0
    down = (p1 - l1) ** 2 - 2 * phi * (p1 - l1) * (u2 - p2) + (u2 - p2) ** 2
    up = (u1 - p1) ** 2 - 2 * phi * (u1 - p1) * (p2 - l2) + (p2 - l2) ** 2
    return p1 - p2 - math.sqrt(max(down, 0.0)), p1 - p2 + math.sqrt(max(up, 0.0))


def holm(p_values: list[float]) -> list[float]:
    """Holm's step-down correction (Holm 1979), in the order given: valid whatever the dependence of the tests."""
    adjusted = [0.0] * len(p_values)
    highest = 0.0
    for rank, i in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[i]))
        adjusted[i] = highest
    return adjusted


def samples_needed(difference: float, disagreement: float) -> int | None:
    """Test samples with which McNemar's test would see this difference, 80 times in 100, at 5 % (Connor 1987).

    Args:
        difference: of the two accuracies, a share of 1; `None` comes back where it is 0.
        disagreement: share of samples on which exactly one run is right.
    """
    if difference == 0:
        return None
    power = NormalDist().inv_cdf(POWER)
    root = Z * math.sqrt(disagreement) + power * math.sqrt(max(disagreement - difference**2, 0.0))
    return math.ceil((root / difference) ** 2)


def in_words(pair: Pair, noun: str = "test images") -> str:
    """One sentence on a pair, and where no difference is shown what it would take to show one."""
    better, worse = (pair.b, pair.a) if pair.difference > 0 else (pair.a, pair.b)
    kind = "" if pair.metric == "accuracy" else " of macro-F1"
    if pair.significant:
        low, high = pair.ci if pair.difference > 0 else (-pair.ci[1], -pair.ci[0])
        size = _points(abs(pair.difference), low, high)
        return f"{better} is better than {worse}: {size}{kind}, {format_p(pair.p_adjusted)}."
    size = _points(pair.difference, *pair.ci)
    text = f"No difference shown between {pair.a} and {pair.b}: {pair.b} has {size}{kind}."
    if pair.ci[0] > 0 or pair.ci[1] < 0:
        # The exact test, and Holm's correction, ask for more than the interval of one pair does.
        text = (
            f"{text[:-1]}, but {format_p(pair.p_adjusted)} with {pair.disagreements} {noun} that only one gets right."
        )
    needed = samples_needed(pair.difference, pair.disagreements / pair.n) if pair.metric == "accuracy" else None
    if needed is not None and needed > pair.n:
        text += f" About {_two_digits(needed):,} {noun} would be needed to see one of this size."
    return text


def _points(value: float, low: float, high: float) -> str:
    digits = 1 if high - low < 0.2 else 0
    shown = [f"{100 * v:.{digits}f}".replace("-", MINUS) for v in (value, low, high)]
    shown = [s.removeprefix(MINUS) if not s.strip(f"{MINUS}0.") else s for s in shown]
    sign = "+" if not shown[0].startswith(MINUS) and shown[0].strip("0.") else ""
    return f"{sign}{shown[0]} points ({shown[1]} to {shown[2]})"


def _two_digits(n: int) -> int:
    unit = 10 ** max(0, len(str(n)) - 2)
    return math.ceil(n / unit) * unit


def format_p(p: float) -> str:
    """`p = 0.01`, two digits at most, `p < 0.001` below that."""
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}" if p < 0.01 else f"p = {p:.2f}"


def settings_differences(specs: Mapping[str, TrainingSpec]) -> dict[str, dict[str, Any]]:
    """Per setting on which the runs do not agree, its value in every run. Names are no setting."""
    differences: dict[str, dict[str, Any]] = {}
    for field in TrainingSpec.model_fields:
        values = {run: getattr(spec, field) for run, spec in specs.items()}
        if field != "name" and len(set(values.values())) > 1:
            differences[field] = {run: str(v) if isinstance(v, Frozen) else v for run, v in values.items()}
    return differences


def disagreements(a: pd.DataFrame, b: pd.DataFrame) -> pd.DataFrame:
    """Samples that two runs predict differently: `a`'s rows with `predicted_a`, `predicted_b`; one right first."""
    both = a.merge(b[["id", "predicted"]], on="id", suffixes=("_a", "_b"))
    both = both[both["predicted_a"] != both["predicted_b"]]
    one_right = (both["predicted_a"] == both["label"]) | (both["predicted_b"] == both["label"])
    return both.assign(one_right=one_right).sort_values("one_right", ascending=False, kind="stable")


def repeated_look_warning(n_runs: int) -> str | None:
    """What to say when `n_runs` were judged on the same test set; `None` below ten.

    The best of k equally good runs scores too high by the expected maximum of k standard normals, in standard errors
    of the score: 0.6 for two runs, 1.2 for five, 1.5 for ten (less where the runs' errors go together). From ten on
    that is more than three quarters of the half-width of a 95 % interval (1.96), so the winner's interval can no
    longer be read at face value. The maximum is Blom's approximation (Blom 1958). Dwork et al. (2015, Science 349)
    show why a reused test set stops being one.
    """
    if n_runs < LOOKS:
        return None
    optimism = NormalDist().inv_cdf((n_runs - 0.375) / (n_runs + 0.25))
    return (
        f"{n_runs} runs have been judged on this test set. The best of so many looks better than it is, by up to"
        f" {optimism:.1f} standard errors: choose by the validation score, and confirm the choice on new samples."
    )
