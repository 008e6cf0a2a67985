"""Repeated runs that differ only in their seed: the variation of scores due to randomness in training."""

from collections.abc import Mapping, Sequence
from statistics import fmean, stdev

import pandas as pd

from core.evaluation.intervals import Interval, fold_share, wilson
from core.evaluation.scores import classes_of, score_predictions
from core.schemas import Frozen, RunRecord

METRICS = ("accuracy", "macro_f1")


class Repeats(Frozen):
    """Runs that differ in their seed alone, with mean and sample standard deviation of their scores.

    A seed also draws the folds, so that cross-validated runs are a repeated cross-validation: `accuracy_ci` is the
    95 % interval of its mean accuracy. Runs on one test part have none: they are judged on the same samples.

    The deviation describes randomness in training; the interval of a single run describes that of the test samples
    (Bouthillier et al. 2021, “Accounting for variance in machine learning benchmarks”).
    """

    runs: tuple[str, ...]
    mean: dict[str, float]
    deviation: dict[str, float]
    accuracy_ci: Interval | None = None


def group_by_seed(records: Sequence[RunRecord]) -> list[list[RunRecord]]:
    """The runs grouped by all settings except the seed; in the order given, each group by its first run."""
    together: dict[str, list[RunRecord]] = {}
    for record in records:
        same = record.spec.model_copy(update={"seed": 0, "name": ""}).model_dump_json()
        together.setdefault(f"{record.dataset}@{record.version}:{same}", []).append(record)
    return list(together.values())


def score_repeats(records: Sequence[RunRecord], rows: Mapping[str, pd.DataFrame]) -> list[Repeats]:
    """The groups of two runs or more, scored.

    Args:
        records: the runs.
        rows: the judged rows of each, by its id.
    """
    repeats = []
    for members in group_by_seed(records):
        if len(members) > 1:
            each = [score_predictions(rows[r.id], classes_of(rows[r.id])) for r in members]
            values = {m: [getattr(s, m) for s in each] for m in METRICS}
            mean = {m: fmean(v) for m, v in values.items()}
            repeats.append(
                Repeats(
                    runs=tuple(r.id for r in members),
                    mean=mean,
                    deviation={m: stdev(v) for m, v in values.items()},
                    accuracy_ci=repeated_folds_interval(
                        mean["accuracy"], each[0].n, members[0].spec.folds, len(each)
                    ),
                )
            )
    return repeats


def repeated_folds_interval(accuracy: float, n: int, folds: int, repeats: int) -> Interval | None:
    """95 % interval of the mean accuracy of `repeats` cross-validations of n samples; None without folds."""
    if folds < 2:
        return None
    worth = n * fold_share(folds, repeats)
    return wilson(accuracy * worth, worth)
