"""The Thresholds tab: from what probability on to say yes, and when rather to say nothing."""

import pandas as pd
import streamlit as st

from core import charts
from core.errors import InputError
from core.evaluation import thresholds as choosing
from core.evaluation.calibration import coverage, probabilities, truths
from core.evaluation.intervals import wilson
from core.evaluation.scores import format_interval
from core.evaluation.thresholds import AtThreshold
from core.ui.calibration import validation_rows
from core.ui.evaluation import CHART, Judged

AIMS: dict[str, choosing.Aim] = {"Least cost": "cost", "Highest F1": "f1"}


def thresholds(judged: Judged) -> None:
    """One class against the rest at any threshold; then how many predictions to take at all."""
    _one_class(judged)
    st.divider()
    _confident(judged)


@st.fragment
def _one_class(judged: Judged) -> None:
    key = judged.run.id
    classes = [c.name for c in judged.scores.per_class if 0 < c.support < judged.scores.n]
    if not classes:
        st.caption("A threshold needs a class with samples and with counter-examples in the test part.")
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        positive = st.selectbox("Positive class", classes, index=len(classes) - 1, key=f"positive-{key}", width=220)
        aim = st.segmented_control("Best means", list(AIMS), default="Least cost", required=True, key=f"aim-{key}")
        alarm = st.number_input("A false alarm costs", 0.0, value=1.0, key=f"alarm-{key}", width=160)
        miss = st.number_input("A miss costs", 0.0, value=1.0, key=f"miss-{key}", width=160)
    best, why = None, ""
    try:
        best = choosing.best_threshold(validation_rows(judged), positive, AIMS[aim], alarm, miss)
    except InputError as error:
        why = f"{error.message} {error.hint}"
    slider = f"threshold-{key}-{positive}-{aim}-{alarm}-{miss}"  # a new question starts from its own best
    chosen = st.slider("Say yes from this probability on", 0.01, 0.99, best or 0.5, 0.01, key=slider)
    now = choosing.at_threshold(judged.rows, positive, chosen, alarm, miss)
    left, right = st.columns(2, gap="medium")
    with left:
        st.plotly_chart(
            charts.thresholds(choosing.sweep(judged.rows, positive, alarm, miss), chosen, best),
            key=f"sweep-{key}",
            config=CHART,
            alt="Precision, recall and F1 at every threshold.",
        )
    with right:
        rows = {f"At {chosen:.2f}": now}
        if best is not None and abs(best - chosen) > 1e-9:
            rows[f"Best, {best:.2f}"] = choosing.at_threshold(judged.rows, positive, best, alarm, miss)
        if abs(chosen - 0.5) > 1e-9 and best != 0.5:
            rows["At 0.50"] = choosing.at_threshold(judged.rows, positive, 0.5, alarm, miss)
        st.dataframe(pd.DataFrame([_row(name, found) for name, found in rows.items()]), hide_index=True)
        if best is None:
            st.caption(why)
        else:
            st.caption(
                f"The best threshold, {best:.2f}, was chosen on the validation part; the figures are those of the"
                f" test part. Dotted line: the best. Cost: mean over all test {judged.noun}."
            )


def _row(name: str, found: AtThreshold) -> dict[str, object]:
    return {
        "Threshold": name,
        "Precision": format_interval(found.precision, *found.precision_ci) if found.said_yes else "never said yes",
        "Recall": format_interval(found.recall, *found.recall_ci),
        "F1": f"{found.f1:.2f}",
        "False alarms": found.false_positives,
        "Misses": found.false_negatives,
        "Cost": f"{found.cost:.3f}",
    }


@st.fragment
def _confident(judged: Judged) -> None:
    """Answer only when sure: what is left, and how often it is right then."""
    table = coverage(probabilities(judged.rows), truths(judged.rows))
    st.markdown("**Answer only when sure**")
    least = st.slider("Least confidence", 0.0, 1.0, 0.0, 0.01, key=f"sure-{judged.run.id}")
    taken = judged.rows[judged.rows["confidence"] >= least]
    right = int((taken["label"] == taken["predicted"]).sum())
    if taken.empty:
        st.markdown(f"No prediction is that sure; the surest has {judged.rows['confidence'].max():.2f}.")
    else:
        share = format_interval(right / len(taken), *wilson(right, len(taken)))
        st.markdown(
            f"{len(taken)} of {len(judged.rows)} {judged.noun} are answered ({len(taken) / len(judged.rows):.0%}),"
            f" right on {right} of them: **{share}**."
        )
    st.plotly_chart(
        charts.coverage(table),
        key=f"coverage-{judged.run.id}",
        config=CHART,
        alt="Share right against the share of predictions taken.",
    )
