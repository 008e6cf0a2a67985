"""The tab “Thresholds”: decision thresholds of one class, and selective prediction by confidence."""

import streamlit as st

from core.charts.probabilities import coverage_curve as coverage_chart
from core.charts.probabilities import threshold_curves
from core.errors import InputError
from core.evaluation import thresholds as choosing
from core.evaluation.calibration import class_indices, coverage_table, probabilities
from core.evaluation.intervals import clopper_pearson, count_folds, fold_share
from core.evaluation.scores import Scores, format_interval, format_score
from core.evaluation.thresholds import ThresholdScores
from core.ui.evaluate.calibration import validation_rows
from core.ui.evaluate.judged import Judged
from core.ui.shell.charts import draw
from core.ui.shell.tables import show_table

AIMS: dict[choosing.Aim, str] = {"cost": "Least cost", "f1": "Highest F1"}


def show_thresholds(judged: Judged) -> None:
    """One class against the rest at any threshold; then what is left when unsure predictions are not used."""
    _show_threshold(judged)
    st.divider()
    _show_coverage(judged)


@st.fragment
def _show_threshold(judged: Judged) -> None:
    key = judged.run.id
    classes = [c.name for c in judged.scores.per_class if 0 < c.support < judged.scores.n]
    if not classes:
        st.caption("A threshold needs a class with positive and negative samples in the test part.")
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        positive = st.selectbox("Positive class", classes, index=len(classes) - 1, key=f"positive-{key}", width=220)
        aim: choosing.Aim = st.segmented_control(
            "Best means", list(AIMS), default="cost", required=True, format_func=AIMS.__getitem__, key=f"aim-{key}"
        )
        alarm = st.number_input("A false alarm costs", 0.0, value=1.0, key=f"alarm-{key}", width=160)
        miss = st.number_input("A miss costs", 0.0, value=1.0, key=f"miss-{key}", width=160)
    try:
        best = choosing.best_threshold(validation_rows(judged), positive, aim, alarm, miss)
        note = (
            f"The best threshold, {best:.2f}, was chosen on the validation part; the figures are those of the test"
            f" part. Dotted line: the best. Cost: mean over all test {judged.noun}."
        )
    except InputError as error:
        best, note = None, f"{error.message} {error.hint}"
    slider = f"threshold-{key}-{positive}-{aim}-{alarm}-{miss}"  # other costs begin with their own best
    chosen = st.slider("Predict the positive class from this probability", 0.01, 0.99, best or 0.5, 0.01, key=slider)
    now = choosing.at_threshold(judged.rows, positive, chosen, alarm, miss)
    left, right = st.columns(2, gap="medium")
    with left:
        draw(
            threshold_curves(choosing.sweep_thresholds(judged.rows, positive, alarm, miss), chosen, best),
            f"sweep-{key}",
            "Precision, recall and F1 at every threshold.",
        )
    with right:
        rows = {f"At {chosen:.2f}": now}
        if best is not None and abs(best - chosen) > 1e-9:
            rows[f"Best, {best:.2f}"] = choosing.at_threshold(judged.rows, positive, best, alarm, miss)
        if abs(chosen - 0.5) > 1e-9 and best != 0.5:
            rows["At 0.50"] = choosing.at_threshold(judged.rows, positive, 0.5, alarm, miss)
        show_table(_row(name, at, judged.scores) for name, at in rows.items())
        st.caption(note)


def _row(name: str, at: ThresholdScores, of: Scores) -> dict[str, object]:
    return {
        "Threshold": name,
        "Precision": format_interval(at.precision, *at.precision_ci) if at.n_positive else "never predicted",
        "Recall": format_interval(at.recall, *at.recall_ci),
        "F1": format_score(at.f1, of),
        "False alarms": at.false_positives,
        "Misses": at.false_negatives,
        "Cost": f"{at.cost:.3f}",
    }


@st.fragment
def _show_coverage(judged: Judged) -> None:
    """Selective prediction: how many predictions are above a confidence, and their accuracy."""
    worth = fold_share(count_folds(judged.rows))
    table = coverage_table(probabilities(judged.rows), class_indices(judged.rows), worth)
    st.markdown("**Answer only when sure**")
    least = st.slider("Least confidence", 0.0, 1.0, 0.0, 0.01, key=f"sure-{judged.run.id}")
    taken = judged.rows[judged.rows["confidence"] >= least]
    right = int((taken["label"] == taken["predicted"]).sum())
    if taken.empty:
        st.markdown(f"No prediction has that confidence; the highest is {judged.rows['confidence'].max():.2f}.")
    else:
        share = format_interval(right / len(taken), *clopper_pearson(worth * right, worth * len(taken)))
        st.markdown(
            f"{len(taken)} of {len(judged.rows)} {judged.noun} are answered ({len(taken) / len(judged.rows):.0%}),"
            f" right on {right} of them: **{share}**."
        )
    draw(coverage_chart(table), f"coverage-{judged.run.id}", "Accuracy against the share of predictions used.")
