"""The Slices tab: parts of the test samples on which a run is worse than on the rest."""

import pandas as pd
import streamlit as st

from core import charts
from core.data.attributes import attributes
from core.evaluation import slices as slicing
from core.evaluation.scores import format_interval
from core.evaluation.slices import Slice
from core.store.datasets import get_version
from core.ui.evaluation import CHART, Judged, show_samples
from core.ui.gallery import literal

SHOWN = 12


@st.cache_data(max_entries=16, show_spinner="Looking at parts of the test samples")
def _found(run_id: str, _judged: Judged) -> list[Slice]:
    return slicing.slices(_judged.rows, attributes(get_version(_judged.ref)))


def slices(judged: Judged) -> None:
    """The most doubtful parts with their intervals, and the samples of the one that is chosen."""
    found = _found(judged.run.id, judged)
    st.markdown(f"**{literal(slicing.in_words(found, f'test {judged.noun}'))}**")
    if not found:
        return
    names = sorted({s.attribute for s in found})
    chosen = st.multiselect("Look only at", names, key=f"slice-by-{judged.run.id}", placeholder="everything known")
    kept = [s for s in found if not chosen or s.attribute in chosen]
    left, right = st.columns([3, 2], gap="medium")
    with left:
        st.plotly_chart(
            charts.slice_bars(kept[:SHOWN], judged.scores.accuracy),
            key=f"slices-{judged.run.id}",
            config=CHART,
            alt="Share right of each part, with its interval.",
        )
        st.caption(
            f"The {min(SHOWN, len(kept))} most doubtful of {len(kept)} parts; dotted: all test {judged.noun}. "
            f"Fisher's exact test against the rest, with Holm's correction over {len(found)} parts; bars are"
            " 95 % intervals."
        )
    with right:
        table = pd.DataFrame(
            [
                {
                    "Part": f"{s.attribute} {s.value}",
                    "Right": format_interval(s.accuracy, *s.ci),
                    "Elsewhere": f"{s.elsewhere:.2f}",
                    "Samples": s.n,
                    "p": f"{s.p_adjusted:.3f}",
                }
                for s in kept
            ]
        )
        picked = st.dataframe(
            table,
            hide_index=True,
            height=300,
            key=f"slice-table-{judged.run.id}",
            on_select="rerun",
            selection_mode="single-row",
            column_config={"Part": st.column_config.TextColumn(pinned=True)},
        )
        rows = picked.selection.rows
        if not rows:
            st.caption("Select a row to see where the run is wrong there.")
    if rows:
        part = kept[rows[0]]
        here = judged.rows[judged.rows["id"].isin(part.samples)]
        wrong = here[here["label"] != here["predicted"]].sort_values("confidence", ascending=False)
        st.markdown(f"**{literal(part.attribute)} {literal(part.value)}**: {len(wrong)} of {len(here)} wrong")
        if len(wrong):
            show_samples(judged, wrong, f"slice-samples-{judged.run.id}")
