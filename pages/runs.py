"""Runs: all of them in one table; evaluate, compare, rename, cancel and delete; what each was made with."""

import zlib
from collections.abc import Callable, Mapping

import pandas as pd
import streamlit as st

from core.evaluation.scores import format_interval
from core.jobs import queue
from core.models.own import title_of
from core.models.tabular import LEARNERS
from core.schemas import ACTIVE, FINISHED, RunRecord
from core.store import datasets, runs
from core.transfer.strategies import STRATEGIES
from core.ui.gallery import literal
from core.ui.page import empty, go, guard, telling_errors
from core.ui.words import duration, plural, size, state_badge

guard("runs")


def choose(field: str, label: str, options: Mapping[str, str]) -> str | None:
    """A filter that stands in the address (`?dataset=ID`); `None` means all."""
    asked = st.query_params.get(field)
    st.session_state[f"runs-{field}"] = asked if asked in options else None

    def keep() -> None:
        chosen = st.session_state[f"runs-{field}"]
        if chosen is None:
            st.query_params.pop(field, None)
        else:
            st.query_params[field] = chosen

    return st.selectbox(
        label,
        list(options),
        index=None,
        format_func=lambda x: options[x],
        placeholder="All",
        key=f"runs-{field}",
        on_change=keep,
        width=260,
    )


def curve_and_size(run_id: str) -> tuple[list[float], int]:
    """Validation accuracy over the epochs, and bytes on disk."""
    values = [e.values["val_accuracy"] for e in runs.read_events(run_id) if "val_accuracy" in e.values]
    return values, runs.run_size(run_id)


@st.cache_data(max_entries=512, show_spinner=False)
def final_curve_and_size(run_id: str, folder: str) -> tuple[list[float], int]:
    """The same of a run that has ended and no longer changes; `folder` keeps workspaces apart."""
    return curve_and_size(run_id)


def row(run: RunRecord, names: Mapping[str, str]) -> dict[str, object]:
    m, spec = run.metrics, run.spec
    folder = str(runs.run_folder(run.id))
    curve, n_bytes = final_curve_and_size(run.id, folder) if run.ended else curve_and_size(run.id)
    method = title_of(spec.backbone) if spec.backbone else None
    learner = LEARNERS[spec.learner].title if spec.learner in LEARNERS else spec.learner
    return {
        "Name": run.name,
        "Dataset": names[run.dataset],
        "Model": method or learner,
        "Strategy": STRATEGIES[spec.strategy].title if spec.strategy in STRATEGIES else spec.strategy or "",
        "Accuracy": format_interval(m["accuracy"], m["accuracy_low"], m["accuracy_high"]) if m else "",
        "Curve": curve,
        "State": f"{run.state} {run.epoch}/{run.epochs}" if run.active and run.epochs else run.state,
        "Took": duration((run.finished - run.started).total_seconds()) if run.finished and run.started else "",
        "On disk": size(n_bytes),
        "Started": run.started or run.created,
    }


def choose_rows(shown: list[RunRecord], names: Mapping[str, str]) -> list[RunRecord]:
    """The table. Which runs are chosen stands in the address, so it survives a run that comes or goes."""
    ids = [r.id for r in shown]
    asked = st.query_params.get("chosen", "").split(",")
    key = f"runs-table-{zlib.crc32(','.join(ids).encode())}"  # rows are chosen by place: another list, another table

    def keep() -> None:
        st.query_params["chosen"] = ",".join(ids[i] for i in st.session_state[key].selection.rows)

    event = st.dataframe(
        pd.DataFrame([row(run, names) for run in shown]),
        hide_index=True,
        key=key,
        on_select=keep,
        selection_mode="multi-row",
        selection_default={"selection": {"rows": [ids.index(i) for i in asked if i in ids]}},
        column_config={
            "Name": st.column_config.TextColumn(pinned=True),
            "Accuracy": st.column_config.TextColumn(help="On the test samples, with its 95 % Wilson interval."),
            "Curve": st.column_config.LineChartColumn(help="Validation accuracy over the epochs.", y_min=0, y_max=1),
            "Started": st.column_config.DatetimeColumn(format="distance"),
        },
    )
    return [shown[i] for i in event.selection.rows if i < len(shown)]


def act(chosen: list[RunRecord]) -> None:
    """What can be done with the chosen runs."""
    good = [r.id for r in chosen if r.state == "succeeded"]
    open_ = [r for r in chosen if not r.ended]
    with st.container(horizontal=True):
        if len(chosen) == 1 and open_ and st.button("Watch", type="primary", icon=":material/visibility:"):
            go("train", dataset=chosen[0].dataset, run=chosen[0].id)
        if len(chosen) == 1 and good and st.button("Evaluate", type="primary", icon=":material/query_stats:"):
            go("evaluate", runs=good[0])
        if len(good) > 1 and st.button("Compare", type="primary", icon=":material/compare_arrows:"):
            go("evaluate", runs=",".join(good))
        if open_ and st.button("Cancel", icon=":material/cancel:"):
            each(open_, lambda run: queue.cancel(run.id))
        if len(chosen) == 1:
            with st.popover("Rename", icon=":material/edit:"):
                name = st.text_input("Name", chosen[0].name, max_chars=80, key=f"rename-{chosen[0].id}")
                if st.button("Save", type="primary"):
                    each(chosen, lambda run: runs.rename_run(run.id, name))
        with st.popover("Delete", icon=":material/delete:", disabled=any(r.active for r in chosen)):
            freed = size(sum(runs.run_size(r.id) for r in chosen))
            what = f"“{literal(chosen[0].name)}”" if len(chosen) == 1 else plural(len(chosen), "run")
            st.markdown(f"Delete {what} with model and predictions? This frees {freed} and cannot be undone.")
            if st.button("Delete for good", type="primary", icon=":material/delete_forever:"):
                each(chosen, lambda run: runs.delete_run(run.id))


def each(chosen: list[RunRecord], action: Callable[[RunRecord], object]) -> None:
    """Do it to every run, then draw the page anew unless there is an error to read."""
    failed = True
    with telling_errors():
        for run in chosen:
            action(run)
        failed = False
    if not failed:
        st.rerun()


def detail(run: RunRecord) -> None:
    """One run: why it failed, what it noted, its settings, times and surroundings, and the end of its log."""
    st.subheader(literal(run.name), anchor=False)
    st.markdown(f"{state_badge(run)} `{run.id}` · {literal(run.spec.data)}")
    if run.failure:
        st.error(f"{literal(run.failure.message)}  \n{literal(run.failure.hint)}", icon=":material/error:")
    for note in run.notes:
        st.caption(f":material/info: {literal(note)}")
    settings = run.spec.model_dump(exclude_none=True, exclude={"data", "name"})
    made_with = run.environment.get("libraries", {}) | run.environment.get("hardware", {})
    seconds = {part: f"{value:.1f} s" for part, value in run.seconds.items()}
    columns = st.columns(3, gap="medium")
    for column, title, facts in zip(
        columns, ("Setting", "Part", "Made with"), (settings, seconds, made_with), strict=True
    ):
        if facts:
            words = [", ".join(map(str, v)) or "none" if isinstance(v, list) else str(v) for v in facts.values()]
            table = pd.DataFrame({title: [k.replace("_", " ") for k in facts], "Value": words})
            column.dataframe(table, hide_index=True, height="content")
    log = runs.read_log(run.id)
    if log:
        with st.expander("Log", icon=":material/article:"):
            st.code(log, language=None, wrap_lines=True, height=260)


st.title("Runs", anchor=False)
with telling_errors():
    queue.reconcile()
everything = runs.list_runs()
if not everything:
    empty("No run yet. Here you will see all of them.", "train", "Train", ":material/model_training:")
known = {d.id: d.name for d in datasets.list_datasets()}
names = {r.dataset: known.get(r.dataset, f"{r.dataset} (deleted)") for r in everything}
with st.container(horizontal=True):
    dataset = choose("dataset", "Dataset", names)
    state = choose("state", "State", {s: s.capitalize() for s in ("queued", *ACTIVE, *FINISHED)})
shown = [r for r in everything if dataset in (None, r.dataset) and state in (None, r.state)]
if not shown:
    st.caption("No run is like that.")
    st.stop()
chosen = choose_rows(shown, names)
if not chosen:
    st.caption("Choose a run on the left edge of its row to see more of it, two or more to compare them.")
    st.stop()
act(chosen)
if len(chosen) == 1:
    detail(chosen[0])
