"""Is one run really better than another? Paired tests on the same test samples, and the settings that differ."""

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import NormalDist
from typing import Annotated, Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import Field

from core.errors import InputError
from core.evaluation.bootstrap import macro_f1, macro_f1_draws
from core.evaluation.intervals import ALPHA, Interval, count_folds, fold_share, paired_interval, quantile
from core.evaluation.repeats import score_repeats
from core.evaluation.scores import MINUS, classes_of, judged_rows
from core.schemas import Frozen, ResolvedSpec, RunRecord
from core.store.runs import get_run, read_predictions, runs_on_test

POWER = 0.8
LOOKS = 10
LEAST_SHARED = 10  # test samples that runs must have in common to be compared
BOOTSTRAP = "paired bootstrap"
Metric = Literal["accuracy", "macro_f1"]
Codes = NDArray[np.intp]


class Pair(Frozen):
    """Run `b` compared with run `a` in one metric, on the `n` test samples that both share of those `judged`.

    `difference` is b less a. With m pairs, Holm's procedure asks each for a p-value below some 0.05 / k, k ≤ m: its
    `level` is 1 less that, `ci` the interval at this level, which leaves out 0 exactly where the difference is
    `significant`. `p_adjusted` is the p-value after Holm's correction over all pairs compared in this metric, to be
    compared with 0.05. `disagreements` counts the samples on which exactly one of the two is right; it stays out of
    the JSON.
    """

    a: str
    b: str
    metric: Metric
    test: str
    n: int
    judged: tuple[int, int]
    difference: float
    ci: Interval
    level: float
    p: float
    p_adjusted: float
    significant: bool
    disagreements: Annotated[int, Field(exclude=True)]


def compare_runs(runs: Sequence[str]) -> dict[str, Any]:
    """Compare stored runs, given by id or name: what `python -m core compare` prints.

    Raises:
        NotFoundError: no such run, or one without predictions.
        InputError: fewer than two, or runs that share too few test samples with the same labels.
    """
    records = list({r.id: r for r in map(get_run, runs)}.values())
    check_comparable(records)
    rows = {r.id: judged_rows(read_predictions(r.id)) for r in records}
    return {
        "runs": list(rows),
        "groups": [group.model_dump(mode="json") for group in score_repeats(records, rows)],
        "pairs": [pair.model_dump(mode="json") for pair in compare_predictions(rows)],
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


def compare_predictions(runs: Mapping[str, pd.DataFrame]) -> list[Pair]:
    """Compare every two runs: accuracy, then macro-F1, pair by pair in the order given.

    Args:
        runs: the judged rows (`core.evaluation.scores.judged_rows`) per run, under the name the run goes by.

    Raises:
        InputError: fewer than two runs, or they share too few test samples with the same labels.
    """
    if len(runs) < 2:
        raise InputError("A comparison needs at least two runs.", "Choose a second run of the same dataset version.")
    names = list(runs)
    aligned = shared_rows(runs)
    classes = pd.Index(classes_of(aligned[names[0]]))
    truth = classes.get_indexer(pd.Index(aligned[names[0]]["label"].astype(str)))
    guesses = np.column_stack([classes.get_indexer(pd.Index(r["predicted"].astype(str))) for r in aligned.values()])
    worth = min(fold_share(count_folds(rows)) for rows in aligned.values())
    tests_by_metric = [f(truth, guesses, len(classes), worth) for f in (_accuracy, _macro_f1)]
    pairs = list(combinations(range(len(names)), 2))
    right = guesses == truth[:, None]
    rows = []
    for tests in tests_by_metric:
        p_values = [test.p for test in tests]
        for (a, b), test, adjusted, alpha in zip(pairs, tests, holm(p_values), holm_levels(p_values), strict=True):
            rows.append(
                Pair(
                    a=names[a],
                    b=names[b],
                    metric=test.metric,
                    test=test.name,
                    n=len(truth),
                    judged=(len(runs[names[a]]), len(runs[names[b]])),
                    difference=test.difference,
                    ci=test.interval(alpha),
                    level=1 - alpha,
                    p=test.p,
                    p_adjusted=adjusted,
                    significant=test.p < alpha,
                    disagreements=int((right[:, a] != right[:, b]).sum()),
                )
            )
    return [row for both in zip(rows[: len(pairs)], rows[len(pairs) :], strict=True) for row in both]


def shared_rows(runs: Mapping[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """The rows of the samples that all runs were judged on with the same label, in one order.

    Runs on different versions, or with folds and without, have some in common. What was trained on by one of them is
    no test sample of it, so that it is not among these.

    Raises:
        InputError: there are too few of these, or the runs do not choose among the same classes.
    """
    names = list(runs)
    first = names[0]
    for name in names[1:]:
        known, others = set(classes_of(runs[first])), set(classes_of(runs[name]))
        if known != others:
            strangers = ", ".join(f"“{c}”" for c in sorted(known ^ others)[:5])
            raise InputError(
                f"“{first}” and “{name}” do not choose among the same classes: only one of them knows {strangers},"
                " so they cannot be compared.",
                "Train the older run again on the newest version of the dataset.",
            )
    labels = pd.concat([rows.set_index("id")["label"].astype(str) for rows in runs.values()], axis=1, join="inner")
    same = labels[labels.nunique(axis=1) == 1]
    fewest = min(len(rows) for rows in runs.values())
    if len(same) < min(LEAST_SHARED, fewest):
        raise InputError(
            f"The runs share {len(same)} test samples with the same labels, too few to compare them.",
            "Train one of them again on the other's dataset version.",
        )
    return {
        name: rows[rows["id"].isin(same.index)].sort_values("id", ignore_index=True) for name, rows in runs.items()
    }


@dataclass(frozen=True)
class _Test:
    """One pair in one metric: its p-value, and the interval of any level, consistent with it on 0."""

    metric: Metric
    name: str
    difference: float
    p: float
    interval: Callable[[float], Interval]


def _accuracy(truth: Codes, guesses: Codes, _n_classes: int, worth: float) -> list[_Test]:
    """McNemar's exact test; of folds, on as many samples as they are worth."""
    right = guesses == truth[:, None]
    n = len(truth)

    def test(a: int, b: int) -> _Test:
        only_a, only_b = int((right[:, a] & ~right[:, b]).sum()), int((right[:, b] & ~right[:, a]).sum())
        return _Test(
            "accuracy",
            "McNemar, exact" if worth == 1 else "McNemar, corrected for folds",
            (only_b - only_a) / n,
            mcnemar(worth * only_a, worth * only_b),
            lambda alpha: paired_interval(worth * only_b, worth * only_a, worth * n, alpha),
        )

    return [test(a, b) for a, b in combinations(range(guesses.shape[1]), 2)]


def _macro_f1(truth: Codes, guesses: Codes, n_classes: int, worth: float) -> list[_Test]:
    """Paired bootstrap: the difference in standard errors over redrawn test sets, on Student's t.

    The standard error rather than quantiles, since Holm's levels for 20 runs would need too many draws. Only the
    samples
    that two runs predict differently are informative, so t has their number less one as degrees of freedom: with few
    of them a difference must be larger, as in the exact test of the accuracy.
    """
    from scipy.special import stdtr, stdtrit

    observed = [float(macro_f1(_confusion(truth, guess, n_classes))) for guess in guesses.T]
    draws = macro_f1_draws(truth, guesses, n_classes)

    def test(a: int, b: int) -> _Test:
        difference = observed[b] - observed[a]
        apart = int((guesses[:, a] != guesses[:, b]).sum())
        error = float((draws[:, b] - draws[:, a]).std(ddof=1)) / math.sqrt(worth)
        if not error:  # nothing to resample: identical predictions, or a single sample
            return _Test(
                "macro_f1",
                BOOTSTRAP,
                difference,
                1.0,
                lambda alpha: _tied_interval(difference, worth * len(truth), alpha),
            )
        freedom = max(worth * apart - 1, 1)

        def interval(alpha: float) -> Interval:
            half = error * float(-stdtrit(freedom, alpha / 2))
            return max(-1.0, difference - half), min(1.0, difference + half)

        p = 2 * float(stdtr(freedom, -abs(difference) / error))
        return _Test("macro_f1", BOOTSTRAP, difference, p, interval)

    return [test(a, b) for a, b in combinations(range(guesses.shape[1]), 2)]


def _tied_interval(difference: float, n: float, alpha: float) -> Interval:
    """The interval of the accuracy's difference for two runs that never disagree, which is not proof of equality."""
    low, high = paired_interval(0, 0, n, alpha)
    return min(low, difference), max(high, difference)


def _confusion(truth: Codes, guess: Codes, n_classes: int) -> NDArray[np.int64]:
    matrix = np.zeros((n_classes, n_classes), dtype=np.int64)
    np.add.at(matrix, (truth, guess), 1)
    return matrix


def mcnemar(only_a: float, only_b: float) -> float:
    """Exact two-sided McNemar test (1947) from the samples on which only one of two runs is right: its p-value.

    Counts need not be whole: the binomial distribution is extended by the incomplete beta function.
    """
    from scipy.special import betainc

    most, least = max(only_a, only_b), min(only_a, only_b)
    return min(1.0, 2 * float(betainc(most, least + 1, 0.5))) if most else 1.0


def holm(p_values: list[float]) -> list[float]:
    """Holm's step-down correction (Holm 1979), in the order given: valid for any dependence of the tests."""
    adjusted = [0.0] * len(p_values)
    highest = 0.0
    for rank, i in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[i]))
        adjusted[i] = highest
    return adjusted


def holm_levels(p_values: list[float], alpha: float = ALPHA) -> list[float]:
    """The level at which Holm's procedure tests each, in the order given: α/m for the smallest p-value, α/(m−1) next.

    It stops at the first that is not below its level, which then applies to all the rest.
    """
    levels = [alpha] * len(p_values)
    stopped = 0.0
    for rank, i in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        levels[i] = stopped or alpha / (len(p_values) - rank)
        if p_values[i] >= levels[i]:
            stopped = levels[i]
    return levels


def samples_needed(difference: float, disagreement: float) -> int | None:
    """Test samples that McNemar's test needs for 80 % power to detect this difference at the 5 % level (Connor 1987).

    Args:
        difference: of the two accuracies, a share of 1; `None` comes back where it is 0.
        disagreement: share of samples on which exactly one run is right.
    """
    if difference == 0:
        return None
    power = NormalDist().inv_cdf(POWER)
    root = quantile() * math.sqrt(disagreement) + power * math.sqrt(max(disagreement - difference**2, 0.0))
    return math.ceil((root / difference) ** 2)


def describe_pair(pair: Pair, noun: str = "test images") -> str:
    """One sentence on a pair and, if no difference is shown, how many samples would be needed to show one."""
    kind = "" if pair.metric == "accuracy" else " of macro-F1"
    shared = "" if pair.judged == (pair.n, pair.n) else f" On the {pair.n:,} {noun} that they share."
    if pair.significant:
        better, worse = (pair.b, pair.a) if pair.difference > 0 else (pair.a, pair.b)
        low, high = pair.ci if pair.difference > 0 else (-pair.ci[1], -pair.ci[0])
        size = format_points(abs(pair.difference), low, high)
        return f"{better} is better than {worse}: {size}{kind}, {format_p(pair.p_adjusted)}.{shared}"
    text = f"No difference shown: {format_points(pair.difference, *pair.ci)}{kind}."
    needed = samples_needed(pair.difference, pair.disagreements / pair.n) if pair.metric == "accuracy" else None
    if needed is not None and needed > pair.n:
        text += f" About {_two_digits(needed):,} {noun} would be needed to see one of this size."
    return text + shared


def best_run(pairs: Sequence[Pair], metric: Metric) -> str | None:
    """The run that is shown to be better than every other in this metric, if one is."""
    judged = [pair for pair in pairs if pair.metric == metric]
    names = {name for pair in judged for name in (pair.a, pair.b)}
    wins = Counter(pair.b if pair.difference > 0 else pair.a for pair in judged if pair.significant)
    return next((name for name, count in wins.items() if count == len(names) - 1), None)


def format_points(value: float, low: float, high: float) -> str:
    """`+4.1 points (1.0 to 7.3)`."""
    digits = 1 if high - low < 0.2 else 0
    shown = [f"{100 * v:.{digits}f}".replace("-", MINUS) for v in (value, low, high)]
    shown = [s.removeprefix(MINUS) if not s.strip(f"{MINUS}0.") else s for s in shown]
    sign = "+" if not shown[0].startswith(MINUS) and shown[0].strip("0.") else ""
    return f"{sign}{shown[0]} points ({shown[1]} to {shown[2]})"


def _two_digits(n: int) -> int:
    unit = 10 ** max(0, len(str(n)) - 2)
    return int(math.ceil(n / unit) * unit)


def format_p(p: float) -> str:
    """`p = 0.01`, two digits at most, `p < 0.001` below that."""
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}" if p < 0.01 else f"p = {p:.2f}"


def settings_differences(specs: Mapping[str, ResolvedSpec]) -> dict[str, dict[str, Any]]:
    """Setting → its value in every run, for the settings in which the runs differ; names do not count."""
    differences: dict[str, dict[str, Any]] = {}
    for field in ResolvedSpec.model_fields:
        values = {
            run: getattr(spec, field) if field in spec.model_fields_set else None for run, spec in specs.items()
        }
        if field != "name" and len(set(values.values())) > 1:
            differences[field] = {run: str(v) if isinstance(v, Frozen) else v for run, v in values.items()}
    return differences


def in_words(value: object) -> str:
    """A value as people write it: yes and no, a dash for nothing, four digits, commas between several."""
    if value is None or value in ("", (), []):
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(in_words(each) for each in value)
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def disagreements(a: pd.DataFrame, b: pd.DataFrame) -> pd.DataFrame:
    """Samples that two runs predict differently: `a`'s rows with `predicted_a`, `predicted_b`; one right first."""
    both = a.merge(b[["id", "predicted"]], on="id", suffixes=("_a", "_b"))
    both = both[both["predicted_a"] != both["predicted_b"]]
    one_right = (both["predicted_a"] == both["label"]) | (both["predicted_b"] == both["label"])
    return both.assign(one_right=one_right).sort_values("one_right", ascending=False, kind="stable")


def repeated_look_warning(n_runs: int) -> str | None:
    """A warning when `n_runs` were evaluated on the same test set; `None` below ten.

    The best of k equally good runs scores too high by the expected maximum of k standard normals, in standard errors
    of the score: 0.6 for two runs, 1.2 for five, 1.5 for ten (less where the runs' errors go together). From ten on
    that is more than three quarters of the half-width of a 95 % interval (1.96), so the winner's interval is no
    longer valid. The maximum is Blom's approximation (Blom 1958). Dwork et al. (2015, Science 349) show why a reused
    test set stops being one.
    """
    if n_runs < LOOKS:
        return None
    optimism = NormalDist().inv_cdf((n_runs - 0.375) / (n_runs + 0.25))
    return (
        f"{n_runs} runs have been judged on this test set. The best of so many looks better than it is, by up to"
        f" {optimism:.1f} standard errors: choose by the validation score, and confirm the choice on new samples."
    )
