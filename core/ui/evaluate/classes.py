"""The tabs “Classes” and “Folds”: scores over all classes, of each class, and of each fold."""

import pandas as pd
import streamlit as st

from core.charts.scores import recall_bars
from core.evaluation import scores
from core.evaluation.scores import Scores
from core.ui.evaluate.judged import HELP, INTERVALS, OVERALL, Judged, class_width, format_scores
from core.ui.shell.charts import draw
from core.ui.shell.tables import show_table

MANY_CLASSES = 20  # a longer table scrolls


def show_classes(judged: Judged) -> None:
    """Overall scores, then each class's precision, recall, F1 and support with intervals, and the recalls as bars."""
    show_table([format_scores(judged.scores)], {title: HELP[m] for m, title in OVERALL.items()})
    left, right = st.columns([3, 2], gap="medium")
    with left:
        show_table(
            _format_classes(judged.scores),
            {name: HELP[name.lower()] for name in ("Precision", "Recall", "F1", "Support")},
            pinned="Class",
            pinned_width=class_width(judged.scores.classes),
            height="content" if len(judged.scores.classes) <= MANY_CLASSES else "auto",
        )
        st.caption("In brackets 95 % intervals.", help=INTERVALS)
    with right:
        draw(
            recall_bars(judged.scores),
            f"recall-{judged.run.id}",
            "Recall of each class.",
            tall=len(judged.scores.classes) > MANY_CLASSES,
        )


def _format_classes(judged: Scores) -> pd.DataFrame:
    each = [
        {
            "Class": c.name,
            "Precision": scores.format_interval(c.precision, *c.precision_ci) if c.predicted else "never predicted",
            "Recall": scores.format_interval(c.recall, *c.recall_ci) if c.support else "no samples",
            "F1": scores.format_interval(c.f1, *c.f1_ci) if c.support or c.predicted else "does not occur",
            "Support": c.support,
        }
        for c in judged.per_class
    ]
    averages = [
        {
            "Class": f"{kind.capitalize()} average",
            "Precision": scores.format_score(getattr(judged, f"{kind}_precision"), judged),
            "Recall": scores.format_score(getattr(judged, f"{kind}_recall"), judged),
            "F1": scores.format_score(getattr(judged, f"{kind}_f1"), judged),
            "Support": judged.n,
        }
        for kind in ("macro", "weighted")
    ]
    averages[0]["F1"] = scores.format_interval(judged.macro_f1, *judged.ci["macro_f1"])
    return pd.DataFrame(each + averages)


def show_folds(judged: Judged) -> None:
    """Mean, deviation and every fold of a cross-validated run."""
    assert judged.folds is not None
    folds = judged.folds
    for metric, title in (("accuracy", "Accuracy"), ("macro_f1", "Macro-F1")):
        spread = scores.format_spread(folds.mean[metric], folds.deviation[metric])
        st.markdown(f"{title} **{spread}**", help=scores.DEPENDENT_FOLDS)
    each = [
        {
            "Fold": i,
            "Accuracy": scores.format_interval(f.accuracy, *f.ci["accuracy"]),
            "Macro-F1": scores.format_interval(f.macro_f1, *f.ci["macro_f1"]),
            judged.noun.capitalize(): f.n,
        }
        for i, f in enumerate(folds.folds, start=1)
    ]
    show_table(each)
    st.caption(scores.DEPENDENT_FOLDS)
