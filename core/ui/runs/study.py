"""Searches: the list of all, and one with its progress, best trial, history and importance of settings."""

import streamlit as st

from core.charts.studies import search_history, search_importance, setting_slice
from core.errors import GraftError, NotFoundError
from core.evaluation.intervals import wilson
from core.evaluation.scores import format_interval
from core.schemas import DataRef, RunRecord
from core.store import runs
from core.store.datasets import get_version
from core.studies import record as studies
from core.studies import study
from core.studies.record import OBJECTIVES, Range, StudyRecord, Trial
from core.ui.shell.charts import draw
from core.ui.shell.handoff import retrain_button
from core.ui.shell.page import go, show_errors
from core.ui.shell.text import duration, format_accuracy, literal, plural, time_since

MORE = 10
COLOURS = {"running": "blue", "ended": "green", "stopped": "gray", "failed": "red", "interrupted": "orange"}


def list_searches() -> None:
    """All searches, newest first, each with the way to its trials; nothing where there is none."""
    records = studies.list_studies()
    if not records:
        return
    busy = any(study.is_searching(record) for record in records)
    with st.expander(f"Searches ({len(records)})", icon=":material/manage_search:", expanded=busy):
        for record in records:
            trials = studies.read_trials(record.id)
            best = studies.best_trial(record, trials)
            best_value = f" · best {OBJECTIVES[record.spec.objective].lower()} {best.value:.4g}" if best else ""
            with st.container(horizontal=True, vertical_alignment="center"):
                st.markdown(
                    f"**{literal(record.name)}** {_badge(record)}  \n{literal(record.dataset)} ·"
                    f" {plural(len(trials), 'trial')}{best_value} · {time_since(record.created)}",
                    width="stretch",
                )
                if st.button("Open", key=f"open-{record.id}"):
                    go("runs", study=record.id)


def show_search(study_id: str) -> None:
    """One search; while it is running it is refreshed every two seconds."""
    try:
        record = studies.get_study(study_id)
    except NotFoundError:
        st.info("This search is not here any more.", icon=":material/delete:")
        return
    busy = study.is_searching(record)
    st.fragment(_show_panel, run_every=2.0 if busy else None)(record.id, was_busy=busy)


def _show_panel(study_id: str, was_busy: bool) -> None:
    record = studies.get_study(study_id)
    if was_busy and not study.is_searching(record):
        st.rerun()
    trials = studies.read_trials(record.id)
    _show_head(record, trials)
    best = studies.best_trial(record, trials)
    if best:
        _show_best(record, trials, best)
    if any(t.value is not None for t in trials):
        _show_charts(record, trials)


def _show_head(record: StudyRecord, trials: list[Trial]) -> None:
    """What is searched, the progress, and buttons that stop or continue it."""
    busy = study.is_searching(record)
    most = record.spec.trials
    counted = f"{len(trials)} of {most} trials" if most and busy else plural(len(trials), "trial")
    with st.container(horizontal=True, vertical_alignment="center"):
        with st.container(width="stretch"):
            st.subheader(literal(record.name), anchor=False)
            st.markdown(
                f"{_badge(record)} {literal(record.spec.base.data.split('@')[0])} · {counted} ·"
                f" {duration(record.seconds) if record.seconds else 'just begun'}",
                help=f"{record.engine}. {_describe_space(record)}",
            )
        if busy:
            if st.button(
                "Stop", icon=":material/stop_circle:", help="Cancels the running trials; finished ones are kept."
            ):
                with show_errors():
                    study.stop(record.id)
        elif st.button(
            f"{MORE} more trials" if record.state in ("ended", "failed") and most else "Go on",
            icon=":material/resume:",
            help="Continues after the trials so far.",
        ):
            with show_errors():
                study.resume(record.id, MORE if record.state in ("ended", "failed") else 0)
                st.rerun()
    if busy and most:
        done = sum(t.state != "running" for t in trials)
        st.progress(min(1.0, done / most), text=f"{plural(done, 'trial')} done")
    if record.note:
        st.error(literal(record.note), icon=":material/error:")
    elif not busy and record.state == "running":
        st.warning(
            "This search was interrupted: its process has ended. “Go on” continues it.", icon=":material/power_off:"
        )
    failed = [t for t in trials if t.state == "failed"]
    if failed:
        st.caption(f":material/info: {plural(len(failed), 'trial')} failed. The first: {literal(failed[0].reason)}")


def _show_best(record: StudyRecord, trials: list[Trial], best: Trial) -> None:
    """The best trial, its test accuracy, and what can be done with it."""
    try:
        run = runs.get_run(best.run)
    except NotFoundError:
        st.caption(":material/info: The run of the best trial was deleted.")
        return
    values = {field: f"{value:.3g}" if isinstance(value, float) else value for field, value in best.values.items()}
    settings = ", ".join(f"{field.replace('_', ' ')} {value}" for field, value in values.items())
    st.markdown(f"**Best: trial {best.number + 1}** · {literal(settings)}")
    st.markdown(
        f"{_describe_validation(record, run)}. Accuracy on {run.metrics['n_test']:.0f} test samples:"
        f" **{format_accuracy(run)}**.",
        help="The best of many trials looks better on the validation samples than it is, because it was chosen by"
        " them. The test samples were not used in the choice.",
    )
    first = trials[0] if trials[0].run != best.run and trials[0].state == "complete" else None
    with st.container(horizontal=True):
        if st.button("Evaluate the best", type="primary", icon=":material/query_stats:"):
            go("evaluate", runs=run.id)
        if first and st.button(
            "Is it better than the first?",
            icon=":material/compare_arrows:",
            help="The first trial has the preset's own settings where the search space holds them.",
        ):
            go("evaluate", runs=f"{first.run},{run.id}")
        retrain_button(run)


def _describe_validation(record: StudyRecord, run: RunRecord) -> str:
    """The objective, and the validation accuracy with its interval."""
    loss, accuracy = (run.metrics.get(name) for name in ("validation_loss", "validation_accuracy"))
    shown = f"Validation loss {loss:.3g}" if loss is not None and record.spec.objective == "validation_loss" else ""
    if accuracy is None:
        return shown
    try:
        n = sum(get_version(DataRef.parse(run.spec.data)).counts.get("validation", {}).values())
    except GraftError:
        n = 0
    interval = format_interval(accuracy, *wilson(round(accuracy * n), n)) if n and not run.spec.folds else None
    value = interval or f"{accuracy:.2f}"
    return f"{shown}, accuracy there {value}" if shown else f"Validation accuracy {value}"


def _show_charts(record: StudyRecord, trials: list[Trial]) -> None:
    title, least = OBJECTIVES[record.spec.objective], record.spec.objective == "validation_loss"
    left, right = st.columns([3, 2], gap="medium")
    with left:
        draw(
            search_history(trials, title, least=least),
            f"history-{record.id}",
            "The objective of each trial and the best so far.",
        )
    with right:
        if record.importance:
            st.markdown(
                "What mattered",
                help="Each setting's share of the differences between trials (fANOVA, Hutter et al. 2014), over the"
                " settings that all trials have.",
            )
            draw(
                search_importance(record.importance),
                f"search-importance-{record.id}",
                "Each setting's share of the differences between trials.",
            )
        else:
            st.caption(
                "The importance of each setting appears here when the search has ended with four trials or more."
            )
    with st.expander(
        "Each setting by itself", icon=":material/scatter_plot:", expanded=not study.is_searching(record)
    ):
        fields = list(record.spec.space)
        columns = st.columns(min(3, len(fields)), gap="small")
        for i, field in enumerate(fields):
            values = record.spec.space[field]
            with columns[i % len(columns)]:
                draw(
                    setting_slice(trials, field, title, log=isinstance(values, Range) and values.log, least=least),
                    f"slice-{record.id}-{field}",
                    f"The objective over {field}.",
                )


def _badge(record: StudyRecord) -> str:
    state = study.study_state(record)
    return f":{COLOURS[state]}-badge[{state}]"


def _describe_space(record: StudyRecord) -> str:
    ranges = []
    for field, values in record.spec.space.items():
        within = f"{values.low:g} to {values.high:g}" if isinstance(values, Range) else ", ".join(map(str, values))
        ranges.append(f"{field.replace('_', ' ')}: {within}")
    return literal("; ".join(ranges))
