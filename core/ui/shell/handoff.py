"""What one page hands over to another: settings for the Train page, and decisions for the review of findings."""

import streamlit as st

from core.data.reviewing import Decision
from core.schemas import RunRecord, TrainingSpec, VersionRecord
from core.store import runs
from core.ui.shell.page import go

SPEC = "_training_spec"
RETRAIN = "again"  # in the address: a run whose settings the Train page begins with
TAKEN = "_retrained"


def open_train_page(spec: TrainingSpec) -> None:
    """Open the Train page with the fields of `spec` that are set; the others stay as they are there."""
    st.session_state[SPEC] = spec
    go("train", dataset=spec.data.split("@")[0])


def take_training_spec() -> TrainingSpec | None:
    """The settings that were handed over, or those of the run in the address (`?again=RUN`); each only once.

    Raises `GraftError` where that run is gone.
    """
    spec: TrainingSpec | None = st.session_state.pop(SPEC, None)
    asked = st.query_params.get(RETRAIN)
    if asked != st.session_state.get(TAKEN):
        st.session_state[TAKEN] = asked
        if asked:
            spec = runs.get_run(asked).spec.request()
            return TrainingSpec.model_validate(spec.model_dump())  # every field counts as set
    return spec


def retrain_button(run: RunRecord) -> None:
    """The button that opens the Train page with the settings of a run."""
    if st.button(
        "Run again with changes",
        icon=":material/replay:",
        key=f"again-{run.id}",
        help="Opens the Train page with all settings and data of this run.",
    ):
        st.session_state.pop(TAKEN, None)
        go("train", again=run.id)


def review_decisions(version: VersionRecord) -> list[Decision]:
    """What was decided on samples in this session and is not yet part of a version; may be appended to."""
    decisions: list[Decision] = st.session_state.setdefault(f"decisions-{version.id}", [])
    return decisions
