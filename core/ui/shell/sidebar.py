"""The foot of the sidebar: what is running, and on what machine."""

import psutil
import streamlit as st

from core.errors import ClusterError, NotFoundError
from core.jobs import backends, devices, queue, tasks
from core.schemas import ACTIVE, RunRecord
from core.settings import get_settings
from core.store import runs
from core.ui.shell.page import go, show_errors
from core.ui.shell.text import STATES, format_accuracy, gpu_usage, literal, plural, time_left

FOLLOWED = "_followed"  # ids of runs that this visitor has seen at work and not yet at their end


def show_status() -> None:
    """The status; it refreshes itself while something runs, and the whole page when a run changes its state."""
    _announce_ended_runs()
    states = _states()
    st.fragment(_refresh_status, run_every=2 if states else None)(states)


def _announce_ended_runs() -> None:
    """Say once, on whatever page, how a run that this visitor has watched ended."""
    followed: set[str] = st.session_state.get(FOLLOWED, set())
    for run_id in list(followed):
        try:
            run = runs.get_run(run_id)
        except NotFoundError:
            followed.discard(run_id)
            continue
        if run.ended:
            followed.discard(run_id)
            result = f"accuracy {format_accuracy(run)}" if run.metrics else ""
            result = result or (literal(run.failure.message) if run.failure else "")
            st.toast(f"**{literal(run.name)}** {run.state}  \n{result}", icon=STATES[run.state][1], duration="long")


def _unfinished() -> list[RunRecord]:
    return runs.list_runs(states=[*ACTIVE, "queued"])


def _states() -> dict[str, str]:
    """Runs that run or wait, with their states, and imports."""
    imports = {task.id: "import" for task in tasks.active_tasks("import")}
    return imports | {run.id: run.state for run in _unfinished()}


def _refresh_status(seen: dict[str, str]) -> None:
    queue.reconcile_runs()
    if seen and _states() != seen:
        st.rerun()
    for task in tasks.active_tasks("import"):
        _show_import(task)
    unfinished = _unfinished()
    active = [r for r in unfinished if r.active]
    for run in active:
        _show_run(run)
    queued = len(unfinished) - len(active)
    if queued:
        st.caption(f":material/hourglass_empty: {queued} waiting")
    with show_errors():
        st.caption("  \n".join(_describe_cluster() if get_settings().ray_address else _describe_machine()))


def _describe_cluster() -> list[str]:
    title = ":material/hub: Ray cluster"
    try:
        room = backends.current_backend().capacity()
    except ClusterError as error:
        return [title, literal(error.message)]
    return [title, f"{plural(room.slots, 'place')} on CPUs · {plural(len(room.gpus), 'GPU')}"]


def _describe_machine() -> list[str]:
    memory = psutil.virtual_memory()
    gpus = devices.gpus()
    return [
        *(f":material/developer_board: {name}" for name in dict.fromkeys(gpu.name for gpu in gpus)),
        *(gpu_usage(gpu) for gpu in gpus),
        f":material/memory: CPU · {psutil.cpu_count()} cores",
        f"{memory.available / 2**30:.0f} of {memory.total / 2**30:.0f} GB memory free",
    ]


def _show_import(task: tasks.TaskRecord) -> None:
    label = f"Import of {literal(task.title)}"
    if st.button(label, key=f"chip-{task.id}", icon=":material/download:", type="tertiary"):
        go("home")
    st.progress(task.done / task.total if task.total else 0.0, text=task.text or "Reading")


def _show_run(run: RunRecord) -> None:
    if st.button(literal(run.name), key=f"chip-{run.id}", icon=":material/play_circle:", type="tertiary"):
        go("train", run=run.id)
    share = run.epoch / run.epochs if run.epochs else 0.0
    on = f"{devices.describe_device(run.device)} · " if devices.gpu_indices(run.device) and not run.job else ""
    st.progress(min(1.0, share), text=f"{on}{(run.phase or run.state).capitalize()} · {time_left(run)}")
