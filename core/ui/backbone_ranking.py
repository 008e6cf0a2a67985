"""“Which backbone?”: every one at hand tried on the chosen images before anything is fine-tuned."""

import pandas as pd
import streamlit as st

from core import charts
from core.advice.transferability.record import Ranked, Ranking
from core.charts.look import shorten
from core.jobs import tasks
from core.methods import backbones as own
from core.schemas import DataRef, DatasetRecord
from core.store.datasets import get_version
from core.ui import version_task
from core.ui.backbones import CHOSEN, CHOSEN_RUN, OF_A_RUN
from core.ui.gallery import literal
from core.ui.words import plural

TASK = "rank"
CHART = {"displayModeBar": False}
SCORES = {"probe": "probe", "logme": "LogME", "leep": "LEEP", "hscore": "H-score", "imagenet": "ImageNet accuracy"}


def which(dataset: DatasetRecord, version_id: str) -> None:
    """The fold: the offer to rank, how far that has come, or the ranking with a way to take its word."""
    box = st.expander("Which backbone?", icon=":material/leaderboard:", on_change="rerun", key="which-backbone")
    if not box.open:
        return
    with box:
        version = get_version(DataRef(dataset=dataset.id, version=version_id))
        if version_task.at_work(TASK, version, "Ranking"):
            return
        done = version_task.made(TASK, version)
        if done:
            _ranking(Ranking.model_validate(tasks.result(done)))
        else:
            st.markdown("Every backbone that is here, tried on these images with a linear probe, will stand here.")
        if st.button("Rank again" if done else "Rank them", icon=":material/leaderboard:"):
            version_task.start(TASK, version, f"Backbones for {dataset.name}")


def _ranking(found: Ranking) -> None:
    chosen = next(r for r in found.backbones if r.name == found.recommended)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(_in_words(found, chosen), width="stretch")
        st.button("Use it", icon=":material/check:", type="primary", on_click=_use, args=(chosen.name,))
    rows = [
        {
            "run": "Linear probe",
            "metric": shorten(r.title, 30),
            "value": r.probe,
            "low": r.probe_ci[0],
            "high": r.probe_ci[1],
        }
        for r in found.backbones
    ]
    st.plotly_chart(
        charts.intervals(pd.DataFrame(rows)),
        key="ranking-probes",
        config=CHART,
        alt="What a linear probe on each backbone is right on, with its interval.",
    )
    st.dataframe(
        pd.DataFrame([_row(r) for r in found.backbones]),
        hide_index=True,
        key="ranking-table",
        column_config={
            "Probe": st.column_config.NumberColumn(
                format="percent", help="Share of images on which cross-validated logistic regressions are right."
            ),
            "LogME": st.column_config.NumberColumn(format="%.3f", help="You et al. 2021; higher is better."),
            "LEEP": st.column_config.NumberColumn(
                format="%.3f",
                help="Nguyen et al. 2020; higher is better. Only where the weights come with the source's classes.",
            ),
            "H-score": st.column_config.NumberColumn(format="%.2f", help="Ibrahim et al. 2022; higher is better."),
            "Cost": st.column_config.NumberColumn(format="%.2f G", help="Multiply-adds an image."),
            "Took": st.column_config.NumberColumn(format="%.1f s", help="Little where the embeddings were there."),
        },
    )
    _agreement(found)
    lot = f", by lot of {found.of:,}" if found.of > found.n else ""
    st.caption(
        f"{plural(found.n, 'training and validation image')}{lot}, {found.folds} folds, no test images; intervals of"
        " 95 %. Probes within half a point count as equal, and of equals the cheapest is recommended."
        + "".join(f" {literal(note)}" for note in found.notes)
    )


def _in_words(found: Ranking, chosen: Ranked) -> str:
    best = found.backbones[0]
    told = f"**{literal(chosen.title)}** is recommended: a linear probe on it is right on {chosen.probe:.1%}"
    if best.name == chosen.name:
        return f"{told}, more than on any other."
    return (
        f"{told}, about as much as on the best, {literal(best.title)} ({best.probe:.1%}),"
        f" which computes {best.cost / chosen.cost:.1f} times as much."
    )


def _row(ranked: Ranked) -> dict[str, object]:
    return {
        "Backbone": ranked.title,
        "Probe": ranked.probe,
        "LogME": ranked.logme,
        "LEEP": ranked.leep,
        "H-score": ranked.hscore,
        "Cost": ranked.cost,
        "Took": ranked.seconds,
    }


def _agreement(found: Ranking) -> None:
    """How well each score has told the order of runs that are finished."""
    if not found.tau:
        return
    told = [f"{SCORES[name]} {'–' if tau is None else f'{tau:+.2f}'}" for name, tau in found.tau.items()]
    st.markdown(
        f"Order of finished runs told by each score (Kendall's τ, 1 is the same order): {', '.join(told)}.",
        help=f"Against the validation accuracy of {found.tau_runs.replace('_', ' ')}.",
    )


def _use(name: str) -> None:
    """Choose a backbone above, before the page is drawn anew."""
    if name.startswith(own.RUN):
        st.session_state[CHOSEN], st.session_state[CHOSEN_RUN] = OF_A_RUN, name
    else:
        st.session_state[CHOSEN] = name
