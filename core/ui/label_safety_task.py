"""The check of the label's safety as a task: started with a click, watched, cancelled."""

import streamlit as st

from core.errors import GraftError, NotFoundError
from core.jobs import tasks
from core.schemas import DatasetRecord, VersionRecord
from core.ui.gallery import literal
from core.ui.page import show_error, telling_errors

KIND = "label_safety"


def check(dataset: DatasetRecord, version: VersionRecord, known: bool) -> None:
    """Offer the check, or show how far it has come."""
    data, key = f"{version.dataset}@{version.id}", f"label-safety-{version.id}"
    running = [task.id for task in tasks.at_work(KIND) if task.params.get("data") == data]
    if running:
        st.fragment(_watch, run_every=1.0)(running[0])
        return
    if key in st.session_state:
        with telling_errors():
            _tell_end(key)
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        st.markdown(
            "Which changes leave an image in its class? A pretrained network judges validation images before and "
            "after each of them.",
            width="stretch",
        )
        label = "Check again" if known else "Check label safety"
        if st.button(label, icon=":material/verified_user:", key=f"start-{key}"):
            with telling_errors():
                st.session_state[key] = tasks.start(KIND, f"Label safety of {dataset.name}", data=data).id
                st.rerun()


def _watch(task_id: str) -> None:
    try:
        task = tasks.get(task_id)
    except NotFoundError:
        st.rerun()
    if task.ended:
        st.rerun()
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        counted = f" · {task.done:,} of {task.total:,}" if task.total else ""
        share = task.done / task.total if task.total else 0.0
        words = literal(task.text or "starting")
        st.progress(min(1.0, share), text=f"Checking label safety: {words}{counted}", width="stretch")
        if st.button("Cancel", icon=":material/cancel:", key=f"cancel-{task_id}"):
            tasks.cancel(task_id)
            st.rerun()


def _tell_end(key: str) -> None:
    try:
        task = tasks.get(st.session_state[key])
    except NotFoundError:
        del st.session_state[key]
        return
    if task.state == "cancelled":
        st.info("The check was cancelled.", icon=":material/cancel:")
    if task.failure:
        show_error(GraftError(task.failure.message, task.failure.hint))
    if task.ended:
        del st.session_state[key]
