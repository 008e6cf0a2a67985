"""The sidebar's foot: what is at work, and on what."""

import psutil
import streamlit as st

from core.jobs import queue, tasks
from core.schemas import ACTIVE, RunRecord
from core.store import runs
from core.training.environment import gpus
from core.ui.gallery import literal
from core.ui.page import go
from core.ui.words import time_left


def foot() -> None:
    """A chip that refreshes only while something runs, and with it the whole page when a run changes its state."""
    states = _states()
    st.fragment(_chip, run_every=2 if states else None)(states)


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
    memory = psutil.virtual_memory()
    found = gpus()
    device = f":material/memory: GPU · {found[0]}" if found else f":material/memory: CPU · {psutil.cpu_count()} cores"
    st.caption(f"{device}  \n{memory.available / 2**30:.0f} of {memory.total / 2**30:.0f} GB memory free")


def _show_import(task: tasks.TaskRecord) -> None:
    label = f"Import of {literal(task.title)}"
    if st.button(label, key=f"chip-{task.id}", icon=":material/download:", type="tertiary"):
        go("home")
    st.progress(task.done / task.total if task.total else 0.0, text=task.text or "Reading")


def _show(run: RunRecord) -> None:
    if st.button(literal(run.name), key=f"chip-{run.id}", icon=":material/play_circle:", type="tertiary"):
        go("train", run=run.id)
    share = run.epoch / run.epochs if run.epochs else 0.0
    st.progress(min(1.0, share), text=f"{(run.phase or run.state).capitalize()} · {time_left(run)}")
