"""The deeper look at a dataset's images, as a task: started with a click, watched, cancelled."""

import streamlit as st

from core.data.checks import Check
from core.errors import GraftError, NotFoundError
from core.jobs import tasks
from core.models.catalogue import BACKBONES
from core.schemas import DatasetRecord, VersionRecord
from core.ui.gallery import literal
from core.ui.page import show_error, telling_errors
from core.ui.words import ago


def deeper(dataset: DatasetRecord, version: VersionRecord, check: Check | None) -> None:
    """Offer the look, or show how far it has come, or say when it was."""
    running = _running(version)
    if running:
        st.fragment(_watch, run_every=1.0)(running)
        return
    key = f"check-{version.id}"
    if st.session_state.get(key):
        with telling_errors():
            _tell_end(st.session_state[key], key)
    if check:
        accuracy = f", out-of-fold accuracy {check.accuracy:.2f}" if check.accuracy is not None else ""
        st.caption(
            f":material/manage_search: Looked deeper {ago(check.created)} with {BACKBONES[check.backbone].title}"
            f" at {check.image_size} px{accuracy}."
        )
        return
    looks = "cropped and mirrored copies and images unlike the rest"
    if dataset.labelled:
        looks = "wrong labels, copies of test images, " + looks
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        st.markdown(f"A pretrained network can look for {looks}.", width="stretch")
        if st.button("Look deeper", icon=":material/manage_search:", type="primary", key=f"look-{version.id}"):
            with telling_errors():
                task = tasks.start("check", f"Looking deeper at {dataset.name}", data=_data(version))
                st.session_state[key] = task.id
                st.rerun()


def _data(version: VersionRecord) -> str:
    return f"{version.dataset}@{version.id}"


def _running(version: VersionRecord) -> str | None:
    mine = [task.id for task in tasks.at_work("check") if task.params.get("data") == _data(version)]
    return mine[0] if mine else None


def _watch(task_id: str) -> None:
    try:
        task = tasks.get(task_id)
    except NotFoundError:
        st.rerun()
    if task.ended:
        st.rerun()
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        words = literal(task.text or "starting")
        counted = f" · {task.done:,} of {task.total:,}" if task.total else ""
        share = task.done / task.total if task.total else 0.0
        st.progress(min(1.0, share), text=f"Looking deeper: {words}{counted}", width="stretch")
        if st.button("Cancel", icon=":material/cancel:", key=f"cancel-{task_id}"):
            tasks.cancel(task_id)
            st.rerun()


def _tell_end(task_id: str, key: str) -> None:
    try:
        task = tasks.get(task_id)
    except NotFoundError:
        del st.session_state[key]
        return
    if task.state == "cancelled":
        st.info("The deeper look was cancelled.", icon=":material/cancel:")
    if task.failure:
        show_error(GraftError(task.failure.message, task.failure.hint))
    if task.ended:
        del st.session_state[key]
