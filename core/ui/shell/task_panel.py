"""One panel for every background task: how far it is, a way to cancel it, and why it failed.

A visitor's own tasks are remembered in the session under `task-KIND`, with the version or a key behind it.
"""

from collections.abc import Callable
from typing import Any

import streamlit as st

from core.errors import GraftError, NotFoundError
from core.jobs import tasks
from core.schemas import VersionRecord
from core.ui.shell.page import show_error, show_errors
from core.ui.shell.text import literal


def start(kind: str, title: str, version: VersionRecord | None = None, /, **params: Any) -> None:
    """Start a task, of a version if one is given, unless one is at work already; then run the page again."""
    with show_errors():
        if not _find_running(kind, version):
            of_version = {"data": f"{version.dataset}@{version.id}"} if version else {}
            st.session_state[_key(kind, version)] = tasks.start(kind, title, **of_version, **params).id
        st.rerun()


def is_busy(
    kind: str, doing: str, version: VersionRecord | None = None, at_end: Callable[[str], object] | None = None
) -> bool:
    """Whether such a task is at work, whoever started it: then its panel is shown.

    When the visitor's own has ended, `at_end` is called with its id, and if it failed the reason is shown once.
    """
    running = _find_running(kind, version)
    if running:
        show_task(running[0], doing, every=1.0)
        return True
    own = st.session_state.pop(_key(kind, version), None)
    if own:
        show_end(own, doing)
        if at_end:
            at_end(own)
    return False


def find_result(kind: str, version: VersionRecord, file: str = "result.json", /, **params: Any) -> str | None:
    """The newest task on a version that succeeded with exactly these `params` and has left the file."""
    wanted = {"data": f"{version.dataset}@{version.id}"} | params
    paths = tasks.task_folder("").glob(f"*/{file}")
    for path in sorted(paths, key=lambda path: path.stat().st_mtime, reverse=True):
        try:
            task = tasks.get_task(path.parent.name)
        except NotFoundError:  # removed meanwhile
            continue
        if task.kind == kind and task.state == "succeeded" and task.params == wanted:
            return task.id
    return None


def start_once(kind: str, key: str, title: str, /, **params: Any) -> str:
    """Start a task for this visitor, unless that was done before under this `key`; returns its id."""
    known = find_started(kind, key)
    if known is None:
        known = st.session_state[f"task-{kind}-{key}"] = tasks.start(kind, title, **params).id
    return known


def find_started(kind: str, key: str) -> str | None:
    """The id of the task that this visitor started under this `key`; none where it was removed since."""
    task_id: str | None = st.session_state.get(f"task-{kind}-{key}")
    return task_id if task_id and tasks.task_folder(task_id).exists() else None


def forget(kind: str, key: str) -> None:
    """Let the visitor start the task under this `key` once more."""
    st.session_state.pop(f"task-{kind}-{key}", None)


def show_task(
    task_id: str,
    doing: str,
    every: float = 0.3,
    counted: bool = True,
    after_cancel: Callable[[], object] | None = None,
) -> bool:
    """Show a task's panel while it works, and why it ended if it did not succeed. Whether it has succeeded.

    `doing` is shown before its progress, and its count behind it if it is `counted`. The panel is drawn again every
    `every` seconds; `after_cancel` is called when somebody has cancelled the task.
    """
    try:
        task = tasks.get_task(task_id)
    except NotFoundError as error:
        show_error(error)
        return False
    if task.ended:
        show_end(task_id, doing)
    else:
        st.fragment(_watch, run_every=every)(task_id, doing, counted, after_cancel)
    return task.state == "succeeded"


def show_end(task_id: str, doing: str) -> None:
    """Say that a task was cancelled, or why it failed; nothing where it succeeded."""
    try:
        task = tasks.get_task(task_id)
    except NotFoundError:  # removed since
        return
    if task.state == "cancelled":
        st.info(f"{doing} was cancelled.", icon=":material/cancel:")
    if task.failure:
        show_error(GraftError(task.failure.message, task.failure.hint))


def _watch(task_id: str, doing: str, counted: bool, after_cancel: Callable[[], object] | None) -> None:
    try:
        task = tasks.get_task(task_id)
    except NotFoundError:
        st.rerun()
    if task.ended:
        st.rerun()
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        count = f" · {task.done:,} of {task.total:,}" if task.total and counted else ""
        share = task.done / task.total if task.total else 0.0
        st.progress(min(1.0, share), text=f"{doing}: {literal(task.text or 'starting')}{count}", width="stretch")
        if st.button("Cancel", icon=":material/cancel:", key=f"cancel-{task_id}"):
            tasks.cancel(task_id)
            if after_cancel:
                after_cancel()
            st.rerun()


def _find_running(kind: str, version: VersionRecord | None) -> list[str]:
    """Tasks at work, whoever started them, here or in another tab."""
    return [
        task.id
        for task in tasks.active_tasks(kind)
        if version is None or task.params.get("data") == f"{version.dataset}@{version.id}"
    ]


def _key(kind: str, version: VersionRecord | None) -> str:
    return f"task-{kind}-{version.id}" if version else f"task-{kind}"
