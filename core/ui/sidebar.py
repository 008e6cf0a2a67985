"""The sidebar's foot: what is at work, and on what."""

import psutil
import streamlit as st

from core.errors import ClusterError, NotFoundError
from core.jobs import backends, devices, queue, tasks
from core.schemas import ACTIVE, RunRecord
from core.settings import get_settings
from core.store import runs
from core.ui.gallery import literal
from core.ui.page import go, telling_errors
from core.ui.words import STATE_ICONS, accuracy, gpu_in_words, plural, time_left

FOLLOWED = "_followed"  # ids of runs that this visitor has seen at work and not yet at their end


def foot() -> None:
    """A chip that refreshes only while something runs, and with it the whole page when a run changes its state."""
    _tell_ends()
    states = _states()
    st.fragment(_chip, run_every=2 if states else None)(states)


def _tell_ends() -> None:
    """Tell, once and on whatever page, how a run that this visitor has watched came to its end."""
    followed: set[str] = st.session_state.get(FOLLOWED, set())
    for run_id in list(followed):
        try:
            run = runs.get_run(run_id)
        except NotFoundError:
            followed.discard(run_id)
            continue
        if run.ended:
            followed.discard(run_id)
            how = f"accuracy {accuracy(run)}" if run.metrics else ""
            told = how or (literal(run.failure.message) if run.failure else "")
            st.toast(f"**{literal(run.name)}** {run.state}  \n{told}", icon=STATE_ICONS[run.state], duration="long")


def _waiting() -> list[RunRecord]:
    return runs.list_runs(states=[*ACTIVE, "queued"])


def _states() -> dict[str, str]:
    """What is at work or waits: runs with their states, and imports."""
    imports = {task.id: "import" for task in tasks.at_work("import")}
    return imports | {run.id: run.state for run in _waiting()}


def _chip(seen: dict[str, str]) -> None:
    queue.reconcile()
    if seen and _states() != seen:
        st.rerun()
    for task in tasks.at_work("import"):
        _show_import(task)
    waiting = _waiting()
    active = [r for r in waiting if r.active]
    for run in active:
        _show(run)
    queued = len(waiting) - len(active)
    if queued:
        st.caption(f":material/hourglass_empty: {queued} waiting")
    with telling_errors():
        st.caption("  \n".join(_on_cluster() if get_settings().ray_address else _on_this_machine()))


def _on_cluster() -> list[str]:
    title = ":material/hub: Ray cluster"
    try:
        room = backends.chosen().room()
    except ClusterError as error:
        return [title, literal(error.message)]
    return [title, f"{plural(room.slots, 'place')} on CPUs · {plural(len(room.gpus), 'GPU')}"]


def _on_this_machine() -> list[str]:
    memory = psutil.virtual_memory()
    found = devices.gpus()
    return [
        *(f":material/developer_board: {name}" for name in dict.fromkeys(gpu.name for gpu in found)),
        *(gpu_in_words(gpu) for gpu in found),
        f":material/memory: CPU · {psutil.cpu_count()} cores",
        f"{memory.available / 2**30:.0f} of {memory.total / 2**30:.0f} GB memory free",
    ]


def _show_import(task: tasks.TaskRecord) -> None:
    label = f"Import of {literal(task.title)}"
    if st.button(label, key=f"chip-{task.id}", icon=":material/download:", type="tertiary"):
        go("home")
    st.progress(task.done / task.total if task.total else 0.0, text=task.text or "Reading")


def _show(run: RunRecord) -> None:
    if st.button(literal(run.name), key=f"chip-{run.id}", icon=":material/play_circle:", type="tertiary"):
        go("train", run=run.id)
    share = run.epoch / run.epochs if run.epochs else 0.0
    on = f"{devices.in_words(run.device)} · " if devices.indices(run.device) and not run.job else ""
    st.progress(min(1.0, share), text=f"{on}{(run.phase or run.state).capitalize()} · {time_left(run)}")
