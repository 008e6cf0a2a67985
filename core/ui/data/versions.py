"""The tab “Versions”: all versions of a dataset, and the newest as a download."""

import pandas as pd
import streamlit as st

from core.schemas import DataRef, DatasetRecord, VersionRecord
from core.store import datasets, runs
from core.store.files import folder_size
from core.ui.data.split import describe_split
from core.ui.shell.downloads import download_made_file
from core.ui.shell.page import show_errors
from core.ui.shell.text import list_some, literal, plural, size, time_since

PER_PAGE = 10


def show_versions(dataset: DatasetRecord) -> None:
    """All versions, the newest first, each with its facts and buttons to rename and delete it."""
    known = datasets.list_versions(dataset.id)
    st.caption("A version is imports, recipe and split together. Every run records its own.")
    _offer_download(dataset, datasets.get_version(DataRef(dataset=dataset.id)))
    first = 0
    if len(known) > PER_PAGE:
        first = (st.pagination(-(-len(known) // PER_PAGE), key=f"versions-{dataset.id}") - 1) * PER_PAGE
    used = pd.Series([run.version for run in runs.list_runs(dataset=dataset.id)], dtype="str").value_counts()
    for version in known[first : first + PER_PAGE]:
        _show_version(dataset, version, int(used.get(version.id, 0)), known)


def _show_version(dataset: DatasetRecord, version: VersionRecord, used: int, known: list[VersionRecord]) -> None:
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        newest = " :green-badge[newest]" if version.id == dataset.version else ""
        facts = [plural(version.n, "sample")]
        if version.dropped:
            facts.append(f"{version.dropped:,} left out by cleaning")
        if dataset.labelled:
            facts.append(describe_split(version.split))
            facts += same_test_part(version, known)
        facts += [plural(used, "run"), size(folder_size(datasets.version_folder(dataset.id, version.id)))]
        facts.append(time_since(version.created))
        facts += [literal(version.note)] if version.note else []
        st.markdown(f"**{literal(version.name)}**{newest} `{version.id}`  \n{' · '.join(facts)}", width="stretch")
        with st.popover("Rename", icon=":material/edit:", key=f"rename-{version.id}"):
            name = st.text_input("Name of the version", value=version.name, max_chars=40, key=f"name-{version.id}")
            if st.button("Rename", key=f"renamed-{version.id}"):
                with show_errors():
                    datasets.rename_version(dataset.id, version.id, name)
                    st.rerun()
        if len(known) > 1:
            with st.popover("Delete", icon=":material/delete:", key=f"delete-{version.id}"):
                if used:
                    st.markdown(
                        f"{plural(used, 'run')} used it. Their scores stay; they can't be repeated on the same split."
                    )
                st.markdown("The images and rows themselves stay in the dataset.")
                if st.button("Delete this version", icon=":material/delete:", key=f"really-{version.id}"):
                    with show_errors():
                        datasets.delete_version(dataset.id, version.id)
                        st.rerun()


def _offer_download(dataset: DatasetRecord, version: VersionRecord) -> None:
    """The version that is shown, as a file."""
    what = "images in folders by part and class" if dataset.kind == "image" else "rows as cleaned, with their part"
    box = st.expander("Download this version", icon=":material/download:", on_change="rerun", key="download-version")
    if not box.open:
        return
    with box:
        ending = "zip"
        if dataset.kind == "table":
            ending = st.segmented_control(
                "Format",
                ["csv", "parquet"],
                format_func=str.upper,
                default="csv",
                required=True,
                key="download-format",
            )
        name = f"version.{ending}"
        download_made_file(
            "download",
            version,
            {"name": name},
            name,
            description=f"{literal(version.name)}: {plural(version.n, 'sample')}, {what}.",
            doing="Writing the version",
            file_name=f"{version.dataset}-{version.name}.{ending}",
        )


def same_test_part(version: VersionRecord, known: list[VersionRecord]) -> list[str]:
    """Names the other versions with the same test part: runs on them can be compared."""
    same = [v.name for v in known if v.id != version.id and v.test_hash and v.test_hash == version.test_hash]
    return [f"test part as in {list_some(same, 3)}"] if same else []
