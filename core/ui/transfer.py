"""The Transfer tab: did the pretrained weights help, and how."""

import pandas as pd
import streamlit as st

from core import charts
from core.evaluation.source_effect import source_effect
from core.methods import transfer_gain
from core.methods.transfer_gain import Course
from core.ui.evaluation import Judged, curves
from core.ui.words import duration


def transfer(judged: Judged) -> bool:
    """The run beside its baseline. Whether the visitor wants the baseline trained, which is offered without one."""
    run = judged.run
    baseline = transfer_gain.baseline_of(run)
    if baseline is None:
        with st.container(border=True, horizontal_alignment="center", gap="medium"):
            st.markdown(
                "Whether the pretrained weights helped shows against the same network trained from random weights, on"
                " the same images. That takes minutes.",
                width="content",
            )
            return st.button("Train the baseline", type="primary", icon=":material/casino:")
    found = transfer_gain.gain(run, baseline)
    st.markdown(f"**{transfer_gain.in_words(found)}**")
    mark = found.baseline.best
    table = {name: _row(course, mark) for name, course in ((run.name, found.run), (baseline.name, found.baseline))}
    st.dataframe(pd.DataFrame(table), width="stretch")
    curves({run.name: run, baseline.name: baseline})
    return False


def source(judged: Judged) -> None:
    """What other data of one's own added, against these data alone and those alone."""
    found = source_effect(judged.run)
    st.markdown(f"**{found.in_words()}**")
    rows = [
        {"run": title, "metric": name, "value": value, "low": scores.ci[key][0], "high": scores.ci[key][1]}
        for title, scores in found.scores.items()
        for name, key, value in (
            ("Accuracy", "accuracy", scores.accuracy),
            ("Macro-F1", "macro_f1", scores.macro_f1),
        )
    ]
    st.plotly_chart(charts.intervals(pd.DataFrame(rows)), key=f"source-{judged.run.id}", width="stretch")
    st.caption(f"All learnt in the same way and judged on the same test {judged.noun}, with 95 % intervals.")
    if found.weights is not None and found.effective_size is not None:
        st.markdown("**How much each source sample counts**")
        figure = charts.histogram(found.weights["weight"].rename("weight"))
        st.plotly_chart(figure, key=f"source-weights-{judged.run.id}", width="stretch")
        st.caption(
            f"The {len(found.weights):,} source samples tell as much as {found.effective_size:,.0f} of equal weight"
            " would (effective sample size)."
        )


def _row(course: Course, mark: float) -> dict[str, str]:
    reached = "never" if course.epochs is None or course.seconds is None else f"epoch {course.epochs}"
    seconds = "" if course.seconds is None else duration(course.seconds)
    return {
        "Validation accuracy after the first epoch": f"{course.first:.2f}",
        "Best validation accuracy": f"{course.best:.2f}",
        f"Reaches the baseline's best, {mark:.2f}": reached,
        "After": seconds,
        "Training above validation in the best epoch": f"{100 * course.gap:+.0f} points",
    }
