"""The sidebar's foot: what is at work, and on what."""

import psutil
import streamlit as st

from core.jobs import queue
from core.schemas import ACTIVE, RunRecord
from core.store import runs
from core.training.environment import gpus
from core.training.estimate import seconds_left
from core.ui.page import go
from core.ui.words import duration


def foot() -> None:
    """A chip that refreshes only while something runs."""
    waiting = runs.list_runs(states=[*ACTIVE, "queued"])
    st.fragment(_chip, run_every=2 if waiting else None)()


def _chip() -> None:
    queue.reconcile()
    waiting = runs.list_runs(states=[*ACTIVE, "queued"])
    active = [r for r in waiting if r.active]
    for run in active:
        _show(run)
    queued = len(waiting) - len(active)
    if queued:
        st.caption(f":material/hourglass_empty: {queued} waiting")
    memory = psutil.virtual_memory()
    found = gpus()
    device = f":material/memory: GPU · {found[0]}" if found else f":material/memory: CPU · {psutil.cpu_count()} cores"
    st.caption(f"{device} · {memory.available / 2**30:.0f} of {memory.total / 2**30:.0f} GB memory free")


def _show(run: RunRecord) -> None:
    left = seconds_left(run)
    if st.button(run.name, key=f"chip-{run.id}", icon=":material/play_circle:", width="stretch", type="tertiary"):
        go("train", run=run.id)
    share = run.epoch / run.epochs if run.epochs else 0.0
    st.progress(min(1.0, share), text=f"{run.phase or run.state} · {duration(left)} left" if left else run.phase)
