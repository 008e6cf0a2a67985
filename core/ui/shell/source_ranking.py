"""“Which source?”: every other dataset tried as a source for the shown one, and what it adds to its labels."""

import streamlit as st

from core.advice.domain.record import Candidate, Candidates
from core.charts.domain import gain_intervals
from core.jobs import tasks
from core.methods.sources import possible_sources
from core.schemas import DatasetRecord, VersionRecord
from core.ui.shell import task_panel
from core.ui.shell.charts import draw
from core.ui.shell.page import go
from core.ui.shell.tables import show_table
from core.ui.shell.text import format_gain, literal, plural

TASK = "candidates"


def show_source_ranking(dataset: DatasetRecord, version: VersionRecord) -> None:
    """A fold with the ranking, or a button that starts it; only where there are two sources to choose from."""
    if not dataset.labelled or len(possible_sources(dataset)) < 2:
        return
    box = st.expander("Which source?", icon=":material/leaderboard:", on_change="rerun", key="which-source")
    if not box.open:
        return
    with box:
        if task_panel.is_busy(TASK, "Ranking", version):
            return
        done = task_panel.find_result(TASK, version)
        if done:
            _show_ranking(dataset, Candidates.model_validate(tasks.result(done)))
        else:
            noun = "set of images" if dataset.kind == "image" else "table"
            st.markdown(
                f"Every other {noun} that has labels is tried as a source: how far it is from this one, and what a"
                " probe that learns from both gains over your labels alone."
                + (" What your runs have learnt is tried under *Which backbone?*" if dataset.kind == "image" else "")
            )
        if st.button("Rank again" if done else "Rank the sources", icon=":material/leaderboard:"):
            task_panel.start(TASK, f"Sources for {dataset.name}", version)


def _show_ranking(dataset: DatasetRecord, ranking: Candidates) -> None:
    judged = [c for c in ranking.sources if c.gain is not None]
    chosen = next((c for c in judged if c.source == ranking.recommended), None)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(describe_ranking(ranking), width="stretch")
        if chosen and st.button("Train with it", icon=":material/model_training:", type="primary"):
            go("train", dataset=dataset.id, source=chosen.source)
    if judged:
        draw(
            gain_intervals({c.name: (c.gain or 0.0, c.gain_ci or (0.0, 0.0)) for c in judged}),
            "source-gains",
            "What each source adds to the target's own labels, with its interval.",
        )
    show_table(
        map(_row, ranking.sources),
        {
            "Domain AUC": (
                "%.2f",
                "How well a classifier separates it from this one; .5 is no difference, 1 no overlap.",
            ),
            "MMD²": ("%.3f", "Maximum mean discrepancy; 0 is none."),
            "Alone": ("percent", "Accuracy here of a probe trained on the source alone."),
            "With yours": ("percent", "Accuracy of probes trained on the source and your labels, cross-validated."),
        },
        key="source-table",
        placeholder="–",
    )
    drawn = f", a random sample of {ranking.of:,}" if ranking.of > ranking.n else ""
    st.caption(
        f"{plural(ranking.n, 'training and validation sample')}{drawn}, {ranking.folds} folds, no test samples."
        " Logistic regressions; the intervals of the gains hold for all sources at once (95 %)."
    )


def describe_ranking(ranking: Candidates) -> str:
    """Which source adds something, and how much; or that none does."""
    judged = [c for c in ranking.sources if c.gain is not None]
    if not judged:
        return "**None of them can be tried with these labels**; the table says why."
    best = judged[0]
    alone = f"a probe on your labels alone is right on {best.own:.0%}"
    most = format_gain(best.gain, best.gain_ci)
    if ranking.recommended is None:
        return f"**No source is shown to help**: {alone}, and the best adds {most}."
    return f"**{literal(best.name)}** is recommended: {alone}, and with it a probe gains {most}."


def _row(c: Candidate) -> dict[str, object]:
    return {
        "Source": c.name,
        "Domain AUC": c.domain_auc,
        "MMD²": c.mmd,
        "Alone": c.alone,
        "With yours": c.together,
        "Gain": format_gain(c.gain, c.gain_ci),
        "Note": c.note,
    }
