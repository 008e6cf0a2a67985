"""What the Predict page shows: ways to give pictures or a table, a card a picture, and the table of all results."""

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from core.data.files.packed import ENDINGS, SUFFIXES
from core.data.files.table_files import TABLE_SUFFIXES
from core.data.images.store import ImageStore
from core.inference.predicting.record import Outcome, read, read_cells
from core.inference.predicting.sending import send
from core.jobs import tasks
from core.schemas import DatasetRecord, RunRecord
from core.ui import explanation, gallery, version_task
from core.ui.gallery import literal, short
from core.ui.page import telling_errors
from core.ui.uploads import discard, photograph, upload
from core.ui.words import plural

CARD = 232  # pixels; one fits on the narrowest phone, six beside each other on a wide screen
FIRST = 12
MOST = 120  # cards; the rest stands in the table
TOP = 3
DOING = "Predicting"
PICTURES = [ending.removeprefix(".") for ending in (*SUFFIXES, *ENDINGS)]
TABLES = [ending.removeprefix(".") for ending in TABLE_SUFFIXES]


def give(run: RunRecord, dataset: DatasetRecord) -> None:
    """The ways in. What is given is on its way to be predicted at once."""
    if dataset.kind == "table":
        path = upload("predict-table", "A table with the columns that the run was trained on", TABLES)
        if path:
            _start(run, "predict-table", path, [path])
        return
    left, right = st.columns([3, 2], gap="medium")
    with left:
        folder = upload("predict-pictures", "Pictures, or a ZIP of them", PICTURES, several=True)
        if folder:
            _start(run, "predict-pictures", folder, sorted(p for p in folder.rglob("*") if p.is_file()))
    with right:
        box = st.expander("Camera", icon=":material/photo_camera:", key="predict-camera", on_change="rerun")
        if box.open:
            with box:
                picture = photograph("predict-photo", "Camera")
                st.caption("A browser lends its camera only to a page served by HTTPS or from this very machine.")
                if picture:
                    _start(run, "predict-photo", picture, [picture])


def _start(run: RunRecord, slot: str, uploaded: Path, paths: list[Path]) -> None:
    """Hand what was given to a task, which removes it in the end."""
    folder = next(p for p in (uploaded, *uploaded.parents) if p.parent.name == "uploads")
    with telling_errors():
        task = tasks.start(
            "predict", f"Prediction by {run.name}", run=run.id, paths=[str(p) for p in paths], uploaded=str(folder)
        )
        st.session_state.pop(f"{slot}-file", None)
        st.query_params["task"] = task.id
        st.rerun()
    discard(slot)


def results(run: RunRecord, dataset: DatasetRecord) -> None:
    """What the task in the address has found, or how far it is; without one, what will be here."""
    task_id = st.query_params.get("task")
    if task_id:
        with telling_errors():
            task = tasks.get(task_id)
            if not task.ended:
                st.fragment(version_task.watch, run_every=0.3)(task_id, DOING)
            elif task.state != "succeeded":
                version_task.tell_end(task_id, DOING)
            elif task.params["run"] == run.id:
                _found(task_id, dataset)
            return
    noun = "picture" if dataset.kind == "image" else "row"
    classes = ", ".join(literal(name) for name in dataset.classes[:6]) + ("…" if len(dataset.classes) > 6 else "")
    st.info(
        f"Here each {noun} gets its three likeliest of {len(dataset.classes)} classes ({classes}), how sure the model"
        " is, and a word when it is unlike anything in training.",
        icon=":material/auto_awesome:",
    )


@st.cache_data(max_entries=16, show_spinner=False)
def _read(task_id: str, folder: str) -> tuple[Outcome, pd.DataFrame]:
    return read(task_id)


def _found(task_id: str, dataset: DatasetRecord) -> None:
    outcome, table = _read(task_id, str(tasks.folder_of(task_id)))
    _refused(outcome)
    for note in outcome.notes:
        st.caption(f":material/info: {literal(note)}")
    _summary(outcome, table)
    if outcome.kind == "image":
        _cards(task_id, outcome, table, dataset)
    chosen = _table(task_id, outcome, table)
    if chosen is not None and outcome.kind == "table":
        with st.container(border=True, width=420):
            st.markdown(f"**{literal(str(table['file'][chosen]))}**")
            _judgement(outcome, table, chosen)
    _pending(task_id, dataset)
    _reading(outcome, dataset)


def _refused(outcome: Outcome) -> None:
    if not outcome.skipped:
        return
    named = "  \n".join(f"{literal(s.path)}: {literal(s.reason)}" for s in outcome.skipped[:5])
    more = f"  \nand {len(outcome.skipped) - 5:,} more" if len(outcome.skipped) > 5 else ""
    st.warning(f"Left out: {plural(len(outcome.skipped), 'file')}.  \n{named}{more}", icon=":material/warning:")


def _summary(outcome: Outcome, table: pd.DataFrame) -> None:
    counts = table["predicted"].value_counts()
    said = ", ".join(f"{literal(str(name))} {n:,}" for name, n in counts.head(6).items())
    noun = "picture" if outcome.kind == "image" else "row"
    unlike = int(table["unlike"].fillna(False).sum())
    far = f" · {unlike:,} unlike the training data" if unlike else ""
    st.markdown(f"**{plural(outcome.n, noun)}:** {said}{far}")


def _reading(outcome: Outcome, dataset: DatasetRecord) -> None:
    """How the numbers are meant, a fold away."""
    noun = "images" if dataset.kind == "image" else "rows"
    with st.expander("How to read this", icon=":material/help:"):
        if outcome.temperature is None:
            st.markdown(f"Confidence is as the model gives it, not calibrated. {outcome.uncalibrated}")
        else:
            st.markdown(
                f"Confidence is calibrated by a temperature of {outcome.temperature:.2f}, fitted on the run's"
                " validation part (Guo et al. 2017)."
            )
        if outcome.threshold is None:
            st.markdown(literal(outcome.unjudged))
        else:
            st.markdown(
                "Unlike the training data: farther from its fifth nearest training or validation sample than"
                f" {outcome.quantile:.0%} of those {noun} are from theirs, copies left out (Sun et al. 2022). So"
                f" about {1 - outcome.quantile:.0%} of ordinary {noun} are flagged as well. A model"
                " can be sure where none of its classes fits: there its confidence means nothing."
            )


def _cards(task_id: str, outcome: Outcome, table: pd.DataFrame, dataset: DatasetRecord) -> None:
    shown = min(len(table), FIRST)
    if len(table) > FIRST:
        most = min(len(table), MOST)
        shown = most if st.toggle(f"Show {most:,} of {len(table):,}", key=f"cards-{task_id}") else FIRST
    store = ImageStore(tasks.folder_of(task_id))
    with st.container(horizontal=True, gap="small"):
        for row in range(shown):
            with st.container(border=True, width=CARD, gap="xsmall"):
                picture = _thumbnail(store, str(tasks.folder_of(task_id)), row)
                st.image(picture, width=gallery.width(picture, CARD - 34), alt=str(table["file"][row]))
                st.caption(literal(short(str(table["file"][row]).rpartition("/")[2], 26)))
                _judgement(outcome, table, row)
                predicted, nearest = str(table["predicted"][row]), list(table["nearest"][row])
                explanation.why(task_id, row, predicted, nearest, outcome.run, dataset)
                _give_class(task_id, outcome, row)


@st.cache_data(max_entries=1_000, show_spinner=False)
def _thumbnail(_store: ImageStore, folder: str, row: int) -> bytes:
    return _store.thumbnail(row, 2 * CARD)


def _judgement(outcome: Outcome, table: pd.DataFrame, row: int) -> None:
    """The likeliest classes as bars, and the flag."""
    p = table.loc[row, [f"calibrated:{name}" for name in outcome.classes]].to_numpy("float64")
    for place in np.argsort(-p, kind="stable")[:TOP]:
        name = literal(short(outcome.classes[place], 20))
        st.progress(float(min(1.0, p[place])), text=f"{name} · {p[place]:.0%}")
    if table["unlike"].fillna(False)[row]:
        st.markdown(":orange-badge[:material/warning: unlike the training data]")


def _choices(task_id: str) -> dict[int, str]:
    """Place among the predictions → the class that a person gave it, to be sent to the dataset."""
    found: dict[int, str] = st.session_state.setdefault(f"adding-{task_id}", {})
    return found


def _sent(task_id: str) -> set[int]:
    found: set[int] = st.session_state.setdefault(f"added-{task_id}", set())
    return found


def _give_class(task_id: str, outcome: Outcome, row: int) -> None:
    if row in _sent(task_id):
        st.caption(":material/check: in the dataset")
        return
    key = f"class-{task_id}-{row}"

    def keep() -> None:
        if st.session_state[key] is None:
            _choices(task_id).pop(row, None)
        else:
            _choices(task_id)[row] = st.session_state[key]

    st.selectbox(
        "Add to the dataset as",
        outcome.classes,
        index=None,
        key=key,
        on_change=keep,
        placeholder="Add to the dataset as",
        label_visibility="collapsed",
    )


def _table(task_id: str, outcome: Outcome, table: pd.DataFrame) -> int | None:
    """All results; what is selected can be given a class together. The first selected place, or None."""
    shown = table[["file", "predicted", "confidence", "unlike"]]
    if outcome.kind == "table":
        cells = read_cells(tasks.folder_of(task_id))
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
    rows = [row for row in state.selection.rows if row not in _sent(task_id)]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.download_button(
            "Download CSV",
            lambda: table.drop(columns="nearest").to_csv(index=False),
            file_name=f"{outcome.run}-predicted.csv",
            mime="text/csv",
            on_click="ignore",
            icon=":material/download:",
        )
        if rows:
            start = outcome.classes.index(str(table["predicted"][rows[0]]))
            label = st.selectbox("Their class", outcome.classes, index=start, key=f"all-{task_id}", width=220)
            if st.button(f"Give it to {plural(len(rows), 'selected one')}", icon=":material/label:"):
                _choices(task_id).update(dict.fromkeys(rows, label))
        else:
            st.caption("Select rows to add them to the dataset.")
    return state.selection.rows[0] if state.selection.rows else None


def _pending(task_id: str, dataset: DatasetRecord) -> None:
    """What has been given a class and waits to be sent."""
    chosen = _choices(task_id)
    if not chosen:
        return
    said = ", ".join(f"{literal(name)} {n:,}" for name, n in Counter(chosen.values()).most_common(6))
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        st.markdown(f"To be added: {said}.", width="stretch")
        if st.button(f"Add to {literal(dataset.name)}", type="primary", icon=":material/add:", key="send"):
            with telling_errors():
                made = send(task_id, chosen)
                _sent(task_id).update(chosen)
                chosen.clear()
                st.toast(f"{literal(dataset.name)} has a new version, {literal(made.version.name)}.")
                st.rerun()
        if st.button("Forget", icon=":material/close:", key="forget"):
            for row in chosen:
                st.session_state.pop(f"class-{task_id}-{row}", None)
            chosen.clear()
            st.rerun()
