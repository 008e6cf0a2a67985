"""The search for a learning rate, among the options: asked for, watched, shown, and taken over."""

from typing import Any

import streamlit as st

from core import charts
from core.jobs import tasks
from core.methods.presets import RATES
from core.methods.rate_search import RateSearch
from core.schemas import DataRef, TrainingSpec, VersionRecord
from core.store.datasets import get_version
from core.ui import version_task

KIND = "learning_rate"
TITLES = dict(zip(RATES, ("learning rate", "fine-tuning rate"), strict=True))
RULES = {
    "steepest": "where the loss falls steepest",
    "decade": "a tenth of the rate with the least loss, because most is learnt already and the loss hardly falls",
}
APART = {"name", "folds", "augmentation", "views"}  # fields that the search leaves out


def look(spec: TrainingSpec) -> None:
    """A button for each rate of a resolved spec, or the search at work; and what it found for these very settings."""
    rates = [rate for rate in RATES if getattr(spec, rate) is not None]
    if not rates:
        return
    version = get_version(DataRef.parse(spec.data))
    if not version_task.at_work(KIND, version, "Looking for a rate"):
        with st.container(horizontal=True):
            for rate in rates:
                if st.button(
                    f"Find a {TITLES[rate]}",
                    icon=":material/search:",
                    key=f"find-{rate}",
                    help="A few batches of the training samples at rates from a millionth to ten, one after the "
                    "other, on a network that is thrown away (Smith 2017).",
                ):
                    version_task.start(KIND, version, f"Learning rate for {version.dataset}", **_asked(spec, rate))
    for rate in rates:
        _show(version, spec, rate)


def _asked(spec: TrainingSpec, rate: str) -> dict[str, Any]:
    settings = spec.model_dump(mode="json", exclude_none=True, exclude=APART | {rate})
    return {"rate": rate, "spec": settings}


def _show(version: VersionRecord, spec: TrainingSpec, rate: str) -> None:
    task = version_task.made(KIND, version, **_asked(spec, rate))
    if task is None:
        return
    found = RateSearch.model_validate(tasks.result(task))
    with st.container(border=True):
        st.markdown(f"**{TITLES[rate].capitalize()}: {found.suggestion:g}**, {RULES[found.rule]}.")
        st.plotly_chart(
            charts.rate_search(found.rates, found.losses, found.smooth, found.suggestion),
            key=f"rates-{rate}",
            config={"displayModeBar": False},
            alt=f"Loss over the {TITLES[rate]}; {found.suggestion:g} is marked.",
        )
        if getattr(spec, rate) == found.suggestion:
            st.caption(":material/check: In use.")
        else:
            # A callback, because the field above has been drawn by now.
            st.button(
                "Use it",
                key=f"use-{rate}",
                on_click=lambda: st.session_state.update({f"option-{rate}": found.suggestion}),
            )
