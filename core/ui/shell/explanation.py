"""Where a run's network looks, on samples or given pictures, and the known images most like them."""

import pandas as pd
import streamlit as st

from core.data.images.store import DatasetImages
from core.data.reviewing import Decision
from core.jobs import tasks
from core.schemas import DataRef, DatasetRecord, RunRecord, VersionRecord
from core.store.datasets import get_version
from core.ui.shell import gallery, task_panel
from core.ui.shell.gallery import version_samples
from core.ui.shell.handoff import review_decisions
from core.ui.shell.page import go, show_errors
from core.ui.shell.text import literal

TASK = "explain"
MOST = 12
SIDE = 200  # pixels of a map
NEAREST = 58  # pixels of a known image
DOING = "Where it looks"
METHODS = {"gradient": "Grad-CAM", "occlusion": "Occlusion (slower)"}


def show_attention(run: RunRecord, dataset: DatasetRecord, rows: pd.DataFrame, key: str) -> None:
    """A fold with maps of what speaks for the predicted or true class on the first of these samples.

    `rows` has the columns id, label and predicted. There is no fold for tables, for runs without
    a network, and without the images.
    """
    if dataset.kind != "image" or not dataset.imports or run.spec.folds or rows.empty:
        return
    box = st.expander("Where does it look?", icon=":material/visibility:", key=f"{key}-look", on_change="rerun")
    if not box.open:
        return
    with box, show_errors():
        with st.container(horizontal=True):
            of = st.segmented_control(
                "Class", ["predicted", "true"], default="predicted", required=True, key=f"{key}-of"
            )
            method = st.segmented_control(
                "Method", list(METHODS), default="gradient", required=True, key=f"{key}-method",
                format_func=lambda name: METHODS[name],
            )  # fmt: skip
        few = rows.head(MOST)
        classes = dict(zip(few["id"], few["predicted" if of == "predicted" else "label"], strict=True))
        params = {"run": run.id, "classes": classes, "method": method}
        task_id = task_panel.start_once(TASK, repr(params), f"{DOING}: {run.name}", **params)
        if task_panel.show_task(task_id, DOING):
            _show_maps(task_id, dataset, few, classes)


def _show_maps(task_id: str, dataset: DatasetRecord, rows: pd.DataFrame, classes: dict[str, str]) -> None:
    nearest = tasks.result(task_id)["nearest"]
    newest = get_version(DataRef(dataset=dataset.id))
    present = set(version_samples(dataset.id, newest.id)["id"])
    with st.container(horizontal=True, gap="small"):
        for name, path in zip(rows["id"], rows["path"], strict=True):
            with st.container(width=SIDE, gap="xsmall"):
                _show_map(task_id, name, f"Map of {path}")
                st.caption(f"for **{literal(classes[name])}**")
                if nearest.get(name):
                    _show_nearest(dataset, nearest[name])
                if name in present:
                    _relabel_field(newest, str(name))
    if review_decisions(newest) and st.button("Decide on the Data page", icon=":material/rate_review:"):
        go("data", dataset=dataset.id)
    st.caption(
        "Yellow: what speaks for the class. Grad-CAM (Selvaraju et al. 2017) is as coarse as the network's last"
        " feature map; occlusion covers one part of the image after the other (Zeiler and Fergus 2014). Small: the"
        " training and validation images nearest to it in the backbone's embedding."
    )


def explain_prediction(
    given: str, row: int, predicted: str, nearest: list[str], run: str, dataset: DatasetRecord
) -> None:
    """A button on the card of a predicted picture; then the map of its predicted class.

    `given` is the predicting task and `row` the picture's place in it; `nearest` are ids of the known images that are
    most like it, in the dataset on which the run was trained.
    """
    key = f"{given}-{row}"
    task_id = task_panel.find_started(TASK, key)
    if task_id is None:
        if st.button("Why?", icon=":material/visibility:", key=f"why-{key}", type="tertiary"):
            with show_errors():
                params = {"run": run, "classes": {str(row): predicted}, "method": "gradient", "given": given}
                task_panel.start_once(TASK, key, DOING, **params)
                st.rerun()
        return
    if task_panel.show_task(task_id, DOING):
        _show_map(task_id, str(row), f"Map of {predicted}")
        st.caption(f"Yellow: what speaks for **{literal(predicted)}** (Grad-CAM). Small: known images most like it.")
        _show_nearest(dataset, nearest)


def _show_map(task_id: str, name: str, alt: str) -> None:
    picture = (tasks.task_folder(task_id) / f"{name}.webp").read_bytes()
    st.image(picture, width=gallery.tile_width(picture, SIDE), alt=alt)


def _show_nearest(dataset: DatasetRecord, names: list[str]) -> None:
    images = DatasetImages(dataset.id)
    with st.container(horizontal=True, gap="xxsmall"):
        for name in names:
            gallery.show_picture(dataset, images, name, NEAREST, alt="most like it")


def _relabel_field(newest: VersionRecord, sample: str) -> None:
    """Another class for a sample: a decision in the review of the dataset's newest version."""
    key = f"relabel-{newest.id}-{sample}"

    def decide() -> None:
        label = st.session_state[key]
        if label is not None:
            decision = Decision(finding="label_error", sample=sample, action="relabel", label=label)
            review_decisions(newest).append(decision)

    st.selectbox(
        "Relabel as",
        newest.classes,
        index=None,
        key=key,
        on_change=decide,
        placeholder="Relabel as",
        label_visibility="collapsed",
    )
