"""“Which source?”: every other dataset tried on the labels of the shown one, and what it adds to them."""

import pandas as pd
import streamlit as st

from core import charts
from core.advice.domain.record import Candidate, Candidates
from core.jobs import tasks
from core.methods.sources import possible
from core.schemas import DatasetRecord, VersionRecord
from core.ui import version_task
from core.ui.gallery import literal
from core.ui.page import go
from core.ui.words import gained, plural

TASK = "candidates"
CHART = {"displayModeBar": False}


def which(dataset: DatasetRecord, version: VersionRecord) -> None:
    """The fold, where there are two to choose from: the offer to rank, how far that has come, or the ranking."""
    if not dataset.labelled or len(possible(dataset)) < 2:
        return
    box = st.expander("Which source?", icon=":material/leaderboard:", on_change="rerun", key="which-source")
    if not box.open:
        return
    with box:
        if version_task.at_work(TASK, version, "Ranking"):
            return
        done = version_task.made(TASK, version)
        if done:
            _ranking(dataset, Candidates.model_validate(tasks.result(done)))
        else:
            noun = "set of images" if dataset.kind == "image" else "table"
            st.markdown(
                f"Every other {noun} that has labels is tried as a source: how far it is from this one, and what a"
                " probe that learns from both gains over your labels alone."
                + (" What your runs have learnt is tried under *Which backbone?*" if dataset.kind == "image" else "")
            )
        if st.button("Rank again" if done else "Rank the sources", icon=":material/leaderboard:"):
            version_task.start(TASK, version, f"Sources for {dataset.name}")


def _ranking(dataset: DatasetRecord, found: Candidates) -> None:
    judged = [c for c in found.sources if c.gain is not None]
    chosen = next((c for c in judged if c.source == found.recommended), None)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(in_words(found), width="stretch")
        if chosen and st.button("Train with it", icon=":material/model_training:", type="primary"):
            go("train", dataset=dataset.id, source=chosen.source)
    if judged:
        st.plotly_chart(
            charts.gains({c.name: (c.gain or 0.0, c.gain_ci or (0.0, 0.0)) for c in judged}),
            key="source-gains",
            config=CHART,
            alt="What each source adds to the target's own labels, with its interval.",
        )
    st.dataframe(
        pd.DataFrame([_row(c) for c in found.sources]),
        hide_index=True,
        key="source-table",
        placeholder="–",
        column_config={
            "Domain AUC": st.column_config.NumberColumn(
                format="%.2f", help="How well a classifier tells it from this one; .5 is no difference, 1 no overlap."
            ),
            "MMD²": st.column_config.NumberColumn(format="%.3f", help="Maximum mean discrepancy, 0 for none."),
            "Alone": st.column_config.NumberColumn(
                format="percent", help="What a probe that has seen the source alone is right on here."
            ),
            "With yours": st.column_config.NumberColumn(
                format="percent", help="Of probes that learn from the source and your labels, cross-validated."
            ),
        },
    )
    lot = f", by lot of {found.of:,}" if found.of > found.n else ""
    st.caption(
        f"{plural(found.n, 'training and validation sample')}{lot}, {found.folds} folds, no test samples. Logistic"
        " regressions; the intervals of the gains hold for all sources at once (95 %)."
    )


def in_words(found: Candidates) -> str:
    """Which source adds something, and how much; or that none does."""
    judged = [c for c in found.sources if c.gain is not None]
    if not judged:
        return "**None of them can be tried on these labels**; the table says why."
    best = judged[0]
    alone = f"a probe on your labels alone is right on {best.own:.0%}"
    most = gained(best.gain, best.gain_ci)
    if found.recommended is None:
        return f"**No source is shown to help**: {alone}, and the best adds {most}."
    return f"**{literal(best.name)}** is recommended: {alone}, and with it a probe gains {most}."


def _row(c: Candidate) -> dict[str, object]:
    return {
        "Source": c.name,
        "Domain AUC": c.domain_auc,
        "MMD²": c.mmd,
        "Alone": c.alone,
        "With yours": c.together,
        "Gain": gained(c.gain, c.gain_ci),
        "Note": c.note,
    }
