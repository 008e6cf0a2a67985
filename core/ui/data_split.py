"""How a dataset is divided: its parts, its folds, and a way to divide it anew."""

import pandas as pd
import streamlit as st

from core import charts
from core.data.splitting import fold_numbers
from core.data.tables.row_times import time_columns
from core.data.tables.schema import load_schema
from core.errors import InputError
from core.schemas import PARTS, DatasetRecord, Split, VersionRecord
from core.store import datasets
from core.ui import version_making
from core.ui.data_overview import samples_of
from core.ui.gallery import literal
from core.ui.page import show_error
from core.ui.words import plural

CHART = {"displayModeBar": False}
MANY_CLASSES = 12


def split(dataset: DatasetRecord, version: VersionRecord) -> None:
    """A bar per class and part, the counts, the settings of a new split, and what folds would be."""
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
    box = st.expander("Folds", icon=":material/view_column:", key=f"folds-{version.id}", on_change="rerun")
    if box.open:
        with box:
            _folds(version)


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
    if of.test_ids:
        return f"{shares}, seed {of.seed}, test part given as {plural(len(of.test_ids), 'name')}"
    return f"{shares} by {literal(of.time)}, the newest last" if of.time else f"{shares}, seed {of.seed}"


def _new_split(dataset: DatasetRecord, version: VersionRecord) -> None:
    now = version.split
    with st.form(f"split-form-{version.id}"):
        st.markdown(f"**Divided {in_words(now)}**  \n{_kept_together(dataset, now)}")
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
        time = _time(dataset, now)
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
            if validation + test >= 100:
                st.error("Validation and test leave nothing to train on.  \nMake one of them smaller.")
                return
            shares = {"train": (100 - validation - test) / 100, "validation": validation / 100, "test": test / 100}
            wanted = Split(**shares, seed=int(seed), given=given, time=time)
            version_making.make(version, version.recipe, "divided anew", wanted)


def _kept_together(dataset: DatasetRecord, now: Split) -> str:
    group = None
    if dataset.kind == "table" and dataset.imports:
        group = load_schema(datasets.import_folder(dataset.id, dataset.imports[0].number)).group
    alike = "Older rows teach, newer ones judge," if now.time else "Each class alike,"
    return f"{alike} and duplicates are kept together" + (
        f", so are rows with the same “{literal(group)}”." if group else "."
    )


def _time(dataset: DatasetRecord, now: Split) -> str:
    """The column to divide by, empty for a division at random."""
    columns = _time_columns(dataset.id, len(dataset.imports)) if dataset.kind == "table" else []
    if not columns:
        return ""
    return (
        st.selectbox(
            "Divide by time",
            columns,
            columns.index(now.time) if now.time in columns else None,
            placeholder="At random",
            help="A column of dates or numbers: the newest rows are the test part, those before them validation, and"
            " older ones teach. Rows of one time stay together; those without one teach.",
        )
        or ""
    )


@st.cache_data(max_entries=8, show_spinner=False)
def _time_columns(dataset_id: str, n_imports: int) -> list[str]:
    del n_imports  # with another import there may be other columns
    dataset = datasets.get_dataset(dataset_id)
    return time_columns(datasets.import_folder(dataset.id, dataset.imports[0].number))


def _folds(version: VersionRecord) -> None:
    """The folds that a cross-validated run with this seed would have."""
    st.caption(
        "A run with folds trains once a fold and judges every sample once, duplicates and groups on one side. Folds"
        " are drawn with the run's seed from all parts" + (", whatever the time." if version.split.time else ".")
    )
    with st.container(horizontal=True):
        k = st.number_input("Folds", 2, 20, 5, key=f"folds-k-{version.id}", width=150)
        seed = st.number_input("Seed of the run", 0, 2**31 - 1, 0, key=f"folds-seed-{version.id}", width=200)
    samples = samples_of(version.dataset, version.id)
    try:
        fold = fold_numbers(samples, int(k), int(seed))
    except InputError as error:
        show_error(error)
        return
    counts = pd.crosstab(samples["label"].to_numpy(), fold).reindex(list(version.classes), fill_value=0)
    st.plotly_chart(
        charts.fold_bars({str(name): row.tolist() for name, row in counts.iterrows()}),
        key=f"folds-chart-{version.id}",
        config=CHART,
        alt="Samples that each fold judges, by class.",
    )
