"""Predict: the classes of new pictures or rows."""

import streamlit as st

from core.schemas import RunRecord
from core.store import runs
from core.store.datasets import get_dataset
from core.store.predictors import check_model, predicting_runs
from core.ui.predict.inputs import first_run, show_inputs
from core.ui.predict.results import show_results
from core.ui.shell.page import guard, show_empty_page, show_errors
from core.ui.shell.text import format_accuracy, label_runs, literal

guard("predict")

PICKED = "predict-run"


def pick_run() -> RunRecord:
    """The run that predicts. The address says which (`?run=ID`), so that a view can be sent to a colleague."""
    known = {run.id: run for run in predicting_runs()}
    asked = st.query_params.get("run")
    if asked and asked not in known:
        with show_errors():
            check_model(runs.get_run(asked))
    if not known:
        show_empty_page(
            "No run has a model yet. Here a model will classify new pictures or rows.",
            "train",
            "Train",
            ":material/model_training:",
        )
    st.session_state[PICKED] = asked if asked in known else first_run(known)
    labels = label_runs(known.values())
    chosen = st.selectbox(
        "Run",
        list(known),
        key=PICKED,
        format_func=lambda run_id: labels[run_id],
        on_change=change_run,
    )
    return known[chosen]


def change_run() -> None:
    """Another run begins without results: those of the one before are not its own."""
    st.query_params["run"] = st.session_state[PICKED]
    st.query_params.pop("task", None)


st.title("Predict", anchor=False)
run = pick_run()
with show_errors():
    dataset = get_dataset(run.dataset)
    right = f" · accuracy on its test samples {format_accuracy(run)}" if run.metrics else ""
    st.caption(f"Trained on {literal(dataset.name)}{right}")
    show_inputs(run, dataset)
    show_results(run, dataset)
