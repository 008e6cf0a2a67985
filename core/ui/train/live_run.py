"""The panel of a run: state, phase, curves, time left, the end of the log, and buttons to end it."""

import psutil
import streamlit as st

from core.charts.curves import CURVE_HEIGHT, has_curve, learning_curves, live_curve
from core.errors import NotFoundError
from core.jobs import devices, meters, queue
from core.methods.parts import VALIDATION
from core.schemas import DataRef, RunRecord
from core.store import runs
from core.store.datasets import get_version
from core.ui.shell.charts import draw
from core.ui.shell.handoff import retrain_button
from core.ui.shell.page import go, show_errors
from core.ui.shell.sidebar import FOLLOWED
from core.ui.shell.text import duration, format_accuracy, gpu_usage, literal, plural, size, state_badge, time_left
from core.ui.train import form

METRICS = ("loss", "accuracy", "learning_rate")


def show_run(run_id: str) -> None:
    """Show a run; refresh every second until it has ended, then run the whole page once more."""
    try:
        run = runs.get_run(run_id)
    except NotFoundError:
        st.info("This run has been deleted.", icon=":material/delete:")
        return
    if not run.ended:
        st.session_state.setdefault(FOLLOWED, set()).add(run.id)
    st.fragment(_show_panel, run_every=None if run.ended else 1.0)(run_id, was_ended=run.ended)


def _show_panel(run_id: str, was_ended: bool) -> None:
    queue.reconcile_runs()
    try:
        run = runs.get_run(run_id)
    except NotFoundError:  # deleted in another tab meanwhile
        st.rerun()
    if run.ended and not was_ended:
        st.rerun()
    with st.container(border=True):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"**{literal(run.name)}** {state_badge(run)}", width="stretch")
            can_finish = run.active and run.epoch
            if can_finish and st.button(
                "Finish now",
                icon=":material/flag:",
                key=form.run_key("finish", run.id),
                help="Ends after this epoch, keeps the best one and evaluates it.",
            ):
                with show_errors():
                    queue.finish_early(run.id)
            if not run.ended and st.button("Cancel", icon=":material/cancel:", key=form.run_key("cancel", run.id)):
                with show_errors():
                    queue.cancel(run.id)
                st.rerun()
            if run.ended:
                retrain_button(run)
        with st.container():  # one element always, so that what is below stays in its place at the end
            if run.ended:
                _show_result(run)
            else:
                _show_progress(run)
                _show_meters(run)
        _show_curves(run)
        log = runs.read_log(run.id)
        if log:
            with st.expander("Log", icon=":material/article:"):
                st.code(log, language=None, wrap_lines=True, height=260)


def _show_progress(run: RunRecord) -> None:
    if run.state == "queued":
        ahead = queue.queue_position(run)
        st.progress(0.0, text=f"Waiting: {plural(ahead, 'run')} ahead of this one")
        return
    text = run.phase.capitalize() or "Starting the worker"
    if run.epochs and run.epoch:
        unit = "epoch " if _counts_epochs(run) else ""
        text += f" · {unit}{run.epoch} of {run.epochs}"
    st.progress(min(1.0, run.epoch / run.epochs) if run.epochs else 0.0, text=f"{text} · {time_left(run)}")


def _counts_epochs(run: RunRecord) -> bool:
    """Whether the phase counts epochs, which have values, or something else, images for example."""
    return any(event.values for event in runs.read_events(run.id) if event.phase == run.phase)


def _show_meters(run: RunRecord) -> None:
    """One line with the run's speed and its use of the machine; a dash where that is not known yet.

    The use of a cluster's nodes is not known here.
    """
    speed = meters.samples_per_second(run, runs.read_events(run.id), _samples_per_epoch(run))
    parts = [f"{f'{speed:,.0f}' if speed else '–'} {'images' if run.spec.backbone else 'rows'}/s"]
    parts += ["on the Ray cluster"] if run.job else _measure_use(run)
    # A phone breaks the line between its parts alone.
    st.caption(" · ".join(part.replace(" ", "\u00a0") for part in parts))


def _measure_use(run: RunRecord) -> list[str]:
    """What the run uses of this machine."""
    key = form.run_key("usage", run.id)
    before: meters.Usage | None = st.session_state.get(key)
    after = st.session_state[key] = meters.process_usage(run.pid) if run.pid else None
    busy = meters.processor_load(before, after) if before and after else None
    used = devices.gpu_indices(run.device)
    return [
        f"CPU {f'{busy:.1f}' if busy is not None else '–'} of {psutil.cpu_count()} cores",
        f"Memory {size(after.memory) if after else '–'}",
        *(gpu_usage(gpu) for gpu in devices.gpus() if gpu.index in used),
    ]


def _samples_per_epoch(run: RunRecord) -> int:
    """Samples per epoch, augmented copies included."""
    if run.spec.folds:
        n = round(run.n * (1 - 1 / run.spec.folds) * (1 - VALIDATION))
    else:
        n = sum(get_version(DataRef.parse(run.spec.data)).counts["train"].values())
    return n * (1 + (run.spec.views or 0))


def _show_result(run: RunRecord) -> None:
    if run.metrics.get("one_class"):
        st.error("It predicts the same class for every sample: its accuracy says nothing.", icon=":material/error:")
    for note in run.notes:
        st.caption(f":material/info: {literal(note)}")
    if run.failure:
        st.error(f"{literal(run.failure.message)}  \n{literal(run.failure.hint)}", icon=":material/error:")
    if run.state != "succeeded":
        if st.button(
            "Resume",
            icon=":material/resume:",
            key=form.run_key("resume", run.id),
            help="Continues after the last epoch with its optimizer, schedule and history.",
        ):
            with show_errors():
                queue.resume(run.id)
            st.rerun()
        return
    took = sum(run.seconds.values())
    st.markdown(
        f"Accuracy on {run.metrics['n_test']:.0f} test samples: **{format_accuracy(run)}** · took {duration(took)}"
    )
    comparable = [
        r for r in runs.list_runs(run.dataset, ["succeeded"]) if r.test_hash == run.test_hash and r.id != run.id
    ]
    with st.container(horizontal=True):
        if st.button(
            "See how good it is", type="primary", icon=":material/query_stats:", key=form.run_key("see", run.id)
        ):
            go("evaluate", runs=run.id)
        label = "Compare the two" if len(comparable) == 1 else "Compare with the one before"
        if comparable and st.button(label, icon=":material/compare_arrows:", key=form.run_key("compare", run.id)):
            go("evaluate", runs=f"{comparable[0].id},{run.id}")


def _show_curves(run: RunRecord) -> None:
    """Loss and accuracy so far. The charts keep their height from the start, so that nothing below moves."""
    events = runs.read_events(run.id)
    shown = [m for m in METRICS if has_curve(events, m)]
    has_epochs = run.spec.epochs or run.spec.fine_tune_epochs
    if not shown and (run.ended or run.state == "queued" or not has_epochs):
        return
    shown = shown or [m for m in METRICS if has_epochs or m != "learning_rate"]
    for column, metric in zip(st.columns(len(shown)), shown, strict=True):
        title = metric.replace("_", " ").capitalize()
        with column.container(height=CURVE_HEIGHT, border=False):
            alt = f"{title} over the epochs."
            if run.ended:
                figure = learning_curves({run.name: events}, metric)
                draw(figure, f"curve-{metric}-{run.id}", alt)
            elif has_curve(events, metric):
                rows, spec = live_curve(events, metric)
                st.vega_lite_chart(rows, spec, height=CURVE_HEIGHT - 10)
            else:
                st.caption(f"{title} appears here with the first epoch.")
