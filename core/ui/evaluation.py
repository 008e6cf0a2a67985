"""One run judged: its scores, its matrix with the samples of a clicked cell, its classes, curves and mistakes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import streamlit as st
from streamlit.elements.lib.column_types import ColumnConfig

from core import charts
from core.charts.matrix import Of
from core.errors import NotFoundError
from core.evaluation import scores
from core.evaluation.confusion import similarity_order
from core.evaluation.scores import FoldScores, Scores
from core.schemas import DataRef, DatasetRecord, Kind, RunRecord
from core.store import runs
from core.store.datasets import get_dataset, list_versions
from core.ui import explanation, gallery
from core.ui.gallery import literal
from core.ui.words import duration, plural

CHART = {"displayModeBar": False}
FEW_CLASSES = 3  # so few need no other order
MANY_CLASSES = 20  # a longer table scrolls
HELP = {
    "precision": "Of the samples predicted as this class, the share that are. TP / (TP + FP).",
    "recall": "Of the samples that are this class, the share found. TP / (TP + FN).",
    "f1": "The harmonic mean of precision and recall. 2 TP / (2 TP + FP + FN).",
    "support": "Samples of this class that the run was judged on.",
    "accuracy": "The share that is right, with its 95 % Wilson interval (Wilson 1927). With one label a sample, the"
    " micro averages of precision, recall and F1 are the same.",
    "macro_f1": "The mean of the classes' F1, every class counting the same, with its 95 % interval.",
    "balanced_accuracy": "The mean of the classes' recall, every class counting the same.",
    "weighted_f1": "The mean of the classes' F1, each counting as many times as it has samples.",
    "mcc": "Matthews' correlation of true and predicted classes: 1 is perfect, 0 no better than chance. It is not"
    " flattered by a large class (Gorodkin 2004).",
    "kappa": "Cohen's kappa: the agreement beyond what chance would give, 1 being perfect (Cohen 1960).",
    "ece": "Expected calibration error: how far confidence and share right lie apart, on average over 15 bins of"
    " confidence (Guo et al. 2017). 0 is perfect.",
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
    " for macro-F1 Wilson's for as many samples as would be as uncertain."
)


@dataclass(frozen=True)
class Judged:
    """A run that succeeded, with the rows it is judged by, one more column `confidence` among them."""

    run: RunRecord
    dataset: DatasetRecord
    rows: pd.DataFrame
    scores: Scores
    folds: FoldScores | None

    @property
    def ref(self) -> DataRef:
        return DataRef(dataset=self.run.dataset, version=self.run.version)

    @property
    def here(self) -> bool:
        """Whether its dataset is in this workspace, so that samples can be shown."""
        return bool(self.dataset.imports)

    @property
    def noun(self) -> str:
        """“images” or “rows”."""
        return "images" if self.dataset.kind == "image" else "rows"

    @property
    def words(self) -> str:
        noun = f"{self.noun}, each judged by a model that had not seen it" if self.folds else f"test {self.noun}"
        return scores.in_words(self.scores, noun, self.folds)


def class_column(classes: Sequence[str]) -> ColumnConfig:
    """The pinned column of class names; long ones would leave a phone no room for the numbers."""
    return st.column_config.TextColumn(pinned=True, width=170 if max(map(len, classes)) > 20 else None)


def judge(run: RunRecord) -> Judged:
    """Score a run; `NotFoundError` when its predictions are gone. Its dataset may be: then only its samples are."""
    rows, found, folds = _score(run.id, str(runs.run_folder(run.id)))
    try:
        dataset = get_dataset(run.dataset)
    except NotFoundError:
        kind: Kind = "image" if run.spec.backbone else "table"
        dataset = DatasetRecord(id=run.dataset, name=f"{run.dataset} (not here)", kind=kind)
    return Judged(run=run, dataset=dataset, rows=rows, scores=found, folds=folds)


@st.cache_data(max_entries=64, show_spinner=False)
def _score(run_id: str, _folder: str) -> tuple[pd.DataFrame, Scores, FoldScores | None]:
    predictions = runs.read_predictions(run_id)
    classes = scores.classes_of(predictions)
    rows = scores.with_confidence(scores.judged(predictions))
    return rows, scores.score(rows, classes), scores.fold_scores(rows, classes)


def facts(judged: Judged) -> None:
    """One quiet line: the other scores, and what the run was."""
    run, found = judged.run, judged.scores
    macro = scores.format_interval(found.macro_f1, *found.ci["macro_f1"])
    names = {v.id: v.name for v in list_versions(run.dataset)}
    version = names.get(run.version, run.version)  # it may have been deleted since
    took = f" · {duration(sum(run.seconds.values()))}" if run.seconds else ""
    st.caption(
        f"Macro-F1 {macro} · weighted F1 {found.weighted_f1:.2f} · calibration error {found.ece:.2f}  \n"
        f"{literal(judged.dataset.name)} · version {literal(version)} · seed {run.spec.seed}{took}",
        help=f"{HELP['macro_f1']}  \n{HELP['ece']}",
    )


@st.fragment
def matrix(judged: Judged) -> None:
    """The confusion matrix, and beside it, or below where it is narrow, the samples of the cell last clicked."""
    key = f"matrix-{judged.run.id}"
    left, right = st.columns([3, 2], gap="medium")
    with left:
        of = matrix_mode(key)
        places = _order(judged, key)
        st.plotly_chart(
            charts.confusion_matrix(
                judged.scores.matrix[np.ix_(places, places)],
                [judged.scores.classes[place] for place in places],
                of=of,
                selected=st.session_state.get(f"{key}-cell"),
                dark=dark(),
            ),
            key=key,
            on_select=lambda: _remember_cell(key),
            selection_mode="points",
            config=CHART,
            alt="Confusion matrix: true classes down, predicted classes across.",
        )
    with right:
        cell = st.session_state.get(f"{key}-cell")
        if cell is None:
            st.info(f"Click a cell to see its {judged.noun} here.", icon=":material/touch_app:")
        else:
            _cell_samples(judged, *cell)


def dark() -> bool:
    """Whether the page is dark now, by choice or because the system is."""
    return st.context.theme.type == "dark"


CELLS: dict[str, Of] = {"Counts": "all", "By true class": "true", "By predicted class": "predicted"}


def matrix_mode(key: str) -> Of:
    """Ask what the cells of a matrix show."""
    chosen: str = st.segmented_control(
        "Confusion matrix",
        list(CELLS),
        default="Counts",
        required=True,
        key=f"{key}-mode",
        help="By true class each row adds up to 100 %, its diagonal is recall; by predicted class each column does,"
        " its diagonal is precision. So large and small classes compare.",
    )
    return CELLS[chosen]


def _order(judged: Judged, key: str) -> list[int]:
    """The places of the classes in the matrix, as they come or by similarity."""
    k = len(judged.scores.classes)
    if k <= FEW_CLASSES or not st.toggle(
        "Similar classes side by side", key=f"{key}-order", help="Classes that are often taken for each other."
    ):
        return list(range(k))
    return similarity_order(judged.scores.matrix)


def _remember_cell(key: str) -> None:
    points = st.session_state[key].selection.points
    if points:
        st.session_state[f"{key}-cell"] = tuple(points[0]["customdata"])


def _cell_samples(judged: Judged, true: str, predicted: str) -> None:
    rows = judged.rows[(judged.rows["label"] == true) & (judged.rows["predicted"] == predicted)]
    support = int((judged.rows["label"] == true).sum())
    what = "found" if true == predicted else f"taken for **{literal(predicted)}**"
    st.markdown(f"**{literal(true)}** {what}: {len(rows)} of {support}")
    if rows.empty:
        st.caption("None here.")
    else:
        show_samples(judged, rows.sort_values("confidence", ascending=False), f"cell-{judged.run.id}", short=True)
        where_it_looks(judged, rows, f"cell-{judged.run.id}")


def show_samples(judged: Judged, rows: pd.DataFrame, key: str, short: bool = False) -> None:
    """Samples with true and predicted class and confidence; `short` leaves the classes out of the caption."""
    captions = [
        f"{confidence:.0%}" if short else f"{literal(true)} → {literal(predicted)}, {confidence:.0%}"
        for true, predicted, confidence in zip(rows["label"], rows["predicted"], rows["confidence"], strict=True)
    ]
    said = rows[["id", "path", "label", "predicted", "confidence"]].rename(columns={"label": "true"})
    samples(judged, said.assign(caption=captions), key)


def samples(judged: Judged, said: pd.DataFrame, key: str) -> None:
    """Samples of a run's dataset, by `gallery.samples`; where it is not here, what is said of them alone."""
    if judged.here:
        gallery.samples(judged.dataset, said, judged.ref, key)
        return
    st.caption(f"The {judged.noun} are not in this workspace, only their names.")
    st.dataframe(said.drop(columns=["id", "caption"]), hide_index=True)


def classes(judged: Judged) -> None:
    """Overall scores, then each class's precision, recall, F1 and support with intervals, and the recalls as bars."""
    st.dataframe(
        pd.DataFrame([overall(judged.scores)]),
        hide_index=True,
        column_config={title: st.column_config.TextColumn(help=HELP[m]) for m, title in OVERALL.items()},
    )
    left, right = st.columns([3, 2], gap="medium")
    with left:
        st.dataframe(
            _readable(judged.scores),
            hide_index=True,
            height="content" if len(judged.scores.classes) <= MANY_CLASSES else "auto",
            column_config={
                "Class": class_column(judged.scores.classes),
                **{
                    name: st.column_config.TextColumn(help=HELP[name.lower()])
                    for name in ("Precision", "Recall", "F1")
                },
                "Support": st.column_config.NumberColumn(help=HELP["support"]),
            },
        )
        st.caption("In brackets 95 % intervals.", help=INTERVALS)
    many = len(judged.scores.classes) > MANY_CLASSES
    with right, st.container(height=460 if many else "content", border=False):
        st.plotly_chart(
            charts.recall_bars(judged.scores),
            key=f"recall-{judged.run.id}",
            config=CHART,
            alt="Recall of each class.",
        )


def overall(found: Scores) -> dict[str, str]:
    """The scores of all classes together by their titles, those with an interval with it."""
    return {
        title: scores.format_interval(getattr(found, m), *found.ci[m])
        if m in found.ci
        else f"{getattr(found, m):.2f}"
        for m, title in OVERALL.items()
    }


def _readable(found: Scores) -> pd.DataFrame:
    each = [
        {
            "Class": c.name,
            "Precision": scores.format_interval(c.precision, *c.precision_ci) if c.predicted else "never predicted",
            "Recall": scores.format_interval(c.recall, *c.recall_ci) if c.support else "no samples",
            "F1": scores.format_interval(c.f1, *c.f1_ci) if c.support or c.predicted else "does not occur",
            "Support": c.support,
        }
        for c in found.per_class
    ]
    averages = [
        {
            "Class": f"{kind.capitalize()} average",
            "Precision": f"{getattr(found, f'{kind}_precision'):.2f}",
            "Recall": f"{getattr(found, f'{kind}_recall'):.2f}",
            "F1": f"{getattr(found, f'{kind}_f1'):.2f}",
            "Support": found.n,
        }
        for kind in ("macro", "weighted")
    ]
    averages[0]["F1"] = scores.format_interval(found.macro_f1, *found.ci["macro_f1"])
    return pd.DataFrame(each + averages)


def curves(named: dict[str, RunRecord]) -> None:
    """Loss and accuracy over the epochs, of one or several runs under the names given."""
    events = {name: runs.read_events(run.id) for name, run in named.items()}
    metrics = [m for m in ("loss", "accuracy") if any(charts.has_curve(e, m) for e in events.values())]
    if not metrics:
        st.caption("There are no epochs to draw: this was fitted in one step.")
        return
    for column, metric in zip(st.columns(len(metrics), gap="medium"), metrics, strict=True):
        figure = charts.learning_curves(events, metric)
        column.plotly_chart(
            figure, key=f"curve-{metric}", config=CHART, alt=f"{metric.capitalize()} over the epochs."
        )
    if len(named) > 1:
        st.caption("Solid: validation samples. Dotted: training samples.")


def where_it_looks(judged: Judged, rows: pd.DataFrame, key: str) -> None:
    """Maps of where the network looks on these samples, as long as their images are here."""
    if judged.here:
        explanation.where_it_looks(judged.run, judged.dataset, rows, key)


def mistakes(judged: Judged) -> None:
    """The wrong predictions, the most confident first."""
    wrong = scores.mistakes(judged.rows)
    if wrong.empty:
        st.caption(f"No mistake among {plural(judged.scores.n, judged.noun[:-1])}.")
        return
    read = " Under each: true class → predicted class, confidence, file." if judged.noun == "images" else ""
    st.caption(f"The most confident first: wrong labels are found here as well as a wrong model.{read}")
    show_samples(judged, wrong, f"mistakes-{judged.run.id}")
    where_it_looks(judged, wrong, f"mistakes-{judged.run.id}")


def folds(judged: Judged) -> None:
    """Mean, deviation and every fold of a cross-validated run."""
    assert judged.folds is not None
    found = judged.folds
    for metric, title in (("accuracy", "Accuracy"), ("macro_f1", "Macro-F1")):
        st.markdown(
            f"{title} **{found.mean[metric]:.3f} ± {found.deviation[metric]:.3f}**", help=scores.DEPENDENT_FOLDS
        )
    each = [
        {"Fold": i, "Accuracy": f.accuracy, "Macro-F1": f.macro_f1, judged.noun.capitalize(): f.n}
        for i, f in enumerate(found.folds, start=1)
    ]
    number = st.column_config.NumberColumn(format="%.3f")
    st.dataframe(pd.DataFrame(each), hide_index=True, column_config={"Accuracy": number, "Macro-F1": number})
    st.caption(scores.DEPENDENT_FOLDS)


def downloads(judged: Judged) -> None:
    """Predictions, matrix and the table of classes as CSV."""
    files: dict[str, tuple[str, Callable[[], str]]] = {
        "Predictions": ("predictions", lambda: judged.rows.drop(columns="confidence").to_csv(index=False)),
        "Confusion matrix": ("confusion", lambda: scores.confusion_table(judged.scores).to_csv()),
        "Table per class": ("classes", lambda: scores.class_table(judged.scores).to_csv(index=False)),
    }
    with st.container(horizontal=True):
        for label, (name, text) in files.items():
            download(label, text, f"{judged.run.id}-{name}.csv")


def download(label: str, text: str | Callable[[], str], file_name: str) -> None:
    """A CSV file to download, written when it is asked for; the page is not run again for it."""
    st.download_button(
        label,
        text,
        file_name=file_name,
        mime="text/csv",
        on_click="ignore",
        icon=":material/download:",
        key=file_name,
    )


def top_count(several: Sequence[Judged]) -> int:
    """The largest count in any of the runs' matrices, the top of their common scale."""
    return int(max(np.max(j.scores.matrix) for j in several))
