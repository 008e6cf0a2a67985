"""Predict: pictures or rows in, their classes out."""

import streamlit as st

from core.methods.predictors import check_model, predicting_runs
from core.schemas import RunRecord
from core.store import runs
from core.store.datasets import get_dataset
from core.ui import predicting
from core.ui.gallery import literal
from core.ui.page import empty, guard, telling_errors
from core.ui.words import accuracy

guard("predict")

PICKED = "predict-run"


def pick_run() -> RunRecord:
    """The run that predicts. The address says which (`?run=ID`), so that a view can be sent to a colleague."""
    known = {run.id: run for run in predicting_runs()}
    asked = st.query_params.get("run")
    if asked and asked not in known:
        with telling_errors():
            check_model(runs.get_run(asked))
    if not known:
        empty(
            "No run has left a model yet. Here it will say what new pictures or rows are.",
            "train",
            "Train",
            ":material/model_training:",
        )
    st.session_state[PICKED] = asked if asked in known else next(iter(known))
    chosen = st.selectbox(
        "Run",
        list(known),
        key=PICKED,
        format_func=lambda run_id: f"{known[run_id].name} · {known[run_id].dataset}",
        on_change=change_run,
    )
    return known[chosen]


def change_run() -> None:
    """Another run begins anew: what the one before has found is not its own."""
    st.query_params["run"] = st.session_state[PICKED]
    st.query_params.pop("task", None)


st.title("Predict", anchor=False)
run = pick_run()
with telling_errors():
    dataset = get_dataset(run.dataset)
    right = f" · accuracy on its test samples {accuracy(run)}" if run.metrics else ""
    st.caption(f"Trained on {literal(dataset.name)}{right}")
    predicting.give(run, dataset)
    predicting.results(run, dataset)
