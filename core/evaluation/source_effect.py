"""The effect of a run's source: the run against baselines on target or source alone, on the same test samples."""

from dataclasses import dataclass

import pandas as pd

from core.errors import NotFoundError
from core.evaluation.comparison import Pair, compare_predictions, format_points
from core.evaluation.intervals import effective_size
from core.evaluation.scores import Scores, classes_of, judged_rows, score_predictions
from core.schemas import RunRecord
from core.store import runs

BOTH = "With the source"
BASELINES = {"target_only": "Your data alone", "source_only": "The source alone"}

# Against each: no difference shown, the run better, the run worse, worse though that is not shown, and no baseline.
SENTENCES = {
    "target_only": (
        "No difference to your data alone is shown: {}.",
        "The source helped: {} over your data alone.",
        "Negative transfer: the source did harm, {} against your data alone. Leave it out.",
        "The source did not help: {} against your data alone, which chance may explain. Nothing speaks for it here.",
        "Your data alone could not be learnt from, so the effect of the source is unknown.",
    ),
    "source_only": (
        "Against the source alone, no difference is shown: {}.",
        "Against the source alone it gains {}.",
        "The source alone would have done better: {}.",
        "Against the source alone, no difference is shown: {}.",
        "",
    ),
}


@dataclass(frozen=True)
class SourceEffect:
    """Scores of the run and its baselines by name, and their paired comparisons with the run, in accuracy.

    Attributes:
        weights: label and weight of each of the source's training rows; None where the strategy weighs none.
    """

    scores: dict[str, Scores]
    pairs: tuple[Pair, ...]
    weights: pd.DataFrame | None

    @property
    def effective_size(self) -> float | None:
        """How many rows of equal weight the source's weighted rows are worth."""
        return None if self.weights is None else effective_size(self.weights["weight"].to_numpy())

    def in_words(self) -> str:
        """Did the source help, and was it worth more than to learn from the source alone?"""
        return " ".join(sentence for baseline in SENTENCES if (sentence := self._against(baseline)))

    def _against(self, baseline: str) -> str:
        alike, better, worse, rather_worse, unknown = SENTENCES[baseline]
        pair = next((p for p in self.pairs if p.b == BASELINES[baseline]), None)
        if pair is None:
            return unknown
        lost = pair.difference > 0  # the baseline's accuracy less the run's
        sentence = (worse if lost else better) if pair.significant else rather_worse if lost else alike
        return sentence.format(format_points(-pair.difference, -pair.ci[1], -pair.ci[0]))


def source_effect(run: RunRecord) -> SourceEffect:
    """Raises `NotFoundError` where the run has kept no baseline."""
    table = _table(run, "baselines")
    if table is None:
        raise NotFoundError(f"“{run.name}” has no baselines to compare it with.", "Train it again.")
    rows = {BOTH: judged_rows(runs.read_predictions(run.id))}
    for name, title in BASELINES.items():
        if (table["baseline"] == name).any():
            rows[title] = judged_rows(table[table["baseline"] == name].drop(columns="baseline"))
    classes = classes_of(rows[BOTH])
    pairs = compare_predictions(rows) if len(rows) > 1 else []
    return SourceEffect(
        scores={title: score_predictions(predictions, classes) for title, predictions in rows.items()},
        pairs=tuple(pair for pair in pairs if pair.metric == "accuracy" and pair.a == BOTH),
        weights=_table(run, "weights"),
    )


def _table(run: RunRecord, name: str) -> pd.DataFrame | None:
    path = runs.run_folder(run.id) / f"{name}.parquet"
    return pd.read_parquet(path) if path.exists() else None
