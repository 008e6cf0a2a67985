"""What a run's source did: the run beside its target alone and its source alone, on the same test samples."""

from dataclasses import dataclass

import pandas as pd

from core.errors import NotFoundError
from core.evaluation.comparison import Pair, compare, points
from core.evaluation.scores import Scores, classes_of, judged, score
from core.schemas import RunRecord
from core.store import runs
from core.transfer.instances import effective_size

BOTH = "With the source"
BASELINES = {"target_only": "Your data alone", "source_only": "The source alone"}


@dataclass(frozen=True)
class SourceEffect:
    """Scores of the run and its baselines by what they are called, and the pairs with the run, in accuracy.

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
        told = [self._against_target(), self._against_source()]
        return " ".join(sentence for sentence in told if sentence)

    def _against_target(self) -> str:
        pair, gained = self._gained("target_only")
        if pair is None:
            return "Your data alone could not be learnt from, so what the source adds cannot be told."
        if not pair.significant:
            return f"No difference to your data alone is shown: {gained}."
        if pair.difference < 0:
            return f"The source helped: {gained} over your data alone."
        return f"Negative transfer: the source did harm, {gained} against your data alone."

    def _against_source(self) -> str:
        pair, gained = self._gained("source_only")
        if pair is None:
            return ""
        if not pair.significant:
            return f"Against the source alone, no difference is shown: {gained}."
        if pair.difference < 0:
            return f"Against the source alone it gains {gained}."
        return f"The source alone would have done better: {gained}."

    def _gained(self, baseline: str) -> tuple[Pair | None, str]:
        """The run beside a baseline, and its gain over it in points."""
        pair = next((p for p in self.pairs if p.b == BASELINES[baseline]), None)
        return pair, "" if pair is None else points(-pair.difference, -pair.ci[1], -pair.ci[0])


def source_effect(run: RunRecord) -> SourceEffect:
    """Raises `NotFoundError` where the run has kept no baseline."""
    table = _table(run, "baselines")
    if table is None:
        raise NotFoundError(f"“{run.name}” has no baselines to be held against.", "Train it again.")
    rows = {BOTH: judged(runs.read_predictions(run.id))}
    for name, title in BASELINES.items():
        if (table["baseline"] == name).any():
            rows[title] = judged(table[table["baseline"] == name].drop(columns="baseline"))
    classes = classes_of(rows[BOTH])
    pairs = compare(rows) if len(rows) > 1 else []
    return SourceEffect(
        scores={title: score(found, classes) for title, found in rows.items()},
        pairs=tuple(pair for pair in pairs if pair.metric == "accuracy" and pair.a == BOTH),
        weights=_table(run, "weights"),
    )


def _table(run: RunRecord, name: str) -> pd.DataFrame | None:
    path = runs.run_folder(run.id) / f"{name}.parquet"
    return pd.read_parquet(path) if path.exists() else None
