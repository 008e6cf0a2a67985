"""A run that is judged: its predictions, scores and samples, as all tabs of Evaluate use them."""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd
import streamlit as st

from core.errors import NotFoundError
from core.evaluation import scores
from core.evaluation.calibration import class_indices, error_with_interval, probabilities
from core.evaluation.scores import FoldScores, Scores
from core.evaluation.words import describe_scores
from core.schemas import DataRef, DatasetRecord, Kind, RunRecord
from core.store import runs
from core.store.datasets import get_dataset
from core.ui.shell import gallery
from core.ui.shell.text import literal

HELP = {
    "precision": "Of the samples predicted as this class, the share that are. TP / (TP + FP).",
    "recall": "Of the samples that are this class, the share found. TP / (TP + FN).",
    "f1": "The harmonic mean of precision and recall. 2 TP / (2 TP + FP + FN).",
    "support": "Test samples of this class.",
    "accuracy": "The share that is right, with its 95 % Wilson interval (Wilson 1927), wider over folds. With one"
    " label a sample, the micro averages of precision, recall and F1 are the same.",
    "macro_f1": "The mean of the classes' F1, every class counting the same, with its 95 % interval.",
    "balanced_accuracy": "The mean of the classes' recall, every class counting the same.",
    "weighted_f1": "The mean of the classes' F1, each counting as many times as it has samples.",
    "mcc": "Matthews' correlation of true and predicted classes: 1 is perfect, 0 no better than chance. It is not"
    " flattered by a large class (Gorodkin 2004).",
    "kappa": "Cohen's kappa: the agreement beyond what chance would give, 1 being perfect (Cohen 1960).",
    "ece": "Expected calibration error: the mean gap between confidence and accuracy over 15 bins of confidence"
    " (Guo et al. 2017). 0 is perfect.",
}


OVERALL = {
    "accuracy": "Accuracy",
    "macro_f1": "Macro-F1",
    "balanced_accuracy": "Balanced accuracy",
    "weighted_f1": "Weighted F1",
    "mcc": "MCC",
    "kappa": "Cohen's kappa",
}
INTERVALS = (
    "Wilson's for shares (Wilson 1927); for F1 carried over from the share F1 / (2 − F1) (Lam, Gopal and Qian 2023);"
    " for macro-F1 Wilson's for as many samples as would be as uncertain. Over folds all are wider, since the folds'"
    " models share most of their training samples (after Nadeau and Bengio 2003)."
)


@dataclass(frozen=True)
class Judged:
    """A run that succeeded, with the predictions it is judged by, a column `confidence` among them."""

    run: RunRecord
    dataset: DatasetRecord
    rows: pd.DataFrame
    scores: Scores
    folds: FoldScores | None

    @property
    def ref(self) -> DataRef:
        return DataRef(dataset=self.run.dataset, version=self.run.version)

    @property
    def has_samples(self) -> bool:
        """Whether its dataset is in this workspace, so that samples can be shown."""
        return bool(self.dataset.imports)

    @property
    def noun(self) -> str:
        """“images” or “rows”."""
        return "images" if self.dataset.kind == "image" else "rows"

    @property
    def summary(self) -> str:
        """The scores in a sentence."""
        noun = f"{self.noun}, each judged by a model that had not seen it" if self.folds else f"test {self.noun}"
        return describe_scores(self.scores, noun, self.folds)


def class_width(classes: Sequence[str]) -> int | None:
    """Pixels of a column of class names, narrow for long ones, so that numbers are seen on a phone."""
    return 170 if max(map(len, classes)) > 20 else None


def judge(run: RunRecord) -> Judged:
    """Score a run; `NotFoundError` when its predictions are gone. Without its dataset no samples can be shown."""
    rows, run_scores, folds = _score(run.id, str(runs.run_folder(run.id)))
    try:
        dataset = get_dataset(run.dataset)
    except NotFoundError:
        kind: Kind = "image" if run.spec.backbone else "table"
        dataset = DatasetRecord(id=run.dataset, name=f"{run.dataset} (not here)", kind=kind)
    return Judged(run=run, dataset=dataset, rows=rows, scores=run_scores, folds=folds)


@st.cache_data(max_entries=64, show_spinner=False)
def _score(run_id: str, _folder: str) -> tuple[pd.DataFrame, Scores, FoldScores | None]:
    predictions = runs.read_predictions(run_id)
    classes = scores.classes_of(predictions)
    rows = scores.with_confidence(scores.judged_rows(predictions))
    return rows, scores.score_predictions(rows, classes), scores.fold_scores(rows, classes)


@st.cache_data(max_entries=64, show_spinner=False)
def _calibration_error(run_id: str, _folder: str, _judged: Judged) -> tuple[float, float, float]:
    error, (low, high) = error_with_interval(probabilities(_judged.rows), class_indices(_judged.rows))
    return error, low, high


def calibration_error(judged: Judged) -> tuple[float, float, float]:
    """The calibration error and the ends of its 95 % interval."""
    return _calibration_error(judged.run.id, str(runs.run_folder(judged.run.id)), judged)


def show_predictions(judged: Judged, rows: pd.DataFrame, key: str, short: bool = False) -> None:
    """Samples with true and predicted class and confidence; `short` leaves the classes out of the caption."""
    captions = [
        f"{confidence:.0%}" if short else f"{literal(true)} → {literal(predicted)}, {confidence:.0%}"
        for true, predicted, confidence in zip(rows["label"], rows["predicted"], rows["confidence"], strict=True)
    ]
    shown = rows[["id", "path", "label", "predicted", "confidence"]].rename(columns={"label": "true"})
    show_samples(judged, shown.assign(caption=captions), key)


def show_samples(judged: Judged, shown: pd.DataFrame, key: str) -> None:
    """Samples of a run's dataset as `gallery.show_samples` shows them; without the dataset, a table of them."""
    if judged.has_samples:
        gallery.show_samples(judged.dataset, shown, judged.ref, key)
        return
    st.caption(f"The {judged.noun} are not in this workspace, only their names.")
    st.dataframe(shown.drop(columns=["id", "caption"]), hide_index=True)


def format_scores(judged: Scores) -> dict[str, str]:
    """The scores over all classes by their titles, with an interval where there is one."""
    return {
        title: scores.format_interval(getattr(judged, m), *judged.ci[m])
        if m in judged.ci
        else scores.format_score(getattr(judged, m), judged)
        for m, title in OVERALL.items()
    }
