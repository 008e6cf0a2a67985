"""The tab “Manage”: adding to a dataset, renaming and deleting it, and the space it takes."""

import streamlit as st

from core.schemas import DatasetRecord
from core.store import datasets, runs
from core.ui.data.rereading import show_readings
from core.ui.shell import importing, uploads
from core.ui.shell.page import go, show_errors
from core.ui.shell.text import literal, plural, size, time_since


def show_management(dataset: DatasetRecord) -> None:
    """Add, rename, delete, side by side."""
    left, right = st.columns(2, gap="medium")
    with left:
        with st.container(border=True):
            _show_import(dataset)
        if dataset.imports:
            with st.container(border=True):
                show_readings(dataset)
    with right:
        with st.container(border=True):
            _show_name(dataset)
        with st.container(border=True):
            _show_space(dataset)


def _show_import(dataset: DatasetRecord) -> None:
    images = dataset.kind == "image"
    st.markdown(f"#### Add {'images' if images else 'rows'}")
    shape = "A ZIP or TAR with one folder per class" if images else "A table with the same columns"
    if images and not dataset.labelled:
        shape = "A ZIP or TAR of images"
    st.caption(f"{shape} becomes another import and a new version. Existing versions do not change.")
    slot = f"more-{dataset.id}"
    label = "ZIP or TAR of images" if images else "Table"
    path = uploads.upload_field(slot, label, importing.ARCHIVE_TYPES if images else importing.TABLE_TYPES)
    importing.show_imports()
    if path:
        importing.import_upload(path, slot, into=dataset.id)
    imports = [
        f"- {literal(record.source)}: {plural(record.n, 'sample')}, {time_since(record.created)}"
        for record in dataset.imports
    ]
    st.markdown("Imports so far:\n" + "\n".join(imports))


def _show_name(dataset: DatasetRecord) -> None:
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
            with show_errors():
                datasets.rename_dataset(dataset.id, name)
                st.rerun()
    st.caption(
        f"In a shell it is `{dataset.id}`" + (f", licence {literal(dataset.licence)}" if dataset.licence else "")
    )


def _show_space(dataset: DatasetRecord) -> None:
    space = size(datasets.dataset_size(dataset.id))
    st.markdown("#### Space and deletion")
    st.markdown(f"{space} on disk, all imports, their originals and versions together.")
    with st.popover("Delete the dataset", icon=":material/delete:", key=f"delete-{dataset.id}"):
        used = runs.list_runs(dataset=dataset.id)
        versions = plural(len(datasets.list_versions(dataset.id)), "version")
        st.markdown(
            f"**{literal(dataset.name)}** with {plural(dataset.n, 'sample')} and {versions} will be deleted;"
            f" {space} become free."
        )
        if used:
            st.markdown(
                f"{plural(len(used), 'run')} used it. Scores and models stay, but their test samples can no longer"
                " be shown."
            )
        unfinished = [run for run in used if run.state == "queued" or run.active]
        if unfinished:
            st.warning(
                f"“{literal(unfinished[0].name)}” is at work on it.  \nCancel it first.", icon=":material/warning:"
            )
        if st.button("Delete for good", icon=":material/delete:", disabled=bool(unfinished)):
            with show_errors():
                datasets.delete_dataset(dataset.id)
                go("data")
