"""The tab “How many more?”: the learning curve, extrapolated to twice as many images."""

import streamlit as st

from core.advice.transferability.record import Doubling, LearningCurve
from core.charts.learning_curve import class_growth, growth_curve
from core.jobs import tasks
from core.schemas import DatasetRecord, VersionRecord
from core.ui.shell import task_panel
from core.ui.shell.charts import draw
from core.ui.shell.text import literal, plural

TASK = "learning_curve"
CLASSES = 12  # in the chart
POINT = 0.005  # a gain whose interval begins below this is not certain


def show_learning_curve(dataset: DatasetRecord, version: VersionRecord) -> None:
    """The curve, or the button that computes it."""
    if task_panel.is_busy(TASK, "Learning curve", version):
        return
    done = task_panel.find_result(TASK, version)
    if done:
        _show_curve(LearningCurve.model_validate(tasks.result(done)))
        return
    st.markdown(
        "Would more images help, and of which classes? A linear probe is trained on growing parts of your images, and"
        " its learning curve is extrapolated to twice as many."
    )
    if st.button("Draw the curve", type="primary", icon=":material/trending_up:"):
        task_panel.start(TASK, f"Learning curve of {dataset.name}", version)


def _show_curve(growth: LearningCurve) -> None:
    st.markdown(describe_growth(growth))
    left, right = st.columns([3, 2], gap="medium")
    with left:
        draw(
            growth_curve(growth),
            "growth-curve",
            "Accuracy against the number of images, and its extrapolation to twice as many.",
        )
    classes = tuple(sorted(growth.classes, key=lambda c: c.gain, reverse=True))[:CLASSES]
    with right:
        draw(class_growth(classes), "growth-classes", "Recall of each class now and with twice as many images.")
    drawn = f", a random sample of {growth.of:,}" if growth.of > growth.n else ""
    shown = f" Of {len(growth.classes)} classes those that gain most." if len(growth.classes) > len(classes) else ""
    st.caption(
        f"{plural(growth.n, 'training and validation image')}{drawn}, no test images; probes on"
        f" {literal(growth.backbone)} at {growth.image_size} px in five folds, four random samples of each size. A"
        " power law (Hestness et al. 2017), its interval by bootstrap. It holds for more images of the same kind and"
        f" the same mix of classes; fine-tuning has another curve.{shown}"
    )


def describe_growth(growth: LearningCurve) -> str:
    """What twice as many images would bring, and to which class most."""
    sample = f" as the {growth.n:,} used" if growth.of > growth.n else ""
    more = f"twice as many images{sample}, {2 * growth.n:,} in all,"
    now = f"the {growth.now:.0%} that a linear probe is right on now"
    if growth.gain_ci[0] < POINT:
        return (
            f"**It is not certain that {more} would help**: {_points(growth)} more than {now}. Better labels, a"
            " larger backbone or fine-tuning may do more."
        )
    sentence = f"**{more.capitalize()} would bring about {_points(growth)}** more than {now}."
    most = max(growth.classes, key=lambda c: c.gain, default=None)
    if most and len(growth.classes) > 1 and most.gain_ci[0] >= POINT:
        sentence += f" **{literal(most.name)}** gains most, {_points(most)}."
    return sentence


def _points(of: Doubling) -> str:
    low, high = of.gain_ci
    return f"{100 * of.gain:.1f} points ({100 * low:.1f} to {100 * high:.1f})"
