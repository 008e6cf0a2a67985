"""Train: choose data, backbone and strategy, start, and watch the run."""

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.errors import GraftError
from core.jobs import queue
from core.methods import plan
from core.methods.estimate import estimated_seconds
from core.schemas import ACTIVE, TrainingSpec
from core.store import datasets, runs
from core.ui.shell.handoff import RETRAIN, take_training_spec
from core.ui.shell.page import go, guard, show_empty_page, show_error, show_errors
from core.ui.shell.text import duration, plural
from core.ui.train import form
from core.ui.train.live_run import show_run
from core.ui.train.method_choice import choose_data, choose_method, choose_preset, show_origin
from core.ui.train.options import choose_device, choose_options
from core.ui.train.search import show_search

guard("train")
st.title("Train", anchor=False)

waiting = runs.list_runs(states=[*ACTIVE, "queued"])
watched = st.query_params.get("run") or (waiting[0].id if waiting else None)
if watched:
    show_run(watched)

labelled = [d for d in datasets.list_datasets() if d.labelled]
if not labelled:
    show_empty_page(
        "Training needs a labelled dataset. Import your own, or try a sample.",
        "home",
        "Choose data",
        ":material/photo_library:",
    )

with show_errors():
    handed_over = take_training_spec()
    if handed_over:
        form.fill(handed_over)


def form_container() -> DeltaGenerator:
    """The place of the form: folded while the watched run works, or a phone would show nothing of that run."""
    if not watched:
        return st.container(border=True)
    busy = any(run.id == watched for run in waiting)
    folded = busy and RETRAIN not in st.query_params
    return st.expander("Train another", icon=":material/add:", expanded=not folded)


with form_container():
    show_origin()
    dataset, version = choose_data(labelled)
    preset = choose_preset(dataset)
    method = choose_method(dataset, version, preset)
    try:
        asked = TrainingSpec(data=f"{dataset.id}@{version}", preset=preset, **method)
        target = plan.version_for(asked)
        spec = choose_device(choose_options(plan.resolve(asked, target).request()))
        resolved = plan.resolve(spec, target)
    except GraftError as error:
        show_error(error)
        st.stop()
    seconds = estimated_seconds(resolved, target.n)
    with st.container(horizontal=True, vertical_alignment="center"):
        started = st.button("Start", type="primary", icon=":material/play_arrow:")
        ahead = f", {plural(len(waiting), 'run')} ahead of you" if waiting else ""
        st.caption(f"About {duration(seconds, about='')} on this machine{ahead}", width="content")
    show_search(spec, dataset.kind, seconds)

if started:
    with show_errors():
        record = queue.submit(spec)
        go("train", dataset=dataset.id, run=record.id)
queue.warm_up_worker()
