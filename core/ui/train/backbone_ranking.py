"""“Which backbone?”: every available one tried on the chosen images with a linear probe."""

import streamlit as st

from core.advice.transferability.record import BackboneRanking, RankedBackbone
from core.charts.style import shorten
from core.jobs import tasks
from core.schemas import DataRef, DatasetRecord
from core.store.datasets import get_version
from core.ui.shell import task_panel
from core.ui.shell.charts import draw_intervals
from core.ui.shell.tables import show_table
from core.ui.shell.text import literal, plural
from core.ui.train import form

TASK = "rank"
SCORES = {"probe": "probe", "logme": "LogME", "leep": "LEEP", "hscore": "H-score", "imagenet": "ImageNet accuracy"}


def show_backbone_ranking(dataset: DatasetRecord, version_id: str) -> None:
    """A fold with the ranking and a button that uses the recommended backbone, or a button that starts it."""
    box = st.expander("Which backbone?", icon=":material/leaderboard:", on_change="rerun", key=form.BACKBONE_RANKING)
    if not box.open:
        return
    with box:
        version = get_version(DataRef(dataset=dataset.id, version=version_id))
        if task_panel.is_busy(TASK, "Ranking", version):
            return
        done = task_panel.find_result(TASK, version)
        if done:
            _show_ranking(BackboneRanking.model_validate(tasks.result(done)))
        else:
            st.markdown("Tries every installed backbone on these images with a linear probe.")
        if st.button("Rank again" if done else "Rank them", icon=":material/leaderboard:"):
            task_panel.start(TASK, f"Backbones for {dataset.name}", version)


def _show_ranking(ranking: BackboneRanking) -> None:
    chosen = next(r for r in ranking.backbones if r.name == ranking.recommended)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(_describe_ranking(ranking, chosen), width="stretch")
        st.button(
            "Use it", icon=":material/check:", type="primary", on_click=form.choose_backbone, args=(chosen.name,)
        )
    rows = [("Linear probe", shorten(r.title, 30), r.probe, *r.probe_ci) for r in ranking.backbones]
    draw_intervals(rows, "ranking-probes", "Accuracy of a linear probe on each backbone, with its interval.")
    show_table(
        map(_row, ranking.backbones),
        {
            "Probe": ("percent", "Accuracy of cross-validated logistic regressions."),
            "LogME": ("%.3f", "You et al. 2021; higher is better."),
            "LEEP": ("%.3f", "Nguyen et al. 2020; higher is better. Only for weights with the source's classes."),
            "H-score": ("%.2f", "Ibrahim et al. 2022; higher is better."),
            "Cost": ("%.2f G", "Multiply-adds per image."),
            "Took": ("%.1f s", "Less where the embeddings were cached."),
        },
        key="ranking-table",
    )
    _show_agreement(ranking)
    drawn = f", a random sample of {ranking.of:,}" if ranking.of > ranking.n else ""
    st.caption(
        f"{plural(ranking.n, 'training and validation image')}{drawn}, {ranking.folds} folds, no test images;"
        " intervals of 95 %. Probes within half a point count as equal, and of equals the cheapest is recommended."
        + "".join(f" {literal(note)}" for note in ranking.notes)
    )


def _describe_ranking(ranking: BackboneRanking, chosen: RankedBackbone) -> str:
    best = ranking.backbones[0]
    sentence = f"**{literal(chosen.title)}** is recommended: a linear probe on it is right on {chosen.probe:.1%}"
    if best.name == chosen.name:
        return f"{sentence}, more than on any other."
    return (
        f"{sentence}, about as much as on the best, {literal(best.title)} ({best.probe:.1%}),"
        f" which computes {best.cost / chosen.cost:.1f} times as much."
    )


def _row(ranked: RankedBackbone) -> dict[str, object]:
    return {
        "Backbone": ranked.title,
        "Probe": ranked.probe,
        "LogME": ranked.logme,
        "LEEP": ranked.leep,
        "H-score": ranked.hscore,
        "Cost": ranked.cost,
        "Took": ranked.seconds,
    }


def _show_agreement(ranking: BackboneRanking) -> None:
    """How well each score predicts the order of the finished runs."""
    if not ranking.tau:
        return
    taus = [f"{SCORES[name]} {'–' if tau is None else f'{tau:+.2f}'}" for name, tau in ranking.tau.items()]
    st.markdown(
        "Agreement of each score with the order of the finished runs (Kendall's τ, 1 is the same order):"
        f" {', '.join(taus)}.",
        help=f"Against the validation accuracy of {ranking.tau_runs.replace('_', ' ')}.",
    )
