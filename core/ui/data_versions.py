"""How a dataset is divided, and the versions it has."""

import pandas as pd
import streamlit as st

from core import charts
from core.schemas import PARTS, DatasetRecord, Split, VersionRecord
from core.store import datasets, runs
from core.store.files import folder_size
from core.ui import version_making
from core.ui.gallery import literal
from core.ui.page import telling_errors
from core.ui.words import ago, plural, size

CHART = {"displayModeBar": False}
MANY_CLASSES = 12
PER_PAGE = 10


def split(dataset: DatasetRecord, version: VersionRecord) -> None:
    """A bar per class and part, the counts, and the settings of a new split."""
    left, right = st.columns([3, 2], gap="medium")
    with left:
        many = len(version.classes) > MANY_CLASSES
        with st.container(height=460 if many else "content", border=False):
            st.plotly_chart(
                charts.class_bars(version.counts, version.classes),
                key=f"split-{version.id}",
                config=CHART,
                alt="Samples per class, stacked by part.",
            )
        st.dataframe(part_counts(version), hide_index=True)
    with right:
        _new_split(dataset, version)


def part_counts(version: VersionRecord) -> pd.DataFrame:
    """Samples per class and part with their sums: Class, one column a part, All."""
    counts = pd.DataFrame({part: version.counts[part] for part in PARTS if part in version.counts})
    counts = counts.reindex(list(version.classes)).fillna(0).astype("int64")
    counts.loc["All classes"] = counts.sum()
    counts["all"] = counts.sum(axis=1)
    return counts.rename(columns=str.capitalize).rename_axis("Class").reset_index()


def in_words(of: Split) -> str:
    """“60/20/20, seed 0”."""
    shares = "/".join(f"{100 * share:.0f}" for share in (of.train, of.validation, of.test))
    if of.given:
        return f"as the folders say, the rest {shares}, seed {of.seed}"
    listed = f", test part given as {plural(len(of.test_ids), 'name')}" if of.test_ids else ""
    return f"{shares}, seed {of.seed}{listed}"


def _new_split(dataset: DatasetRecord, version: VersionRecord) -> None:
    now = version.split
    with st.form(f"split-form-{version.id}"):
        st.markdown(f"**Divided {in_words(now)}**  \nEach class alike, and duplicates are kept together.")
        validation = st.number_input(
            "Validation share (%)",
            min_value=5,
            max_value=60,
            value=round(100 * now.validation),
            step=5,
            help="These samples choose the best epoch. Training gets what validation and test leave over.",
        )
        test = st.number_input(
            "Test share (%)",
            min_value=5,
            max_value=60,
            value=round(100 * now.test),
            step=5,
            help="These samples judge a run and are used for nothing else. More of them give narrower intervals.",
        )
        seed = st.number_input(
            "Seed",
            min_value=0,
            max_value=2**31 - 1,
            value=now.seed,
            step=1,
            help="Which samples go where is drawn with this number; equal seeds give equal splits.",
        )
        given = any(known.split.given for known in datasets.list_versions(dataset.id)) and st.checkbox(
            "As the folders say",
            value=now.given,
            help="Images that came in `train`, `validation` and `test` folders stay in that part. The shares divide"
            " only what no folder places.",
        )
        st.caption(
            "A new split is a new version with other test samples. Only runs judged on the same test samples can be"
            " compared: train again on the new version, or go on with the old one, which stays."
        )
        if st.form_submit_button("Make this split", icon=":material/call_split:"):
            _make(dataset, version, int(validation), int(test), int(seed), given)


def _make(dataset: DatasetRecord, version: VersionRecord, validation: int, test: int, seed: int, given: bool) -> None:
    if validation + test >= 100:
        st.error("Validation and test leave nothing to train on.  \nMake one of them smaller.")
        return
    train = 100 - validation - test
    wanted = Split(train=train / 100, validation=validation / 100, test=test / 100, seed=seed, given=given)
    version_making.make(version, version.recipe, "divided anew", wanted)


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
