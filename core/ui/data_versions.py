"""The versions of a dataset."""

import pandas as pd
import streamlit as st

from core.schemas import DatasetRecord, VersionRecord
from core.store import datasets, runs
from core.store.files import folder_size
from core.ui.data_split import in_words
from core.ui.gallery import literal
from core.ui.page import telling_errors
from core.ui.words import ago, plural, size

PER_PAGE = 10


def versions(dataset: DatasetRecord) -> None:
    """All versions, the newest first, each with what it is and a way to delete it."""
    known = datasets.list_versions(dataset.id)
    st.caption("A version is imports, cleaning and split together. Every run remembers its own.")
    first = 0
    if len(known) > PER_PAGE:
        first = (st.pagination(-(-len(known) // PER_PAGE), key=f"versions-{dataset.id}") - 1) * PER_PAGE
    used = pd.Series([run.version for run in runs.list_runs(dataset=dataset.id)], dtype="str").value_counts()
    for version in known[first : first + PER_PAGE]:
        _version(dataset, version, int(used.get(version.id, 0)), len(known) > 1)


def _version(dataset: DatasetRecord, version: VersionRecord, used: int, several: bool) -> None:
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        newest = " :green-badge[newest]" if version.id == dataset.version else ""
        facts = [plural(version.n, "sample")]
        if version.dropped:
            facts.append(f"{version.dropped:,} left out by cleaning")
        if dataset.labelled:
            facts.append(in_words(version.split))
        facts += [plural(used, "run"), size(folder_size(datasets.version_folder(dataset.id, version.id)))]
        facts.append(ago(version.created))
        st.markdown(f"**{literal(version.name)}**{newest} `{version.id}`  \n{' · '.join(facts)}", width="stretch")
        with st.popover("Rename", icon=":material/edit:", key=f"rename-{version.id}"):
            name = st.text_input("Name of the version", value=version.name, max_chars=40, key=f"name-{version.id}")
            if st.button("Rename", key=f"renamed-{version.id}"):
                with telling_errors():
                    datasets.rename_version(dataset.id, version.id, name)
                    st.rerun()
        if several:
            with st.popover("Delete", icon=":material/delete:", key=f"delete-{version.id}"):
                if used:
                    st.markdown(
                        f"{plural(used, 'run')} used it. Their scores stay; they can't be repeated on the same split."
                    )
                st.markdown("The images and rows themselves stay in the dataset.")
                if st.button("Delete this version", icon=":material/delete:", key=f"really-{version.id}"):
                    with telling_errors():
                        datasets.delete_version(dataset.id, version.id)
                        st.rerun()
