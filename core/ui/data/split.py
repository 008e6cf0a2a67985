"""The tab “Split”: training, validation and test part, the folds, and the form for another split."""

import pandas as pd
import streamlit as st

from core.charts.classes import class_bars, fold_bars
from core.data.splitting import fold_numbers
from core.data.tables.row_times import time_columns
from core.data.tables.schema import load_schema
from core.errors import InputError
from core.schemas import PARTS, DatasetRecord, Split, VersionRecord
from core.store import datasets
from core.ui.data import version_making
from core.ui.shell.charts import draw
from core.ui.shell.gallery import version_samples
from core.ui.shell.page import show_error
from core.ui.shell.tables import show_table
from core.ui.shell.text import literal, plural

MANY_CLASSES = 12


def show_split(dataset: DatasetRecord, version: VersionRecord) -> None:
    """A bar per class, the counts of each part, the form for a new split, and the folds."""
    left, right = st.columns([3, 2], gap="medium")
    with left:
        draw(
            class_bars(version.counts, version.classes),
            f"split-{version.id}",
            "Samples per class, stacked by part.",
            tall=len(version.classes) > MANY_CLASSES,
        )
        show_table(count_parts(version))
    with right:
        _show_split_form(dataset, version)
    box = st.expander("Folds", icon=":material/view_column:", key=f"folds-{version.id}", on_change="rerun")
    if box.open:
        with box:
            _show_folds(version)


def count_parts(version: VersionRecord) -> pd.DataFrame:
    """Samples per class and part with their sums: Class, one column a part, All."""
    counts = pd.DataFrame({part: version.counts[part] for part in PARTS if part in version.counts})
    counts = counts.reindex(list(version.classes)).fillna(0).astype("int64")
    counts.loc["All classes"] = counts.sum()
    counts["all"] = counts.sum(axis=1)
    return counts.rename(columns=str.capitalize).rename_axis("Class").reset_index()


def describe_split(of: Split) -> str:
    """“60/20/20, seed 0”."""
    shares = "/".join(f"{100 * share:.0f}" for share in (of.train, of.validation, of.test))
    if of.given:
        return f"as the folders say, the rest {shares}, seed {of.seed}"
    if of.test_ids:
        return f"{shares}, seed {of.seed}, test part given as {plural(len(of.test_ids), 'name')}"
    return f"{shares} by {literal(of.time)}, the newest last" if of.time else f"{shares}, seed {of.seed}"


def _show_split_form(dataset: DatasetRecord, version: VersionRecord) -> None:
    now = version.split
    with st.form(f"split-form-{version.id}"):
        st.markdown(f"**Divided {describe_split(now)}**  \n{_describe_grouping(dataset, now)}")
        validation_help = "These samples choose the best epoch. The training part is what validation and test leave."
        test_help = "These samples are held out to judge a run. More of them give narrower intervals."
        validation = _choose_percent("Validation share (%)", now.validation, validation_help)
        test = _choose_percent("Test share (%)", now.test, test_help)
        seed = st.number_input(
            "Seed",
            min_value=0,
            max_value=2**31 - 1,
            value=now.seed,
            step=1,
            help="The split is drawn with this seed; equal seeds give equal splits.",
        )
        time = _choose_time(dataset, now)
        given = any(known.split.given for known in datasets.list_versions(dataset.id)) and st.checkbox(
            "As the folders say",
            value=now.given,
            help="Images from `train`, `validation` and `test` folders stay in that part. The shares apply to"
            " the rest.",
        )
        st.caption(
            "A new split is a new version with other test samples. Runs are compared on the test samples they share,"
            " which may be few: train again on the new version, or keep to the old one, which is not changed."
        )
        if st.form_submit_button("Make this split", icon=":material/call_split:"):
            if validation + test >= 100:
                st.error("Validation and test leave nothing to train on.  \nMake one of them smaller.")
                return
            shares = {"train": (100 - validation - test) / 100, "validation": validation / 100, "test": test / 100}
            wanted = Split(**shares, seed=int(seed), given=given, time=time)
            version_making.make_new_version(version, version.recipe, "divided anew", wanted)


def _choose_percent(label: str, share: float, help_text: str) -> int:
    return st.number_input(label, 5, 60, round(100 * share), 5, help=help_text)


def _describe_grouping(dataset: DatasetRecord, now: Split) -> str:
    group = None
    if dataset.kind == "table" and dataset.imports:
        group = load_schema(datasets.import_folder(dataset.id, dataset.current_imports().imports[0].number)).group
    alike = "Older rows are for training, newer ones for testing," if now.time else "Stratified by class,"
    return f"{alike} and duplicates are kept together" + (
        f", so are rows with the same “{literal(group)}”." if group else "."
    )


def _choose_time(dataset: DatasetRecord, now: Split) -> str:
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
            help="A column of dates or numbers: the newest rows are the test part, those before them validation,"
            " older ones training. Rows of one time stay together; rows without a time are for training.",
        )
        or ""
    )


@st.cache_data(max_entries=8, show_spinner=False)
def _time_columns(dataset_id: str, n_imports: int) -> list[str]:
    del n_imports  # with another import there may be other columns
    dataset = datasets.get_dataset(dataset_id)
    return time_columns(datasets.import_folder(dataset.id, dataset.current_imports().imports[0].number))


def _show_folds(version: VersionRecord) -> None:
    """The folds of a cross-validated run with this seed."""
    st.caption(
        "A run with folds trains once per fold and tests every sample once; duplicates and groups are in one fold."
        " Folds are drawn with the run's seed from all parts"
        + (", regardless of time." if version.split.time else ".")
    )
    with st.container(horizontal=True):
        k = st.number_input("Folds", 2, 20, 5, key=f"folds-k-{version.id}", width=150)
        seed = st.number_input("Seed of the run", 0, 2**31 - 1, 0, key=f"folds-seed-{version.id}", width=200)
    samples = version_samples(version.dataset, version.id)
    try:
        fold = fold_numbers(samples, int(k), int(seed))
    except InputError as error:
        show_error(error)
        return
    counts = pd.crosstab(samples["label"].to_numpy(), fold).reindex(list(version.classes), fill_value=0)
    draw(
        fold_bars({str(name): row.tolist() for name, row in counts.iterrows()}),
        f"folds-chart-{version.id}",
        "Test samples of each fold, by class.",
    )
