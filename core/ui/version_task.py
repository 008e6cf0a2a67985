"""A task on a version, as pages show it: found again while it works, watched, cancelled, and its end told once."""

from typing import Any

import streamlit as st

from core.errors import GraftError, NotFoundError
from core.jobs import tasks
from core.schemas import VersionRecord
from core.ui.gallery import literal
from core.ui.page import show_error, telling_errors


def start(kind: str, version: VersionRecord, title: str, /, **params: Any) -> None:
    """Start the task for this version, unless it is at work, and draw the page anew."""
    with telling_errors():
        if not _running(kind, version):
            st.session_state[_key(kind, version)] = tasks.start(kind, title, data=_data(version), **params).id
        st.rerun()


def at_work(kind: str, version: VersionRecord, doing: str) -> bool:
    """Whether the task goes on for this version: then its bar is shown, `doing` in front, with a way to stop it.

    When it has ended without success, and this visitor started it, the reason is told once.
    """
    running = _running(kind, version)
    if running:
        st.fragment(watch, run_every=1.0)(running[0], doing)
        return True
    mine = st.session_state.pop(_key(kind, version), None)
    if mine:
        tell_end(mine, doing)
    return False


def made(kind: str, version: VersionRecord, name: str = "result.json", /, **params: Any) -> str | None:
    """The newest task that had these very `params`, a `name` perhaps among them, and has left the file `name`."""
    wanted = {"data": _data(version)} | params
    for path in sorted(tasks.folder_of("").glob(f"*/{name}"), key=lambda path: path.stat().st_mtime, reverse=True):
        try:
            task = tasks.get(path.parent.name)
        except NotFoundError:  # cleared away meanwhile
            continue
        if task.kind == kind and task.state == "succeeded" and task.params == wanted:
            return task.id
    return None


def _running(kind: str, version: VersionRecord) -> list[str]:
    """Tasks at work for this version, whoever started them, here or in another tab."""
    return [task.id for task in tasks.at_work(kind) if task.params.get("data") == _data(version)]


def _data(version: VersionRecord) -> str:
    return f"{version.dataset}@{version.id}"


def _key(kind: str, version: VersionRecord) -> str:
    return f"task-{kind}-{version.id}"


def watch(task_id: str, doing: str) -> None:
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
        st.progress(min(1.0, share), text=f"{doing}: {words}{counted}", width="stretch")
        if st.button("Cancel", icon=":material/cancel:", key=f"cancel-{task_id}"):
            tasks.cancel(task_id)
            st.rerun()


def tell_end(task_id: str, doing: str) -> None:
    try:
        task = tasks.get(task_id)
    except NotFoundError:  # cleared away since
        return
    if task.state == "cancelled":
        st.info(f"{doing} was cancelled.", icon=":material/cancel:")
    if task.failure:
        show_error(GraftError(task.failure.message, task.failure.hint))
