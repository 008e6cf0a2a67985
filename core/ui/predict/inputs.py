"""The ways to give pictures or a table to a run that predicts."""

from collections.abc import Mapping
from pathlib import Path

import streamlit as st

from core.data.files.packed import ENDINGS, SUFFIXES
from core.data.reading.packing import TABLE_SUFFIXES
from core.jobs import tasks
from core.schemas import DatasetRecord, RunRecord
from core.store import datasets
from core.ui.shell.page import show_errors
from core.ui.shell.text import plural
from core.ui.shell.uploads import camera_field, discard_upload, release_upload, upload_field

PICTURES = [ending.removeprefix(".") for ending in (*SUFFIXES, *ENDINGS)]
TABLES = [ending.removeprefix(".") for ending in (*TABLE_SUFFIXES, ".zip")]
TABLE_SLOT, PICTURE_SLOT, CAMERA_SLOT = "predict-table", "predict-pictures", "predict-photo"


def first_run(known: Mapping[str, RunRecord]) -> str:
    """The run to begin with: the newest, or where the address names data (`?data=ID`) the newest that suits them.

    Best is one whose dataset came from the same source, as where images without a class were left out of it.
    """
    asked = st.query_params.get("data")
    here = {dataset.id: dataset for dataset in datasets.list_datasets()}
    if asked not in here:
        return next(iter(known))
    wanted = here[asked]

    def suits(run: RunRecord) -> int:
        trained_on = here.get(run.dataset)
        if trained_on is None or trained_on.kind != wanted.kind:
            return 0
        shared = {one.source for one in trained_on.imports} & {one.source for one in wanted.imports}
        return 2 if shared else 1

    return max(known, key=lambda run_id: suits(known[run_id]))


def show_inputs(run: RunRecord, dataset: DatasetRecord) -> None:
    """Fields for pictures or a table; prediction starts as soon as something is given."""
    _show_datasets(run, dataset)
    if dataset.kind == "table":
        allowed = st.checkbox(
            "Take cells that cannot be read as missing",
            key="allow-unreadable",
            help="Rows are read as the training table was: its types, number marks and order of dates. Where 20 %"
            " more of a column's cells are something else than in that table, the prediction stops, unless this is"
            " on.",
        )
        path = upload_field(TABLE_SLOT, "A table with the columns that the run was trained on", TABLES)
        if path:
            _start_prediction(run, TABLE_SLOT, path, [path], allow_unreadable=allowed)
        return
    left, right = st.columns([3, 2], gap="medium")
    with left:
        folder = upload_field(PICTURE_SLOT, "Pictures, or a ZIP of them", PICTURES, several=True)
        if folder:
            _start_prediction(run, PICTURE_SLOT, folder, sorted(p for p in folder.rglob("*") if p.is_file()))
    with right:
        box = st.expander("Camera", icon=":material/photo_camera:", key="predict-camera", on_change="rerun")
        if box.open:
            with box:
                picture = camera_field(CAMERA_SLOT, "Camera")
                st.caption("Browsers allow the camera only on a page served by HTTPS or from the same machine.")
                if picture:
                    _start_prediction(run, CAMERA_SLOT, picture, [picture])


def _show_datasets(run: RunRecord, dataset: DatasetRecord) -> None:
    """The datasets without classes that the run can predict."""
    unlabelled = {one.id: one for one in datasets.list_datasets() if not one.labelled and one.kind == dataset.kind}
    if not unlabelled:
        return
    asked = st.query_params.get("data")
    noun = "image" if dataset.kind == "image" else "row"
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = st.selectbox(
            "A dataset without classes",
            list(unlabelled),
            index=list(unlabelled).index(asked) if asked in unlabelled else None,
            format_func=lambda name: f"{unlabelled[name].name} · {plural(unlabelled[name].n, noun)}",
            key="predict-dataset",
            placeholder="None",
            width=320,
        )
        if chosen and st.button("Predict these", type="primary", icon=":material/auto_awesome:"):
            with show_errors():
                data = f"{chosen}@{unlabelled[chosen].version}"
                task = tasks.start("predict", f"Prediction by {run.name}", run=run.id, data=data)
                st.query_params["task"] = task.id
                st.rerun()


def _start_prediction(run: RunRecord, slot: str, uploaded: Path, paths: list[Path], **options: bool) -> None:
    """Start the task; it removes the uploaded files in the end."""
    folder = next(p for p in (uploaded, *uploaded.parents) if p.parent.name == "uploads")
    with show_errors():
        task = tasks.start(
            "predict",
            f"Prediction by {run.name}",
            run=run.id,
            paths=[str(p) for p in paths],
            uploaded=str(folder),
            **options,
        )
        release_upload(slot)
        st.query_params["task"] = task.id
        st.rerun()
    discard_upload(slot)
