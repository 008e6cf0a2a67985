"""Where a run's network looks, on samples or given pictures in view, and the known images most like them."""

import pandas as pd
import streamlit as st

from core.data.images.store import DatasetImages
from core.data.reviewing import Decision
from core.jobs import tasks
from core.schemas import DataRef, DatasetRecord, RunRecord, VersionRecord
from core.store.datasets import get_version
from core.ui import data_review, gallery, version_task
from core.ui.data_overview import samples_of
from core.ui.gallery import literal
from core.ui.page import go, telling_errors

MOST = 12
SIDE = 200  # pixels
DOING = "Where it looks"
METHODS = {"gradient": "Grad-CAM", "occlusion": "Occlusion (slower)"}


def where_it_looks(run: RunRecord, dataset: DatasetRecord, rows: pd.DataFrame, key: str) -> None:
    """A button, then the heat of the predicted or true class on the first of these samples.

    `rows` has the columns id, label and predicted. Nothing is offered for tables and for runs without a network.
    """
    if dataset.kind != "image" or run.spec.folds or rows.empty:
        return
    box = st.expander("Where does it look?", icon=":material/visibility:", key=f"{key}-look", on_change="rerun")
    if not box.open:
        return
    with box, telling_errors():
        with st.container(horizontal=True):
            of = st.segmented_control(
                "Class", ["predicted", "true"], default="predicted", required=True, key=f"{key}-of"
            )
            method = st.segmented_control(
                "Method", list(METHODS), default="gradient", required=True, key=f"{key}-method",
                format_func=lambda name: METHODS[name],
            )  # fmt: skip
        few = rows.head(MOST)
        wanted = dict(zip(few["id"], few["predicted" if of == "predicted" else "label"], strict=True))
        params = {"run": run.id, "classes": wanted, "method": method}
        known = st.session_state.setdefault(f"looked-{run.id}", {})
        asked = repr(params)
        if asked not in known:
            known[asked] = tasks.start("explain", f"{DOING}: {run.name}", **params).id
        _shown(known[asked], dataset, few, wanted)


def _shown(task_id: str, dataset: DatasetRecord, rows: pd.DataFrame, wanted: dict[str, str]) -> None:
    task = tasks.get(task_id)
    if not task.ended:
        st.fragment(version_task.watch, run_every=0.3)(task_id, DOING)
        return
    if task.state != "succeeded":
        version_task.tell_end(task_id, DOING)
        return
    nearest = tasks.result(task_id)["nearest"]
    images = DatasetImages(dataset.id)
    newest = get_version(DataRef(dataset=dataset.id))
    there = set(samples_of(dataset.id, newest.id)["id"])
    with st.container(horizontal=True, gap="small"):
        for name, path in zip(rows["id"], rows["path"], strict=True):
            with st.container(width=SIDE, gap="xsmall"):
                picture = (tasks.folder_of(task_id) / f"{name}.webp").read_bytes()
                st.image(picture, width=gallery.width(picture, SIDE), alt=f"Heat on {path}")
                st.caption(f"for **{literal(wanted[name])}**")
                if nearest.get(name):
                    with st.container(horizontal=True, gap="xxsmall"):
                        for other in nearest[name]:
                            gallery.picture(dataset, images, other, 58, alt="most like it")
                if name in there:
                    _relabel(newest, str(name))
    if data_review.decisions_of(newest) and st.button("Decide on the Data page", icon=":material/rate_review:"):
        go("data", dataset=dataset.id)
    st.caption(
        "Yellow: what speaks for the class. Grad-CAM (Selvaraju et al. 2017) is as coarse as the network's last map;"
        " occlusion covers one part after the other (Zeiler and Fergus 2014). Small: the training and validation"
        " images that the backbone finds most like it."
    )


def why(given: str, row: int, predicted: str, nearest: list[str], run: str, dataset: DatasetRecord) -> None:
    """A button on the card of picture `row` of the predicting task `given`; then the heat of the class it was given.

    `nearest` are the ids of known images that are most like it.
    """
    known: dict[int, str] = st.session_state.setdefault(f"why-{given}", {})
    if row not in known:
        if st.button("Why?", icon=":material/visibility:", key=f"why-{given}-{row}", type="tertiary"):
            with telling_errors():
                params = {"run": run, "classes": {str(row): predicted}, "method": "gradient", "given": given}
                known[row] = tasks.start("explain", DOING, **params).id
                st.rerun()
        return
    with telling_errors():
        task = tasks.get(known[row])
        if not task.ended:
            st.fragment(version_task.watch, run_every=0.3)(task.id, DOING)
        elif task.state != "succeeded":
            version_task.tell_end(task.id, DOING)
        else:
            picture = (tasks.folder_of(task.id) / f"{row}.webp").read_bytes()
            st.image(picture, width=gallery.width(picture, SIDE), alt=f"Heat of {predicted}")
            st.caption(
                f"Yellow: what speaks for **{literal(predicted)}** (Grad-CAM). Small: known images most like it."
            )
            images = DatasetImages(dataset.id)
            with st.container(horizontal=True, gap="xxsmall"):
                for other in nearest:
                    gallery.picture(dataset, images, other, 58, alt="most like it")


def _relabel(newest: VersionRecord, sample: str) -> None:
    """Another class for a sample: a decision in the review of the dataset's newest version."""
    key = f"relabel-{newest.id}-{sample}"

    def decide() -> None:
        label = st.session_state[key]
        if label is not None:
            decision = Decision(finding="label_error", sample=sample, action="relabel", label=label)
            data_review.decisions_of(newest).append(decision)

    st.selectbox(
        "Relabel as",
        newest.classes,
        index=None,
        key=key,
        on_change=decide,
        placeholder="Relabel as",
        label_visibility="collapsed",
    )
