"""The tab “Curves”: loss and accuracy over the epochs, and ROC and precision-recall curves of each class."""

import pandas as pd
import streamlit as st

from core.charts.curves import has_curve, learning_curves
from core.charts.probabilities import precision_recall_curves, roc_curves
from core.evaluation.scores import format_interval
from core.evaluation.threshold_curves import ClassCurves, class_curves
from core.schemas import RunRecord
from core.store import runs
from core.ui.evaluate.judged import Judged, class_width
from core.ui.shell.charts import draw
from core.ui.shell.tables import show_table

FEW = 6  # classes drawn at first; of more, those with the smallest areas
HELP = {
    "auc": "How often a sample of the class is given a higher probability than one of another. 0.5 is guessing."
    " Interval by DeLong et al. (1988).",
    "average_precision": "The mean precision over all recalls; guessing has the class's share of the samples."
    " Interval by Boyd, Eng and Page (2013).",
}


def show_run_curves(judged: Judged) -> None:
    """How a run learnt, and how well its probabilities rank."""
    show_curves({judged.run.name: judged.run})
    st.markdown("**Each class against the rest**")
    _show_ranking(judged)


def show_curves(named: dict[str, RunRecord]) -> None:
    """Loss and accuracy over the epochs, of one or several runs under the names given."""
    events = {name: runs.read_events(run.id) for name, run in named.items()}
    metrics = [m for m in ("loss", "accuracy") if any(has_curve(e, m) for e in events.values())]
    if not metrics:
        st.caption("There are no epochs to draw: this model was fitted in one step.")
        return
    for column, metric in zip(st.columns(len(metrics), gap="medium"), metrics, strict=True):
        with column:
            figure = learning_curves(events, metric)
            draw(figure, f"curve-{metric}", f"{metric.capitalize()} over the epochs.")
    if len(named) > 1:
        st.caption("Solid: validation samples. Dotted: training samples.")


@st.cache_data(max_entries=16, show_spinner=False)
def _rank(run_id: str, _rows: pd.DataFrame) -> tuple[ClassCurves, ...]:
    return class_curves(_rows)


def _show_ranking(judged: Judged) -> None:
    """ROC and precision-recall curves, one line per class, and their areas with intervals."""
    all_classes = _rank(judged.run.id, judged.rows)
    if not all_classes:
        st.caption("Curves need a class with positive and negative samples in the test part.")
        return
    shown = all_classes
    if len(all_classes) > FEW:
        names = [r.name for r in all_classes]
        worst = [r.name for r in sorted(all_classes, key=lambda r: r.auc)[:FEW]]
        chosen = st.multiselect("Classes", names, default=worst, key=f"ranked-{judged.run.id}")
        shown = tuple(r for r in all_classes if r.name in chosen)
    left, right = st.columns(2, gap="medium")
    classes = judged.scores.classes
    with left:
        draw(roc_curves(shown, classes), f"roc-{judged.run.id}", "ROC curve of each class.")
    with right:
        figure = precision_recall_curves(shown, classes)
        draw(figure, f"pr-{judged.run.id}", "Precision-recall curve of each class.")
    table = pd.DataFrame(
        [
            {
                "Class": r.name,
                "AUC": format_interval(r.auc, *r.auc_ci),
                "Average precision": format_interval(r.average_precision, *r.average_precision_ci),
                "Share of samples": f"{r.prevalence:.2f}",
            }
            for r in all_classes
        ]
    )
    explanations = {"AUC": HELP["auc"], "Average precision": HELP["average_precision"]}
    show_table(table, explanations, pinned="Class", pinned_width=class_width(classes))
    st.caption("Each class against all others, in the class's colour. In brackets 95 % intervals.")
