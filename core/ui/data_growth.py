"""The tab “How many more?”: what twice as many images would bring, and to which classes."""

import streamlit as st

from core import charts
from core.advice.transferability.record import Doubling, Growth
from core.jobs import tasks
from core.schemas import DatasetRecord, VersionRecord
from core.ui import version_task
from core.ui.gallery import literal
from core.ui.words import plural

TASK = "learning_curve"
CHART = {"displayModeBar": False}
CLASSES = 12  # that are drawn
POINT = 0.005  # a gain whose interval begins below is not shown to be one


def growth(dataset: DatasetRecord, version: VersionRecord) -> None:
    """The curve, or the offer to draw one."""
    if version_task.at_work(TASK, version, "Learning curve"):
        return
    done = version_task.made(TASK, version)
    if done:
        _curve(Growth.model_validate(tasks.result(done)))
        return
    st.markdown(
        "Would more images help, and of which classes? A linear probe learns from ever more of those you have; from"
        " how it grows follows where it would be with twice as many."
    )
    if st.button("Draw the curve", type="primary", icon=":material/trending_up:"):
        version_task.start(TASK, version, f"Learning curve of {dataset.name}")


def _curve(found: Growth) -> None:
    st.markdown(in_words(found))
    left, right = st.columns([3, 2], gap="medium")
    with left:
        st.plotly_chart(
            charts.growth_curve(found),
            key="growth-curve",
            config=CHART,
            alt="Accuracy against the number of images, and its extrapolation to twice as many.",
        )
    classes = tuple(sorted(found.classes, key=lambda c: c.gain, reverse=True))[:CLASSES]
    with right:
        st.plotly_chart(
            charts.class_growth(classes),
            key="growth-classes",
            config=CHART,
            alt="Recall of each class now and with twice as many images.",
        )
    lot = f", by lot of {found.of:,}" if found.of > found.n else ""
    shown = f" Of {len(found.classes)} classes those that gain most." if len(found.classes) > len(classes) else ""
    st.caption(
        f"{plural(found.n, 'training and validation image')}{lot}, no test images; probes on"
        f" {literal(found.backbone)} at {found.image_size} px in five folds, four lots of each size. A power law"
        " (Hestness et al. 2017), its interval by bootstrap. It holds for more images of the same kind and the"
        f" same mix of classes; fine-tuning begins higher and grows differently.{shown}"
    )


def in_words(found: Growth) -> str:
    """What twice as many images promise, and the class that they promise most."""
    lot = f" as the {found.n:,} looked at" if found.of > found.n else ""
    more = f"twice as many images{lot}, {2 * found.n:,} in all,"
    now = f"the {found.now:.0%} that a linear probe is right on now"
    if found.gain_ci[0] < POINT:
        return (
            f"**It is not sure that {more} would help**: {_points(found)} more than {now}. Better labels, a larger"
            " backbone or fine-tuning may do more."
        )
    told = f"**{more.capitalize()} would bring about {_points(found)}** more than {now}."
    most = max(found.classes, key=lambda c: c.gain, default=None)
    if most and len(found.classes) > 1 and most.gain_ci[0] >= POINT:
        told += f" **{literal(most.name)}** gains most, {_points(most)}."
    return told


def _points(of: Doubling) -> str:
    low, high = of.gain_ci
    return f"{100 * of.gain:.1f} points ({100 * low:.1f} to {100 * high:.1f})"
