"""The tabs “Mistakes” and “Slices”: wrong predictions, and parts of the test samples with more of them."""

import pandas as pd
import streamlit as st

from core.charts.probabilities import slice_bars
from core.data.attributes import attributes
from core.evaluation import scores
from core.evaluation import slices as slicing
from core.evaluation.comparison import format_p
from core.evaluation.scores import format_interval, format_score
from core.evaluation.slices import Slice
from core.store.datasets import get_version
from core.ui.evaluate.judged import Judged, show_predictions
from core.ui.shell.charts import draw
from core.ui.shell.explanation import show_attention
from core.ui.shell.tables import show_table
from core.ui.shell.text import literal

SHOWN = 12  # slices in the chart


def show_mistakes(judged: Judged) -> None:
    """The wrong predictions, the most confident first."""
    wrong = scores.mistakes(judged.rows)
    if wrong.empty:
        st.caption(f"No mistake among {judged.scores.n:,} {judged.noun}.")
        return
    read = " Under each: true class → predicted class, confidence, file." if judged.dataset.kind == "image" else ""
    st.caption(f"The most confident first: besides mistakes of the model, wrong labels are often among them.{read}")
    show_predictions(judged, wrong, f"mistakes-{judged.run.id}")
    show_attention(judged.run, judged.dataset, wrong, f"mistakes-{judged.run.id}")


@st.cache_data(max_entries=16, show_spinner="Looking at parts of the test samples")
def _find_slices(run_id: str, _judged: Judged) -> list[Slice]:
    return slicing.find_slices(_judged.rows, attributes(get_version(_judged.ref)))


def show_slices(judged: Judged) -> None:
    """The parts with the strongest evidence, with their intervals, and the mistakes in the selected one."""
    parts = _find_slices(judged.run.id, judged)
    st.markdown(f"**{literal(slicing.describe_slices(parts, f'test {judged.noun}'))}**")
    if not parts:
        return
    names = sorted({s.attribute for s in parts})
    chosen = st.multiselect("Look only at", names, key=f"slice-by-{judged.run.id}", placeholder="everything known")
    kept = [s for s in parts if not chosen or s.attribute in chosen]
    left, right = st.columns([3, 2], gap="medium")
    with left:
        draw(
            slice_bars(kept[:SHOWN], judged.scores.accuracy),
            f"slices-{judged.run.id}",
            "Accuracy of each part, with its interval.",
        )
        st.caption(
            f"The {min(SHOWN, len(kept))} of {len(kept)} parts with the strongest evidence; dotted: all test"
            f" {judged.noun}. Fisher's exact test against the rest, with Holm's correction over {len(parts)} parts;"
            " bars are 95 % intervals."
        )
    with right:
        table = pd.DataFrame(
            [
                {
                    "Part": f"{s.attribute} {s.value}",
                    "Right": format_interval(s.accuracy, *s.ci),
                    "Elsewhere": format_score(s.elsewhere, judged.scores),
                    "Samples": s.n,
                    "p": format_p(s.p_adjusted).removeprefix("p = ").removeprefix("p "),
                }
                for s in kept
            ]
        )
        key = f"slice-table-{judged.run.id}"
        selected = show_table(table, key=key, pinned="Part", height=300, selectable=True)
        if selected is None:
            st.caption("Select a row to see where the run is wrong there.")
    if selected is not None:
        part = kept[selected]
        here = judged.rows[judged.rows["id"].isin(part.samples)]
        wrong = here[here["label"] != here["predicted"]].sort_values("confidence", ascending=False)
        st.markdown(f"**{literal(part.attribute)} {literal(part.value)}**: {len(wrong)} of {len(here)} wrong")
        if len(wrong):
            show_predictions(judged, wrong, f"slice-samples-{judged.run.id}")
