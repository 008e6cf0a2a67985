"""The train page filled from the settings of an earlier run: `?again=RUN`."""

from typing import NoReturn

import streamlit as st

from core.errors import GraftError
from core.methods import backbones as own
from core.methods import plan
from core.schemas import DataRef, RunRecord, TrainingSpec
from core.store import datasets, runs
from core.ui import device_choice, options, source_choice, strategy_choice
from core.ui.backbones import CHOSEN, OF_A_RUN
from core.ui.gallery import literal
from core.ui.page import go, show_error

FILLED = "_filled_from"
# What decides which values the page would show for everything else.
BASIS = {"data", "preset", "strategy", "backbone", "learner", "optimizer", "augmentation", "views"}
BASIS |= {"source", "method", "target_labels", "teacher"}


def button(run: RunRecord) -> None:
    """The way there, from wherever a run is shown."""
    if st.button(
        "Run again with changes",
        icon=":material/replay:",
        key=f"again-{run.id}",
        help="Opens the Train page with all settings and data of this run.",
    ):
        open_page(run.id)


def open_page(run_id: str) -> NoReturn:
    st.session_state.pop(FILLED, None)
    go("train", again=run_id)


def fill() -> None:
    """Put the settings of the run in the address into the page's fields, once; what is changed after that stands."""
    asked = st.query_params.get("again")
    if asked == st.session_state.get(FILLED):
        return
    st.session_state[FILLED] = asked
    if asked is None:
        return
    try:
        _fill(runs.get_run(asked).spec.request())
    except GraftError as error:
        show_error(error)


def tell() -> None:
    """Whose settings the page was filled from."""
    asked = st.query_params.get("again")
    if asked:
        try:
            run = runs.get_run(asked)
        except GraftError:  # `fill` has said so
            return
        st.caption(f":material/replay: With the settings of {literal(run.name)}")


def _fill(spec: TrainingSpec) -> None:
    """`GraftError` where the data or the backbone are gone: nothing is filled then."""
    version = datasets.get_version(DataRef.parse(spec.data))
    base = plan.resolve(TrainingSpec.model_validate(spec.model_dump(include=BASIS)), version).request()
    state = st.session_state
    state["train-dataset"] = version.dataset
    state[f"train-version-{version.dataset}"] = version.id
    state["train-preset"] = spec.preset
    if spec.learner:
        state["train-learner"] = spec.learner
    if spec.backbone:
        of_run = spec.backbone.startswith(own.RUN)
        state[CHOSEN] = OF_A_RUN if of_run else spec.backbone
        if of_run:
            state["train-backbone-run"] = spec.backbone
    options.forget()
    state["option-name"] = spec.name or ""
    if spec.augmentation:
        options.hand_over(spec.augmentation)
        state["option-views"] = spec.views
    else:
        state[options.AUGMENTATION] = "off"
    for option in (*options.OPTIONS, *options.CHOICES):
        wanted = getattr(spec, option.field)
        # The optimizer is part of the basis, because rates follow it, and yet a field of its own.
        if wanted is not None and (wanted != getattr(base, option.field) or option.field == "optimizer"):
            state[f"option-{option.field}"] = wanted
    device_choice.fill(spec)
    source_choice.fill(spec)
    strategy_choice.fill(spec, "image" if spec.backbone else "table")
