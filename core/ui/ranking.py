"""ROC and precision-recall curves of a run's classes, below its learning curves."""

import pandas as pd
import streamlit as st

from core import charts
from core.evaluation.ranking import Ranking, rankings
from core.evaluation.scores import format_interval
from core.ui.evaluation import CHART, Judged, class_column

FEW = 6  # so many classes are drawn at once; of more the ones with the smallest areas, until others are chosen
HELP = {
    "auc": "How often a sample of the class is given a higher probability than one of another. 0.5 is guessing."
    " Interval by DeLong et al. (1988).",
    "average_precision": "The mean precision over all recalls; guessing has the class's share of the samples."
    " Interval by Boyd, Eng and Page (2013).",
}


@st.cache_data(max_entries=16, show_spinner=False)
def _found(run_id: str, _rows: pd.DataFrame) -> tuple[Ranking, ...]:
    return rankings(_rows)


def ranking(judged: Judged) -> None:
    """A line a class, both kinds of curve, and the areas with their intervals."""
    found = _found(judged.run.id, judged.rows)
    if not found:
        st.caption("Curves need a class with samples and with counter-examples in the test part.")
        return
    shown = found
    if len(found) > FEW:
        names = [r.name for r in found]
        worst = [r.name for r in sorted(found, key=lambda r: r.auc)[:FEW]]
        chosen = st.multiselect("Classes", names, default=worst, key=f"ranked-{judged.run.id}")
        shown = tuple(r for r in found if r.name in chosen)
    left, right = st.columns(2, gap="medium")
    classes = judged.scores.classes
    left.plotly_chart(
        charts.roc_curves(shown, classes), key=f"roc-{judged.run.id}", config=CHART, alt="ROC curve of each class."
    )
    right.plotly_chart(
        charts.precision_recall_curves(shown, classes),
        key=f"pr-{judged.run.id}",
        config=CHART,
        alt="Precision-recall curve of each class.",
    )
    table = pd.DataFrame(
        [
            {
                "Class": r.name,
                "AUC": format_interval(r.auc, *r.auc_ci),
                "Average precision": format_interval(r.average_precision, *r.average_precision_ci),
                "Share of samples": f"{r.prevalence:.2f}",
            }
            for r in found
        ]
    )
    st.dataframe(
        table,
        hide_index=True,
        column_config={
            "Class": class_column(classes),
            "AUC": st.column_config.TextColumn(help=HELP["auc"]),
            "Average precision": st.column_config.TextColumn(help=HELP["average_precision"]),
        },
    )
    st.caption("Each class against all others, in the class's colour. In brackets 95 % intervals.")
