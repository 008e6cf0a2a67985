"""The tab “Transfer”: what pretrained weights and source data added."""

import pandas as pd
import streamlit as st

from core.charts.columns import histogram
from core.evaluation.source_effect import source_effect
from core.methods import transfer_gain
from core.methods.transfer_gain import BASELINE, Course
from core.ui.evaluate.curves import show_curves
from core.ui.evaluate.head import start_next
from core.ui.evaluate.judged import Judged
from core.ui.shell.charts import draw, draw_intervals
from core.ui.shell.page import invitation
from core.ui.shell.text import duration


def has_transfer(judged: Judged) -> bool:
    return bool(judged.run.spec.source) or _is_pretrained(judged)


def show_transfer(judged: Judged) -> None:
    """What source data and pretrained weights added, or a button that trains the baseline."""
    if judged.run.spec.source:
        _show_source_effect(judged)
    if _is_pretrained(judged):
        _show_gain(judged)


def _is_pretrained(judged: Judged) -> bool:
    """Whether it has pretrained weights that can be compared with random ones."""
    return bool(judged.run.spec.backbone) and not judged.folds and judged.run.spec.strategy not in ("", BASELINE)


def _show_gain(judged: Judged) -> None:
    """The run beside its baseline, the same network trained from random weights."""
    run = judged.run
    baseline = transfer_gain.baseline_of(run)
    if baseline is None:
        with invitation(
            "Compare with the same network trained from random weights on the same images to see whether the"
            " pretrained weights helped. That takes minutes."
        ):
            if st.button("Train the baseline", type="primary", icon=":material/casino:"):
                start_next(run, **transfer_gain.fair_baseline(run))
        return
    gain = transfer_gain.compare_with_baseline(run, baseline)
    if gain.unfair:
        st.warning(transfer_gain.describe_gain(gain), icon=":material/balance:")
        if st.button("Train a fair baseline", type="primary", icon=":material/casino:"):
            start_next(run, **transfer_gain.fair_baseline(run))
    elif gain.negative:
        st.error(transfer_gain.describe_gain(gain), icon=":material/trending_down:")
    else:
        st.markdown(f"**{transfer_gain.describe_gain(gain)}**")
    mark = gain.baseline.best
    table = {name: _row(course, mark) for name, course in ((run.name, gain.run), (baseline.name, gain.baseline))}
    st.dataframe(pd.DataFrame(table), width="stretch")
    show_curves({run.name: run, baseline.name: baseline})


def _show_source_effect(judged: Judged) -> None:
    """What the source added, against the target alone and the source alone."""
    effect = source_effect(judged.run)
    st.markdown(f"**{effect.in_words()}**")
    rows = [
        (title, name, value, *scores.ci[key])
        for title, scores in effect.scores.items()
        for name, key, value in (("Accuracy", "accuracy", scores.accuracy), ("Macro-F1", "macro_f1", scores.macro_f1))
    ]
    draw_intervals(rows, f"source-{judged.run.id}", "Scores with and without the source.")
    st.caption(f"All trained in the same way and judged on the same test {judged.noun}, with 95 % intervals.")
    if effect.weights is not None and effect.effective_size is not None:
        st.markdown("**Weights of the source samples**")
        figure = histogram(effect.weights["weight"].rename("weight"))
        draw(figure, f"source-weights-{judged.run.id}", "How often each weight occurs.")
        st.caption(
            f"The {len(effect.weights):,} source samples count as much as {effect.effective_size:,.0f} of equal"
            " weight (effective sample size)."
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
