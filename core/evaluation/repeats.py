"""Repeated runs that differ only in their seed: the variation of scores due to randomness in training."""

from collections.abc import Mapping, Sequence
from statistics import fmean, stdev

import pandas as pd

from core.evaluation.scores import classes_of, score_predictions
from core.schemas import Frozen, RunRecord

METRICS = ("accuracy", "macro_f1")


class Repeats(Frozen):
    """Runs that differ in their seed alone, with mean and sample standard deviation of their scores.

    The deviation describes randomness in training; the interval of a single run describes that of the test samples
    (Bouthillier et al. 2021, “Accounting for variance in machine learning benchmarks”).
    """

    runs: tuple[str, ...]
    mean: dict[str, float]
    deviation: dict[str, float]


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
            repeats.append(
                Repeats(
                    runs=tuple(r.id for r in members),
                    mean={m: fmean(v) for m, v in values.items()},
                    deviation={m: stdev(v) for m, v in values.items()},
                )
            )
    return repeats
