"""Data, preset and method on the Train page: the fields above the options."""

from typing import Any

import streamlit as st

from core.errors import NotFoundError
from core.methods import plan
from core.methods.learners import LEARNERS
from core.methods.presets import PRESET_HELP, PRESETS
from core.schemas import DatasetRecord, Preset
from core.store import datasets, runs
from core.ui.shell.handoff import RETRAIN
from core.ui.shell.text import literal, plural
from core.ui.train import form
from core.ui.train.backbone_ranking import show_backbone_ranking
from core.ui.train.backbones import choose_backbone
from core.ui.train.strategy_choice import choose_image_strategy, choose_table_strategy

FIRST_PRESET: Preset = "quick"


def show_origin() -> None:
    """Name the run whose settings the page was filled with."""
    try:
        run = runs.get_run(st.query_params.get(RETRAIN, ""))
    except NotFoundError:  # there is none, or it was deleted, as shown above
        return
    st.caption(f":material/replay: With the settings of {literal(run.name)}")


def choose_data(labelled: list[DatasetRecord]) -> tuple[DatasetRecord, str]:
    """The dataset and version to train on, from the address when it names one that exists."""
    by_id = {dataset.id: dataset for dataset in labelled}
    wanted = st.query_params.get("dataset")
    if wanted in by_id:
        st.session_state[form.DATASET] = wanted
    chosen = st.selectbox(
        "Data",
        list(by_id),
        format_func=lambda i: (
            f"{by_id[i].name} · {plural(by_id[i].n, 'sample')} · {plural(len(by_id[i].classes), 'class', 'classes')}"
        ),
        key=form.DATASET,
        persist_state="session",
        on_change=lambda: st.query_params.update(dataset=st.session_state[form.DATASET]),
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
        key=form.version_key(dataset.id),
        help="A version is imports, recipe and split together. Runs on equal test samples can be compared.",
    )
    return dataset, version


def choose_preset(dataset: DatasetRecord) -> Preset:
    st.session_state.setdefault(form.PRESET, FIRST_PRESET)
    chosen = st.segmented_control(
        "Preset",
        list(PRESETS[dataset.kind]),
        format_func=str.capitalize,
        required=True,
        key=form.PRESET,
        persist_state="session",
        on_change=form.follow_preset,
        args=(dataset.kind,),
        help="A preset sets everything below; each choice can be changed after it.",
    )
    preset: Preset = chosen or FIRST_PRESET  # one is always chosen, which its type does not say
    st.caption(PRESET_HELP[dataset.kind][preset])
    return preset


def choose_method(dataset: DatasetRecord, version: str, preset: Preset) -> dict[str, Any]:
    """The fields of a spec that say what is trained: backbone or learner, strategy, source or teacher."""
    if dataset.kind == "table":
        learner = _choose_learner()
        return {"learner": learner, **choose_table_strategy(dataset, version, learner)}
    values = PRESETS["image"][preset]
    st.session_state.setdefault(form.BACKBONE, values["backbone"])
    st.session_state.setdefault(form.STRATEGY, values["strategy"])
    if not plan.available_models("image"):
        st.error("No pretrained weights are installed.  \nRun `make run` once more, or `python -m core doctor`.")
        st.stop()
    left, right = st.columns(2)
    with left:
        backbone = choose_backbone()
    with right:
        strategy = choose_image_strategy(dataset, version)
    show_backbone_ranking(dataset, version)
    return {"backbone": backbone, **strategy}


def _choose_learner() -> str:
    chosen: str = st.radio(
        "Learner",
        list(LEARNERS),
        format_func=lambda name: LEARNERS[name].title,
        captions=[learner.summary for learner in LEARNERS.values()],
        key=form.LEARNER,
        persist_state="session",
        help="For all of them, missing cells, scaling and categories are prepared on the training rows only.",
    )
    return chosen
