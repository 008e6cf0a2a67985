"""A search as pages show it: how it goes, what it found, what mattered, and how to go on. And the list of all."""

import streamlit as st

from core import charts
from core.errors import GraftError, NotFoundError
from core.evaluation.intervals import wilson
from core.evaluation.scores import format_interval
from core.schemas import DataRef, RunRecord
from core.store import runs
from core.store.datasets import get_version
from core.studies import record as studies
from core.studies import study
from core.studies.record import OBJECTIVES, Range, StudyRecord, Trial
from core.ui import again
from core.ui.gallery import literal
from core.ui.page import go, telling_errors
from core.ui.words import accuracy, ago, duration, plural

CHART = {"displayModeBar": False}
MORE = 10
COLOURS = {"running": "blue", "ended": "green", "stopped": "gray", "failed": "red", "interrupted": "orange"}


def listed() -> None:
    """All searches, newest first, each with the way to its trials; nothing where there is none."""
    found = studies.list_studies()
    if not found:
        return
    busy = any(study.at_work(record) for record in found)
    with st.expander(f"Searches ({len(found)})", icon=":material/manage_search:", expanded=busy):
        for record in found:
            trials = studies.read_trials(record.id)
            best = studies.best_trial(record, trials)
            said = f" · best {OBJECTIVES[record.spec.objective].lower()} {best.value:.4g}" if best else ""
            with st.container(horizontal=True, vertical_alignment="center"):
                st.markdown(
                    f"**{literal(record.name)}** {_badge(record)}  \n{literal(record.dataset)} ·"
                    f" {plural(len(trials), 'trial')}{said} · {ago(record.created)}",
                    width="stretch",
                )
                if st.button("Open", key=f"open-{record.id}"):
                    go("runs", study=record.id)


def show(study_id: str) -> None:
    """One search; while it is at work it is looked at again every two seconds."""
    try:
        record = studies.get_study(study_id)
    except NotFoundError:
        st.info("This search is not here any more.", icon=":material/delete:")
        return
    busy = study.at_work(record)
    st.fragment(_panel, run_every=2.0 if busy else None)(record.id, was_busy=busy)


def _panel(study_id: str, was_busy: bool) -> None:
    record = studies.get_study(study_id)
    if was_busy and not study.at_work(record):
        st.rerun()
    trials = studies.read_trials(record.id)
    _head(record, trials)
    best = studies.best_trial(record, trials)
    if best:
        _best(record, trials, best)
    if any(t.value is not None for t in trials):
        _pictures(record, trials)


def _head(record: StudyRecord, trials: list[Trial]) -> None:
    """What is searched, how far it is, and the buttons that stop it or go on."""
    busy = study.at_work(record)
    most = record.spec.trials
    counted = f"{len(trials)} of {most} trials" if most and busy else plural(len(trials), "trial")
    with st.container(horizontal=True, vertical_alignment="center"):
        with st.container(width="stretch"):
            st.subheader(literal(record.name), anchor=False)
            st.markdown(
                f"{_badge(record)} {literal(record.spec.base.data.split('@')[0])} · {counted} ·"
                f" {duration(record.seconds) if record.seconds else 'just begun'}",
                help=f"{record.engine}. {_searched(record)}",
            )
        if busy:
            if st.button(
                "Stop", icon=":material/stop_circle:", help="Cancels what is at work; what has ended stays."
            ):
                with telling_errors():
                    study.stop(record.id)
        elif st.button(
            f"{MORE} more trials" if record.state in ("ended", "failed") and most else "Go on",
            icon=":material/resume:",
            help="Goes on from all trials there are.",
        ):
            with telling_errors():
                study.resume(record.id, MORE if record.state in ("ended", "failed") else 0)
                st.rerun()
    if busy and most:
        done = sum(t.state != "running" for t in trials)
        st.progress(min(1.0, done / most), text=f"{plural(done, 'trial')} done")
    if record.note:
        st.error(literal(record.note), icon=":material/error:")
    elif not busy and record.state == "running":
        st.warning(
            "This search was interrupted: its process has gone. Go on, and it takes up where it was.",
            icon=":material/power_off:",
        )
    failed = [t for t in trials if t.state == "failed"]
    if failed:
        st.caption(f":material/info: {plural(len(failed), 'trial')} failed. The first: {literal(failed[0].reason)}")


def _best(record: StudyRecord, trials: list[Trial], best: Trial) -> None:
    """The best trial in words, what the test samples say of it, and what can be done with it."""
    try:
        run = runs.get_run(best.run)
    except NotFoundError:
        st.caption(":material/info: The run of the best trial was deleted.")
        return
    settings = ", ".join(f"{field.replace('_', ' ')} {_said(value)}" for field, value in best.values.items())
    st.markdown(f"**Best: trial {best.number + 1}** · {literal(settings)}")
    st.markdown(
        f"{_on_validation(record, run)}. Accuracy on {run.metrics['n_test']:.0f} test samples: **{accuracy(run)}**.",
        help="The best of many trials looks better on the validation samples than it is, for it was chosen by them."
        " The test samples had no say in the choice.",
    )
    usual = trials[0] if trials[0].run != best.run and trials[0].state == "complete" else None
    with st.container(horizontal=True):
        if st.button("Evaluate the best", type="primary", icon=":material/query_stats:"):
            go("evaluate", runs=run.id)
        if usual and st.button(
            "Is it better than the first?",
            icon=":material/compare_arrows:",
            help="The first trial has the preset's own settings where the search space holds them.",
        ):
            go("evaluate", runs=f"{usual.run},{run.id}")
        again.button(run)


def _on_validation(record: StudyRecord, run: RunRecord) -> str:
    """What was searched for, and the validation accuracy with its interval."""
    loss, accuracy = (run.metrics.get(name) for name in ("validation_loss", "validation_accuracy"))
    said = f"Validation loss {loss:.3g}" if loss is not None and record.spec.objective == "validation_loss" else ""
    if accuracy is None:
        return said
    try:
        n = sum(get_version(DataRef.parse(run.spec.data)).counts.get("validation", {}).values())
    except GraftError:
        n = 0
    interval = format_interval(accuracy, *wilson(round(accuracy * n), n)) if n and not run.spec.folds else None
    shown = f"accuracy there {interval or f'{accuracy:.2f}'}"
    return f"{said}, {shown}" if said else f"Validation {shown.replace(' there', '')}"


def _pictures(record: StudyRecord, trials: list[Trial]) -> None:
    title, least = OBJECTIVES[record.spec.objective], record.spec.objective == "validation_loss"
    left, right = st.columns([3, 2], gap="medium")
    with left:
        st.plotly_chart(
            charts.search_history(trials, title, least=least),
            key=f"history-{record.id}",
            config=CHART,
            alt="The objective of each trial and the best so far.",
        )
    with right:
        if record.importance:
            st.markdown(
                "What mattered",
                help="Each setting's share of the differences between trials (fANOVA, Hutter et al. 2014), over the"
                " settings that all trials have.",
            )
            st.plotly_chart(
                charts.search_importance(record.importance),
                key=f"search-importance-{record.id}",
                config=CHART,
                alt="Each setting's share of the differences between trials.",
            )
        else:
            st.caption("What mattered appears here when the search has ended with four trials or more.")
    with st.expander("Each setting by itself", icon=":material/scatter_plot:", expanded=not study.at_work(record)):
        fields = list(record.spec.space)
        columns = st.columns(min(3, len(fields)), gap="small")
        for i, field in enumerate(fields):
            values = record.spec.space[field]
            columns[i % len(columns)].plotly_chart(
                charts.setting_slice(trials, field, title, log=isinstance(values, Range) and values.log, least=least),
                key=f"slice-{record.id}-{field}",
                config=CHART,
                alt=f"The objective over {field}.",
            )


def _badge(record: StudyRecord) -> str:
    state = study.state_of(record)
    return f":{COLOURS[state]}-badge[{state}]"


def _searched(record: StudyRecord) -> str:
    said = []
    for field, values in record.spec.space.items():
        within = f"{values.low:g} to {values.high:g}" if isinstance(values, Range) else ", ".join(map(str, values))
        said.append(f"{field.replace('_', ' ')}: {within}")
    return literal("; ".join(said))


def _said(value: object) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)
