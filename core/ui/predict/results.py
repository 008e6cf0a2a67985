"""The results of a prediction: a card per picture, a table of all, and samples to add to the dataset."""

from collections import Counter
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from core.data.images.store import ImageStore
from core.evaluation.intervals import wilson
from core.evaluation.scores import format_interval
from core.inference.predicting.record import Outcome, read_cells, read_prediction
from core.inference.predicting.sending import add_to_dataset
from core.jobs import tasks
from core.schemas import DatasetRecord, RunRecord
from core.ui.shell import gallery, task_panel
from core.ui.shell.downloads import download_csv
from core.ui.shell.explanation import explain_prediction
from core.ui.shell.page import show_errors
from core.ui.shell.text import literal, plural, shorten

CARD = 232  # pixels; one fits on the narrowest phone, six beside each other on a wide screen
FIRST = 12
MOST = 120  # cards; the rest is in the table
TOP = 3
DOING = "Predicting"


def show_results(run: RunRecord, dataset: DatasetRecord) -> None:
    """The results of the task in the address, or its progress; without one, what will be here."""
    task_id = st.query_params.get("task")
    if task_id:
        with show_errors():
            if task_panel.show_task(task_id, DOING) and tasks.get_task(task_id).params["run"] == run.id:
                _show_outcome(task_id, dataset)
            return
    noun = "picture" if dataset.kind == "image" else "row"
    classes = ", ".join(literal(name) for name in dataset.classes[:6]) + ("…" if len(dataset.classes) > 6 else "")
    st.info(
        f"Here each {noun} gets its three most probable of {len(dataset.classes)} classes ({classes}), the confidence"
        " of the model, and a mark when it is out-of-distribution: unlike the training data.",
        icon=":material/auto_awesome:",
    )


@st.cache_data(max_entries=16, show_spinner=False)
def _read_outcome(task_id: str, folder: str) -> tuple[Outcome, pd.DataFrame]:
    return read_prediction(task_id)


def _show_outcome(task_id: str, dataset: DatasetRecord) -> None:
    outcome, table = _read_outcome(task_id, str(tasks.task_folder(task_id)))
    _show_skipped(outcome)
    for note in outcome.notes:
        st.caption(f":material/info: {literal(note)}")
    _show_summary(outcome, table)
    if outcome.kind == "image":
        _show_cards(task_id, outcome, table, dataset)
    chosen = _show_table(task_id, outcome, table)
    if chosen is not None and outcome.kind == "table":
        with st.container(border=True, width=420):
            st.markdown(f"**{literal(str(table['file'][chosen]))}**")
            _show_prediction(outcome, table, chosen)
    _show_pending(task_id, dataset)
    _explain_numbers(outcome, dataset)


def _show_skipped(outcome: Outcome) -> None:
    if not outcome.skipped:
        return
    named = "  \n".join(f"{literal(s.path)}: {literal(s.reason)}" for s in outcome.skipped[:5])
    more = f"  \nand {len(outcome.skipped) - 5:,} more" if len(outcome.skipped) > 5 else ""
    st.warning(f"Left out: {plural(len(outcome.skipped), 'file')}.  \n{named}{more}", icon=":material/warning:")


def _show_summary(outcome: Outcome, table: pd.DataFrame) -> None:
    counts = table["predicted"].value_counts()
    shown = ", ".join(f"{literal(str(name))} {n:,}" for name, n in counts.head(6).items())
    noun = "picture" if outcome.kind == "image" else "row"
    unlike = int(table["unlike"].fillna(False).sum())
    far = f" · {unlike:,} unlike the training data" if unlike else ""
    given = f"{literal(outcome.given)} · " if outcome.given else ""
    st.markdown(f"{given}**{plural(outcome.n, noun)}:** {shown}{far}")
    if outcome.n_known:
        by = "their folders" if outcome.kind == "image" else f"“{literal(outcome.known_by)}” in the file"
        share = format_interval(outcome.n_right / outcome.n_known, *wilson(outcome.n_right, outcome.n_known))
        st.markdown(
            f"**{outcome.n_right:,} of {outcome.n_known:,} right** by {by}: {share}. If the run was trained"
            f" on these {noun}s, that says little."
        )


def _describe_scaling(outcome: Outcome) -> str:
    if outcome.scaling is None:  # predicted by an earlier version
        return f"Confidence is calibrated by a temperature of {outcome.temperature:.2f}."
    guess = (
        " So few make it a guess: Evaluate shows its calibration error with an interval."
        if outcome.scaling.is_guess
        else ""
    )
    return (
        f"Confidence is calibrated by {outcome.scaling.describe()}, fitted on the run's {outcome.scaling.n:,}"
        f" validation samples (Guo et al. 2017).{guess}"
    )


def _explain_numbers(outcome: Outcome, dataset: DatasetRecord) -> None:
    """A fold that explains the numbers."""
    noun = "images" if dataset.kind == "image" else "rows"
    with st.expander("How to read this", icon=":material/help:"):
        if outcome.temperature is None:
            st.markdown(f"Confidence is not calibrated. {outcome.uncalibrated}")
        else:
            st.markdown(_describe_scaling(outcome))
        if outcome.threshold is None:
            st.markdown(literal(outcome.unjudged))
        else:
            st.markdown(
                "Unlike the training data (out-of-distribution): farther from its fifth nearest training or"
                f" validation sample than {outcome.quantile:.0%} of those {noun} are from theirs, copies left out"
                f" (Sun et al. 2022). So about {1 - outcome.quantile:.0%} of ordinary {noun} are flagged as well. A"
                " model can be confident where none of its classes fits: there its confidence has no meaning."
            )


def _show_cards(task_id: str, outcome: Outcome, table: pd.DataFrame, dataset: DatasetRecord) -> None:
    shown = min(len(table), FIRST)
    if len(table) > FIRST:
        most = min(len(table), MOST)
        label = f"Show all {most:,}" if most == len(table) else f"Show {most:,} of {len(table):,}; all are below"
        shown = most if st.toggle(label, key=f"cards-{task_id}") else FIRST
    store = ImageStore(tasks.task_folder(task_id))
    with st.container(horizontal=True, gap="small"):
        for row in range(shown):
            with st.container(border=True, width=CARD, gap="xsmall"):
                picture = _thumbnail(store, str(tasks.task_folder(task_id)), row)
                st.image(picture, width=gallery.tile_width(picture, CARD - 34), alt=str(table["file"][row]))
                st.caption(literal(shorten(str(table["file"][row]).rpartition("/")[2], 26)))
                _show_prediction(outcome, table, row)
                predicted, nearest = str(table["predicted"][row]), list(table["nearest"][row])
                explain_prediction(task_id, row, predicted, nearest, outcome.run, dataset)
                _show_class_field(task_id, outcome, row)


@st.cache_data(max_entries=1_000, show_spinner=False)
def _thumbnail(_store: ImageStore, folder: str, row: int) -> bytes:
    return _store.thumbnail(row, 2 * CARD)


def _show_prediction(outcome: Outcome, table: pd.DataFrame, row: int) -> None:
    """The most probable classes as bars, and the mark of an out-of-distribution sample."""
    p = table.loc[row, [f"calibrated:{name}" for name in outcome.classes]].to_numpy("float64")
    for place in np.argsort(-p, kind="stable")[:TOP]:
        name = literal(shorten(outcome.classes[place], 20))
        st.progress(float(min(1.0, p[place])), text=f"{name} · {p[place]:.0%}")
    if table["unlike"].fillna(False)[row]:
        st.markdown(":orange-badge[:material/warning: unlike the training data]")


def _show_table(task_id: str, outcome: Outcome, table: pd.DataFrame) -> int | None:
    """All results; selected ones can be given a class together. Returns the first selected place, or None."""
    shown = table[["file", "predicted", "confidence", "unlike"]]
    if outcome.kind == "table":
        cells = read_cells(tasks.task_folder(task_id))
        shown = shown.join(cells.rename(columns={c: f"{c} (column)" for c in cells.columns if c in shown.columns}))
    if table["unlike"].isna().all():
        shown = shown.drop(columns="unlike")
    state: Any = st.dataframe(
        shown,
        hide_index=True,
        key=f"results-{task_id}",
        on_select="rerun",
        selection_mode="multi-row",
        column_config={
            "file": "picture" if outcome.kind == "image" else "row",
            "confidence": st.column_config.ProgressColumn(
                "confidence", format="percent", min_value=0, max_value=1, color="auto"
            ),
            "unlike": st.column_config.CheckboxColumn("unlike training"),
        },
    )
    rows = [row for row in state.selection.rows if row not in _sent_rows(task_id)]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        download_csv(
            "Download CSV", lambda: table.drop(columns="nearest").to_csv(index=False), f"{outcome.run}-predicted.csv"
        )
        if rows:
            start = outcome.classes.index(str(table["predicted"][rows[0]]))
            label = st.selectbox("Their class", outcome.classes, index=start, key=f"all-{task_id}", width=220)
            if st.button(f"Give it to {plural(len(rows), 'selected one')}", icon=":material/label:"):
                _given_classes(task_id).update(dict.fromkeys(rows, label))
        else:
            st.caption("Select rows to add them to the dataset.")
    return state.selection.rows[0] if state.selection.rows else None


def _given_classes(task_id: str) -> dict[int, str]:
    """Place among the predictions → the class that a person gave it, to be added to the dataset."""
    classes: dict[int, str] = st.session_state.setdefault(f"adding-{task_id}", {})
    return classes


def _sent_rows(task_id: str) -> set[int]:
    """Places of the predictions that were added."""
    rows: set[int] = st.session_state.setdefault(f"added-{task_id}", set())
    return rows


def _show_class_field(task_id: str, outcome: Outcome, row: int) -> None:
    """A field for the class under which a sample is added."""
    if row in _sent_rows(task_id):
        st.caption(":material/check: in the dataset")
        return
    key = f"class-{task_id}-{row}"

    def keep() -> None:
        if st.session_state[key] is None:
            _given_classes(task_id).pop(row, None)
        else:
            _given_classes(task_id)[row] = st.session_state[key]

    st.selectbox(
        "Add to the dataset as",
        outcome.classes,
        index=None,
        key=key,
        on_change=keep,
        placeholder="Add to the dataset as",
        label_visibility="collapsed",
    )


def _show_pending(task_id: str, dataset: DatasetRecord) -> None:
    """What has been given a class and is not yet added."""
    chosen = _given_classes(task_id)
    if not chosen:
        return
    counts = ", ".join(f"{literal(name)} {n:,}" for name, n in Counter(chosen.values()).most_common(6))
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        st.markdown(f"To be added: {counts}.", width="stretch")
        if st.button(f"Add to {literal(dataset.name)}", type="primary", icon=":material/add:", key="send"):
            with show_errors():
                made = add_to_dataset(task_id, chosen)
                _sent_rows(task_id).update(chosen)
                chosen.clear()
                st.toast(f"{literal(dataset.name)} has a new version, {literal(made.version.name)}.")
                st.rerun()
        if st.button("Forget", icon=":material/close:", key="forget"):
            for row in chosen:
                st.session_state.pop(f"class-{task_id}-{row}", None)
            chosen.clear()
            st.rerun()
