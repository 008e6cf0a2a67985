"""The learning-rate range test among the options: started, watched, shown and applied."""

from typing import Any

import streamlit as st

from core.charts.learning_rate import learning_rate_curve
from core.jobs import tasks
from core.methods.presets import RATES
from core.methods.rate_search import RateSearch
from core.schemas import DataRef, TrainingSpec, VersionRecord
from core.store.datasets import get_version
from core.ui.shell import task_panel
from core.ui.shell.charts import draw
from core.ui.train import form

KIND = "learning_rate"
TITLES = dict(zip(RATES, ("learning rate", "fine-tuning rate"), strict=True))
RULES = {
    "steepest": "where the loss falls fastest",
    "decade": "a tenth of the rate with the lowest loss, because the loss hardly falls",
}
EXCLUDED = {"name", "folds", "augmentation", "views"}  # fields that the search leaves out


def show_rate_tests(spec: TrainingSpec) -> None:
    """A button for each rate of a resolved spec, or the progress of a test; and the results for these settings."""
    rates = [rate for rate in RATES if getattr(spec, rate) is not None]
    if not rates:
        return
    version = get_version(DataRef.parse(spec.data))
    if not task_panel.is_busy(KIND, "Looking for a rate", version):
        with st.container(horizontal=True):
            for rate in rates:
                if st.button(
                    f"Find a {TITLES[rate]}",
                    icon=":material/search:",
                    key=f"find-{rate}",
                    help="Range test (Smith 2017): a few batches of the training samples at rising rates from a "
                    "millionth to ten, on a network that is not kept.",
                ):
                    task_panel.start(
                        KIND, f"Learning rate for {version.dataset}", version, **_task_params(spec, rate)
                    )
    for rate in rates:
        _show_result(version, spec, rate)


def _task_params(spec: TrainingSpec, rate: str) -> dict[str, Any]:
    settings = spec.model_dump(mode="json", exclude_none=True, exclude=EXCLUDED | {rate})
    return {"rate": rate, "spec": settings}


def _show_result(version: VersionRecord, spec: TrainingSpec, rate: str) -> None:
    task = task_panel.find_result(KIND, version, **_task_params(spec, rate))
    if task is None:
        return
    test = RateSearch.model_validate(tasks.result(task))
    with st.container(border=True):
        st.markdown(f"**{TITLES[rate].capitalize()}: {test.suggestion:g}**, {RULES[test.rule]}.")
        draw(
            learning_rate_curve(test.rates, test.losses, test.smooth, test.suggestion),
            f"rates-{rate}",
            f"Loss over the {TITLES[rate]}; {test.suggestion:g} is marked.",
        )
        if getattr(spec, rate) == test.suggestion:
            st.caption(":material/check: In use.")
        else:
            # A callback, because the field above has been drawn already.
            st.button(
                "Use it",
                key=f"use-{rate}",
                on_click=lambda: st.session_state.update({form.field_key(rate): test.suggestion}),
            )
