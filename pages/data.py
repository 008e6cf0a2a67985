"""Data: what is in a dataset, what is wrong with it, how it is split, and its versions."""

import streamlit as st

from core.errors import NotFoundError
from core.schemas import DataRef, DatasetRecord, VersionRecord
from core.store import datasets
from core.ui.data.findings.cards import count_findings
from core.ui.data.imported import show_imported
from core.ui.data.overview import show_examples
from core.ui.data.tabs import TABS
from core.ui.shell import task_panel
from core.ui.shell.importing import REST
from core.ui.shell.page import go, guard, show_empty_page, show_error
from core.ui.shell.tabs import show_tabs
from core.ui.shell.text import literal, plural, size

guard("data")

PICKED = "data-dataset"
EXAMPLES = 10


def pick_dataset() -> DatasetRecord:
    """The dataset to show. The address says which (`?dataset=ID`), so that a view can be sent to a colleague."""
    known = {dataset.id: dataset for dataset in datasets.list_datasets()}
    if not known:
        show_empty_page(
            "There is no data yet. Import images or a table, or try a sample; here you will see what is in it.",
            "home",
            "Bring data in",
            ":material/add_photo_alternate:",
        )
    asked = st.query_params.get("dataset")
    if asked and asked not in known:
        show_error(NotFoundError(f"There is no dataset “{asked}”.", "It may have been deleted. Others are below."))
    st.session_state[PICKED] = asked if asked in known else next(iter(known))
    chosen = st.selectbox(
        "Dataset",
        list(known),
        key=PICKED,
        format_func=lambda dataset_id: known[dataset_id].name,
        on_change=change_dataset,
        label_visibility="collapsed",
        width="stretch",
    )
    return known[chosen]


def change_dataset() -> None:
    """Another dataset; what was told of an import of the one before goes with it."""
    st.query_params["dataset"] = st.session_state[PICKED]
    st.query_params.pop(REST, None)


def show_header(dataset: DatasetRecord, version: VersionRecord) -> None:
    """The facts of the dataset in one line, and a few of its images."""
    facts = [
        plural(version.n, "image" if dataset.kind == "image" else "row"),
        plural(len(version.classes), "class", "classes") if dataset.labelled else "unlabelled, so not for training",
        f"version {literal(version.name)}",
        f"{size(datasets.dataset_size(dataset.id))} on disk",
        count_findings(version),
    ]
    st.caption(" · ".join(facts))
    show_imported(dataset)
    if dataset.kind == "image":
        show_examples(dataset, version, EXAMPLES)


st.title("Data", anchor=False)
with st.container(horizontal=True, vertical_alignment="bottom"):
    dataset = pick_dataset()
    if dataset.labelled and st.button("Train on this", type="primary", icon=":material/model_training:"):
        go("train", dataset=dataset.id)
    if not dataset.labelled and st.button("Predict these", type="primary", icon=":material/auto_awesome:"):
        go("predict", data=dataset.id)
version = datasets.get_version(DataRef(dataset=dataset.id))
show_header(dataset, version)
task_panel.is_busy("version", "Making a version", version)
show_tabs(TABS, dataset, version)
