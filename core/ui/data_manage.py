"""Adding to a dataset, renaming and deleting it, and the space it takes."""

import streamlit as st

from core.schemas import DatasetRecord
from core.store import datasets, runs
from core.ui import importing, uploads
from core.ui.gallery import literal
from core.ui.page import go, telling_errors
from core.ui.words import ago, plural, size


def manage(dataset: DatasetRecord) -> None:
    """Add, rename, delete, side by side."""
    left, right = st.columns(2, gap="medium")
    with left, st.container(border=True):
        _add(dataset)
    with right:
        with st.container(border=True):
            _rename(dataset)
        with st.container(border=True):
            _space(dataset)


def _add(dataset: DatasetRecord) -> None:
    images = dataset.kind == "image"
    st.markdown(f"#### Add {'images' if images else 'rows'}")
    shape = "A ZIP or TAR with one folder per class" if images else "A table with the same columns"
    if images and not dataset.labelled:
        shape = "A ZIP or TAR of images"
    st.caption(f"{shape} becomes a further import and a new version. What is there stays as it is.")
    slot = f"more-{dataset.id}"
    label = "ZIP or TAR of images" if images else "Table"
    path = uploads.upload(slot, label, importing.ARCHIVE_TYPES if images else importing.TABLE_TYPES)
    importing.at_work()
    if path:
        try:
            importing.bring_in(path, slot=slot, into=dataset.id)
        finally:
            uploads.discard(slot)
    imports = [
        f"- {literal(record.source)}: {plural(record.n, 'sample')}, {ago(record.created)}"
        for record in dataset.imports
    ]
    st.markdown("Imports so far:\n" + "\n".join(imports))


def _rename(dataset: DatasetRecord) -> None:
    st.markdown("#### Name")
    with st.form(f"rename-{dataset.id}", border=False):
        name = st.text_input(
            "Name",
            value=dataset.name,
            max_chars=80,
            label_visibility="collapsed",
            help="The name shown everywhere. Data addresses may use it or the id, which stays.",
        )
        if st.form_submit_button("Rename", icon=":material/edit:"):
            with telling_errors():
                datasets.rename_dataset(dataset.id, name)
                st.rerun()
    st.caption(
        f"In a shell it is `{dataset.id}`" + (f", licence {literal(dataset.licence)}" if dataset.licence else "")
    )


def _space(dataset: DatasetRecord) -> None:
    space = size(datasets.dataset_size(dataset.id))
    st.markdown("#### Space and deletion")
    st.markdown(f"{space} on disk, all imports and versions together.")
    with st.popover("Delete the dataset", icon=":material/delete:", key=f"delete-{dataset.id}"):
        _confirm(dataset, space)


def _confirm(dataset: DatasetRecord, space: str) -> None:
    used = runs.list_runs(dataset=dataset.id)
    versions = plural(len(datasets.list_versions(dataset.id)), "version")
    st.markdown(
        f"**{literal(dataset.name)}** with {plural(dataset.n, 'sample')} and {versions} will be gone;"
        f" {space} become free."
    )
    if used:
        st.markdown(
            f"{plural(len(used), 'run')} used it. Scores and models stay, but what they were judged on can no longer"
            " be shown."
        )
    at_work = [run for run in used if run.state == "queued" or run.active]
    if at_work:
        st.warning(f"“{literal(at_work[0].name)}” is at work on it.  \nCancel it first.", icon=":material/warning:")
    if st.button("Delete for good", icon=":material/delete:", disabled=bool(at_work)):
        with telling_errors():
            datasets.delete_dataset(dataset.id)
            go("data")
