"""Data: what a dataset holds, what is wrong with it, how it is divided, and its versions."""

from collections.abc import Callable

import streamlit as st

from core.errors import NotFoundError
from core.schemas import DataRef, DatasetRecord, VersionRecord
from core.store import datasets
from core.ui import (
    data_augment,
    data_clean,
    data_domain,
    data_findings,
    data_growth,
    data_manage,
    data_map,
    data_overview,
    data_split,
    data_versions,
    version_making,
)
from core.ui.gallery import literal
from core.ui.page import empty, go, guard, show_error, telling_errors
from core.ui.words import plural, size

guard("data")

PICKED = "data-dataset"
STRIP = 10


def pick_dataset() -> DatasetRecord:
    """The dataset to show. The address says which (`?dataset=ID`), so that a view can be sent to a colleague."""
    known = {dataset.id: dataset for dataset in datasets.list_datasets()}
    if not known:
        empty(
            "There is no data yet. Bring images or a table, or try a sample; here you will see what it holds.",
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
        on_change=lambda: st.query_params.update(dataset=st.session_state[PICKED]),
        label_visibility="collapsed",
        width="stretch",
    )
    return known[chosen]


def header(dataset: DatasetRecord, version: VersionRecord) -> None:
    """What the dataset is, in one line, and one picture of each class."""
    facts = [
        plural(version.n, "image" if dataset.kind == "image" else "row"),
        plural(len(version.classes), "class", "classes") if dataset.labelled else "unlabelled, so not for training",
        f"version {literal(version.name)}",
        f"{size(datasets.dataset_size(dataset.id))} on disk",
        data_findings.in_words(version),
    ]
    st.caption(" · ".join(facts))
    if dataset.kind == "image":
        data_overview.strip(dataset, version, STRIP)


def show_tabs(rooms: dict[str, Callable[[], None]]) -> None:
    """Tabs of which only the open one runs; which one that is stands in the address."""
    for tab, room in zip(st.tabs(list(rooms), key="tab", bind="query-params"), rooms.values(), strict=True):
        if tab.open:
            with tab, telling_errors():
                room()


st.title("Data", anchor=False)
with st.container(horizontal=True, vertical_alignment="bottom"):
    dataset = pick_dataset()
    if dataset.labelled and st.button("Train on this", type="primary", icon=":material/model_training:"):
        go("train", dataset=dataset.id)
version = datasets.get_version(DataRef(dataset=dataset.id))
header(dataset, version)
version_making.at_work(version)
rooms: dict[str, Callable[[], None]] = {
    "Overview": lambda: data_overview.overview(dataset, version),
    "Findings": lambda: data_findings.findings(dataset, version),
    "Map": lambda: data_map.embedding_map(dataset, version),
    "Clean": lambda: data_clean.clean(dataset, version),
    "Augment": lambda: data_augment.augment(dataset, version),
    "Split": lambda: data_split.split(dataset, version),
    "Domain": lambda: data_domain.domain(dataset, version),
    "How many more?": lambda: data_growth.growth(dataset, version),
    "Versions": lambda: data_versions.versions(dataset),
    "Manage": lambda: data_manage.manage(dataset),
}
if dataset.kind != "image":
    del rooms["Map"], rooms["Augment"], rooms["How many more?"]
if not dataset.labelled:
    for room in ("Clean", "Augment", "Split", "How many more?"):
        rooms.pop(room, None)
show_tabs(rooms)
