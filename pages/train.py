"""Choose data, backbone and strategy, start, and watch."""

from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.errors import GraftError
from core.jobs import queue
from core.methods import plan
from core.methods.estimate import estimate
from core.methods.learners import LEARNERS
from core.methods.presets import PRESET_HELP, PRESETS
from core.schemas import ACTIVE, DatasetRecord, TrainingSpec
from core.store import datasets, runs
from core.ui import again, backbone_ranking, backbones, device_choice, options, search, strategy_choice
from core.ui.live import live_run
from core.ui.page import empty, go, guard, show_error
from core.ui.words import duration, plural

guard("train")
st.title("Train", anchor=False)

waiting = runs.list_runs(states=[*ACTIVE, "queued"])
watched = st.query_params.get("run") or (waiting[0].id if waiting else None)
if watched:
    live_run(watched)

labelled = [d for d in datasets.list_datasets() if d.labelled]
if not labelled:
    empty(
        "Training needs a labelled dataset. Import your own, or try a sample.",
        "home",
        "Choose data",
        ":material/photo_library:",
    )

by_id = {d.id: d for d in labelled}
again.fill()


def choose_data() -> tuple[DatasetRecord, str]:
    """The dataset and version to train on, from the address when it names one that exists."""
    wanted = st.query_params.get("dataset")
    if wanted in by_id:
        st.session_state["train-dataset"] = wanted
    chosen = st.selectbox(
        "Data",
        list(by_id),
        format_func=lambda i: (
            f"{by_id[i].name} · {plural(by_id[i].n, 'sample')} · {plural(len(by_id[i].classes), 'class', 'classes')}"
        ),
        key="train-dataset",
        persist_state="session",
        on_change=lambda: st.query_params.update(dataset=st.session_state["train-dataset"]),
    )
    dataset = by_id[chosen]
    versions = datasets.list_versions(dataset.id)
    if len(versions) < 2:
        return dataset, dataset.version
    names = {v.id: v.name + (" (newest)" if v.id == dataset.version else "") for v in versions}
    version = st.selectbox(
        "Version",
        list(names),
        format_func=names.__getitem__,
        key=f"train-version-{dataset.id}",
        help="A version is imports, recipe and split together. Runs on equal test samples can be compared.",
    )
    return dataset, version


def choose_preset(dataset: DatasetRecord) -> str:
    def follow() -> None:
        values = PRESETS[dataset.kind][st.session_state["train-preset"]]
        for field in ("backbone", "strategy", "learner"):
            if field in values:
                st.session_state[f"train-{field}"] = values[field]
        options.forget()

    st.session_state.setdefault("train-preset", "quick")
    chosen = st.segmented_control(
        "Preset",
        list(PRESETS[dataset.kind]),
        format_func=str.capitalize,
        required=True,
        key="train-preset",
        persist_state="session",
        on_change=follow,
        help="A preset chooses everything below; each choice can be changed after it.",
    )
    st.caption(PRESET_HELP[dataset.kind][chosen])
    return chosen


def choose_image_method(preset: str, dataset: DatasetRecord, version: str) -> dict[str, Any]:
    values = PRESETS["image"][preset]
    here = plan.choices("image")
    for field in ("backbone", "strategy"):
        st.session_state.setdefault(f"train-{field}", values[field])
    if not here:
        st.error("No pretrained weights are installed.  \nRun `make run` once more, or `python -m core doctor`.")
        st.stop()
    left, right = st.columns(2)
    with left:
        backbone = backbones.choose()
    with right:
        chosen = strategy_choice.of_images(dataset, version)
    backbone_ranking.which(dataset, version)
    return {"backbone": backbone, **chosen}


def choose_learner(dataset: DatasetRecord, version: str) -> dict[str, Any]:
    learner = st.radio(
        "Learner",
        list(LEARNERS),
        format_func=lambda x: LEARNERS[x].title,
        captions=[x.summary for x in LEARNERS.values()],
        key="train-learner",
        persist_state="session",
        help="Missing cells, scaling and categories are prepared on the training rows only, for all of them.",
    )
    return {"learner": learner, **strategy_choice.of_table(dataset, version, learner)}


def form() -> DeltaGenerator:
    """The place for the choices: folded up while the watched run works, or a phone would show nothing of that run."""
    if not watched:
        return st.container(border=True)
    busy = any(run.id == watched for run in waiting)
    folded = busy and "again" not in st.query_params
    return st.expander("Train another", icon=":material/add:", expanded=not folded)


with form():
    again.tell()
    dataset, version = choose_data()
    preset = choose_preset(dataset)
    method = (
        choose_image_method(preset, dataset, version) if dataset.kind == "image" else choose_learner(dataset, version)
    )
    try:
        asked = TrainingSpec(data=f"{dataset.id}@{version}", preset=preset, **method)
        record = plan.version_for(asked)
        spec = device_choice.choose(options.choose(plan.resolve(asked, record).request()))
        resolved = plan.resolve(spec, record)
    except GraftError as error:
        show_error(error)
        st.stop()
    with st.container(horizontal=True, vertical_alignment="center"):
        started = st.button("Start", type="primary", icon=":material/play_arrow:")
        ahead = f", {plural(len(waiting), 'run')} ahead of you" if waiting else ""
        expected = duration(estimate(resolved, record.n)).removeprefix("about ")
        st.caption(f"About {expected} on this machine{ahead}", width="content")
    search.search(spec, dataset.kind, estimate(resolved, record.n))

if started:
    try:
        record = queue.submit(spec)
    except GraftError as error:
        show_error(error)
        st.stop()
    go("train", dataset=dataset.id, run=record.id)
queue.warm_up()
