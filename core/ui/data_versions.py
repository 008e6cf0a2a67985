"""The versions of a dataset."""

import pandas as pd
import streamlit as st

from core.schemas import DataRef, DatasetRecord, VersionRecord
from core.store import datasets, runs
from core.store.files import folder_size
from core.ui import take_away
from core.ui.data_split import in_words
from core.ui.gallery import literal
from core.ui.page import telling_errors
from core.ui.words import ago, plural, size

PER_PAGE = 10


def versions(dataset: DatasetRecord) -> None:
    """All versions, the newest first, each with what it is and a way to delete it."""
    known = datasets.list_versions(dataset.id)
    st.caption("A version is imports, cleaning and split together. Every run remembers its own.")
    _download(dataset, datasets.get_version(DataRef(dataset=dataset.id)))
    first = 0
    if len(known) > PER_PAGE:
        first = (st.pagination(-(-len(known) // PER_PAGE), key=f"versions-{dataset.id}") - 1) * PER_PAGE
    used = pd.Series([run.version for run in runs.list_runs(dataset=dataset.id)], dtype="str").value_counts()
    for version in known[first : first + PER_PAGE]:
        _version(dataset, version, int(used.get(version.id, 0)), known)


def _version(dataset: DatasetRecord, version: VersionRecord, used: int, known: list[VersionRecord]) -> None:
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        newest = " :green-badge[newest]" if version.id == dataset.version else ""
        facts = [plural(version.n, "sample")]
        if version.dropped:
            facts.append(f"{version.dropped:,} left out by cleaning")
        if dataset.labelled:
            facts.append(in_words(version.split))
            facts += shared_test(version, known)
        facts += [plural(used, "run"), size(folder_size(datasets.version_folder(dataset.id, version.id)))]
        facts.append(ago(version.created))
        st.markdown(f"**{literal(version.name)}**{newest} `{version.id}`  \n{' · '.join(facts)}", width="stretch")
        with st.popover("Rename", icon=":material/edit:", key=f"rename-{version.id}"):
            name = st.text_input("Name of the version", value=version.name, max_chars=40, key=f"name-{version.id}")
            if st.button("Rename", key=f"renamed-{version.id}"):
                with telling_errors():
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
                    with telling_errors():
                        datasets.delete_version(dataset.id, version.id)
                        st.rerun()


def _download(dataset: DatasetRecord, version: VersionRecord) -> None:
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
        take_away.offer(
            "download",
            version,
            {"name": name},
            name,
            said=f"{literal(version.name)}: {plural(version.n, 'sample')}, {what}.",
            doing="Writing the version",
            file_name=f"{version.dataset}-{version.name}.{ending}",
        )


def shared_test(version: VersionRecord, known: list[VersionRecord]) -> list[str]:
    """Which other versions have the very same test part, in words: runs on them can be compared."""
    same = [literal(v.name) for v in known if v.id != version.id and v.test_hash and v.test_hash == version.test_hash]
    more = f" and {len(same) - 3} more" if len(same) > 3 else ""
    return [f"test part as in {', '.join(same[:3])}{more}"] if same else []
