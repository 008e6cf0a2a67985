"""A run as it works: state, phase, curves, time left, the end of the log, and a way to cancel it."""

import psutil
import streamlit as st

from core import charts
from core.errors import NotFoundError
from core.jobs import devices, meters, queue
from core.methods.parts import VALIDATION
from core.schemas import DataRef, RunRecord
from core.store import runs
from core.store.datasets import get_version
from core.ui import again
from core.ui.gallery import literal
from core.ui.page import go, telling_errors
from core.ui.sidebar import FOLLOWED
from core.ui.words import accuracy, duration, gpu_in_words, plural, size, state_badge, time_left

METRICS = ("loss", "accuracy", "learning_rate")
CHART = {"displayModeBar": False}


def live_run(run_id: str) -> None:
    """Show a run; look again every second while it has not ended, then draw the whole page once more."""
    try:
        run = runs.get_run(run_id)
    except NotFoundError:
        st.info("This run has been deleted.", icon=":material/delete:")
        return
    if not run.ended:
        st.session_state.setdefault(FOLLOWED, set()).add(run.id)
    st.fragment(_panel, run_every=None if run.ended else 1.0)(run_id, was_ended=run.ended)


def _panel(run_id: str, was_ended: bool) -> None:
    queue.reconcile()
    try:
        run = runs.get_run(run_id)
    except NotFoundError:  # deleted in another tab meanwhile
        st.rerun()
    if run.ended and not was_ended:
        st.rerun()
    with st.container(border=True):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"**{literal(run.name)}** {state_badge(run)}", width="stretch")
            if (
                run.active
                and run.epoch
                and st.button(
                    "Finish now",
                    icon=":material/flag:",
                    key=f"finish-{run.id}",
                    help="Ends after this epoch, keeps the best one and evaluates it.",
                )
            ):
                with telling_errors():
                    queue.finish(run.id)
            if not run.ended and st.button("Cancel", icon=":material/cancel:", key=f"cancel-{run.id}"):
                with telling_errors():
                    queue.cancel(run.id)
                st.rerun()
            if run.ended:
                again.button(run)
        with st.container():  # always one element, so that what stands below stays in its place at the end
            if run.ended:
                _outcome(run)
            else:
                _progress(run)
                _meters(run)
        _curves(run)
        log = runs.read_log(run.id)
        if log:
            with st.expander("Log", icon=":material/article:"):
                st.code(log, language=None, wrap_lines=True, height=260)


def _progress(run: RunRecord) -> None:
    if run.state == "queued":
        ahead = queue.place(run)
        st.progress(0.0, text=f"Waiting: {plural(ahead, 'run')} ahead of this one")
        return
    text = run.phase.capitalize() or "Starting the worker"
    if run.epochs and run.epoch:
        counted = "image" if "image" in run.phase else "epoch"
        text += f" · {counted} {run.epoch} of {run.epochs}"
    st.progress(min(1.0, run.epoch / run.epochs) if run.epochs else 0.0, text=f"{text} · {time_left(run)}")


def _meters(run: RunRecord) -> None:
    """One line on how hard the run works its machine; a dash holds the place of what cannot be told yet.

    Of the nodes of a cluster nothing can be told here.
    """
    speed = meters.speed(run, runs.read_events(run.id), _seen_an_epoch(run))
    told = [f"{f'{speed:,.0f}' if speed else '–'} {'images' if run.spec.backbone else 'rows'}/s"]
    told += ["on the Ray cluster"] if run.job else _use(run)
    # A phone breaks the line between its parts alone.
    st.caption(" · ".join(part.replace(" ", "\u00a0") for part in told))


def _use(run: RunRecord) -> list[str]:
    """What the run takes of this machine."""
    key = f"usage-{run.id}"
    before: meters.Usage | None = st.session_state.get(key)
    after = st.session_state[key] = meters.usage(run.pid) if run.pid else None
    busy = meters.processor(before, after) if before and after else None
    own = devices.indices(run.device)
    return [
        f"CPU {f'{busy:.1f}' if busy is not None else '–'} of {psutil.cpu_count()} cores",
        f"Memory {size(after.memory) if after else '–'}",
        *(gpu_in_words(gpu) for gpu in devices.gpus() if gpu.index in own),
    ]


def _seen_an_epoch(run: RunRecord) -> int:
    """How many samples an epoch goes through, augmented copies among them."""
    if run.spec.folds:
        n = round(run.n * (1 - 1 / run.spec.folds) * (1 - VALIDATION))
    else:
        n = sum(get_version(DataRef.parse(run.spec.data)).counts["train"].values())
    return n * (1 + (run.spec.views or 0))


def _outcome(run: RunRecord) -> None:
    for note in run.notes:
        st.caption(f":material/info: {literal(note)}")
    if run.failure:
        st.error(f"{literal(run.failure.message)}  \n{literal(run.failure.hint)}", icon=":material/error:")
    if run.state != "succeeded":
        if st.button(
            "Resume",
            icon=":material/resume:",
            key=f"resume-{run.id}",
            help="Goes on after the last epoch, with optimizer, schedule and history as they were.",
        ):
            with telling_errors():
                queue.resume(run.id)
            st.rerun()
        return
    took = sum(run.seconds.values())
    st.markdown(f"Accuracy on {run.metrics['n_test']:.0f} test samples: **{accuracy(run)}** · took {duration(took)}")
    others = [
        r for r in runs.list_runs(run.dataset, ["succeeded"]) if r.test_hash == run.test_hash and r.id != run.id
    ]
    with st.container(horizontal=True):
        if st.button("See how good it is", type="primary", icon=":material/query_stats:", key=f"see-{run.id}"):
            go("evaluate", runs=run.id)
        label = "Compare the two" if len(others) == 1 else "Compare with the one before"
        if others and st.button(label, icon=":material/compare_arrows:", key=f"compare-{run.id}"):
            go("evaluate", runs=f"{others[0].id},{run.id}")


def _curves(run: RunRecord) -> None:
    """Loss and accuracy so far. The charts keep their height from the start, so that nothing below moves."""
    events = runs.read_events(run.id)
    shown = [m for m in METRICS if charts.has_curve(events, m)]
    if not shown and (run.ended or run.state == "queued" or not run.spec.epochs):
        return
    shown = shown or [m for m in METRICS if run.spec.learning_rate or m != "learning_rate"]
    for column, metric in zip(st.columns(len(shown)), shown, strict=True):
        title = metric.replace("_", " ").capitalize()
        with column.container(height=charts.CURVE_HEIGHT, border=False):
            alt = f"{title} over the epochs."
            if run.ended:
                figure = charts.learning_curves({run.name: events}, metric)
                st.plotly_chart(figure, key=f"curve-{metric}-{run.id}", config=CHART, alt=alt)
            elif charts.has_curve(events, metric):
                rows, spec = charts.live_curve(events, metric)
                st.vega_lite_chart(rows, spec, height=charts.CURVE_HEIGHT - 10)
            else:
                st.caption(f"{title} appears here with the first epoch.")
