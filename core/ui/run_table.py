"""The table of runs, what can be done with those chosen, one run in full, and the bin."""

import zlib
from collections.abc import Callable, Mapping

import pandas as pd
import streamlit as st

from core.errors import NotFoundError
from core.jobs import queue
from core.methods import backbones as own
from core.methods.combinations import COMBINATIONS
from core.methods.learners import LEARNERS
from core.methods.strategies import STRATEGIES
from core.schemas import DataRef, RunRecord, TrainingSpec
from core.store import runs
from core.store.datasets import get_version
from core.ui import again
from core.ui.gallery import literal
from core.ui.page import go, telling_errors
from core.ui.words import accuracy, ago, duration, plural, size, state_badge


def curve_and_size(run_id: str) -> tuple[list[float], int]:
    """Validation accuracy over the epochs, and bytes on disk."""
    values = [e.values["val_accuracy"] for e in runs.read_events(run_id) if "val_accuracy" in e.values]
    return values, runs.run_size(run_id)


@st.cache_data(max_entries=512, show_spinner=False)
def final_curve_and_size(run_id: str, folder: str) -> tuple[list[float], int]:
    """The same of a run that has ended and no longer changes; `folder` keeps workspaces apart."""
    return curve_and_size(run_id)


@st.cache_data(ttl=5, show_spinner=False)
def newest_test(dataset: str, home: str) -> str:
    """The hash of the test part of a dataset's newest version; empty where there is none any more. `home` keeps
    workspaces apart."""
    try:
        return get_version(DataRef(dataset=dataset)).test_hash
    except NotFoundError:
        return ""


def test_set(run: RunRecord) -> str:
    """“other test set” where a run was judged on other samples or labels than runs on the newest version will be."""
    newest = newest_test(run.dataset, str(runs.run_folder("")))
    return "other test set" if newest and run.test_hash.split("-folds")[0] != newest else ""


def row(run: RunRecord, names: Mapping[str, str]) -> dict[str, object]:
    spec = run.spec
    folder = str(runs.run_folder(run.id))
    curve, n_bytes = final_curve_and_size(run.id, folder) if run.ended else curve_and_size(run.id)
    method = own.title_of(spec.backbone) if spec.backbone else None
    learner = LEARNERS[spec.learner].title if spec.learner in LEARNERS else spec.learner
    titles = {name: known.title for name, known in (STRATEGIES | COMBINATIONS).items()}
    return {
        "★": "★" if run.starred else "",
        "Name": run.name,
        "Dataset": names.get(run.dataset, run.dataset),
        "Model": f"{len(spec.members)} runs" if spec.members else method or learner,
        "Strategy": titles.get(spec.strategy or "", spec.strategy or ""),
        "Accuracy": accuracy(run),
        "Test set": test_set(run),
        "Curve": curve,
        "State": f"{run.state} {run.epoch}/{run.epochs}" if run.active and run.epochs else run.state,
        "Tags": list(run.tags),
        "Took": "" if run.took is None else duration(run.took),
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
            "★": st.column_config.TextColumn(width=32, help="Starred."),
            "Name": st.column_config.TextColumn(pinned=True),
            "Tags": st.column_config.ListColumn(),
            "Accuracy": st.column_config.TextColumn(help="On the test samples, with its 95 % Wilson interval."),
            "Test set": st.column_config.TextColumn(
                help="Other: judged on other samples or labels than the newest version's test part has, so not to be"
                " compared with runs on that."
            ),
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
        if len(good) > 1:
            with st.popover("Combine", icon=":material/merge:", help="Make one model of these runs."):
                _combine(good)
        if open_ and st.button("Cancel", icon=":material/cancel:"):
            each(open_, lambda run: queue.cancel(run.id))
        if len(chosen) == 1 and chosen[0].spec.backbone and not chosen[0].spec.members and good:
            source = f"{own.RUN}{good[0]}"
            if st.button("Use as a source", icon=":material/account_tree:", help="Train on from this run's network."):
                go("train", dataset=chosen[0].dataset, backbone=source)
        if len(chosen) == 1:
            again.button(chosen[0])
        starred = all(run.starred for run in chosen)
        if st.button("Unstar" if starred else "Star", icon=":material/star:"):
            each(chosen, lambda run: runs.update_run(run.id, starred=not starred))
        if len(chosen) == 1:
            with st.popover("Edit", icon=":material/edit:"):
                _edit(chosen[0])
        if st.button(
            "Move to the bin",
            icon=":material/delete:",
            disabled=any(r.active for r in chosen),
            help="It can be restored for 30 days.",
        ):
            each(chosen, lambda run: runs.bin_run(run.id))


def _combine(members: list[str]) -> None:
    """How the runs are to be one; the ensemble is a run of its own and goes into the queue."""
    way = st.radio(
        "How",
        list(COMBINATIONS),
        format_func=lambda name: COMBINATIONS[name].title,
        captions=[c.summary for c in COMBINATIONS.values()],
        help="  \n".join(f"**{c.title}**: {c.help}" for c in COMBINATIONS.values()),
    )
    if st.button("Make the ensemble", type="primary", icon=":material/merge:"):
        with telling_errors():
            first = runs.get_run(members[0])
            made = queue.submit(TrainingSpec(data=first.spec.data, strategy=way, members=tuple(members)))
            go("train", dataset=made.dataset, run=made.id)


def _edit(run: RunRecord) -> None:
    """A person's own words on a run."""
    name = st.text_input("Name", run.name, max_chars=80, key=f"rename-{run.id}")
    tags = st.multiselect(
        "Tags",
        list(run.tags),
        list(run.tags),
        accept_new_options=True,
        key=f"tags-{run.id}",
        placeholder="Type a tag",
    )
    note = st.text_area("Note", run.note, max_chars=2000, key=f"note-{run.id}")
    if st.button("Save", type="primary"):

        def save(run: RunRecord) -> None:
            runs.annotate(run.id, tags=tags, note=note)
            runs.rename_run(run.id, name)

        each([run], save)


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
    if run.note:
        st.markdown(literal(run.note))
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


def show_bin(names: Mapping[str, str]) -> None:
    """Runs that were thrown away, each with the way back and the way out for good."""
    thrown = runs.binned_runs()
    if not thrown:
        st.caption("The bin is empty. Runs that are moved here can be restored for 30 days.")
        return
    freed = size(sum(runs.run_size(run.id) for run in thrown))
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(f"{plural(len(thrown), 'run')}, {freed}. After 30 days they are deleted.", width="stretch")
        with st.popover("Empty the bin", icon=":material/delete_forever:"):
            st.markdown(f"Delete {plural(len(thrown), 'run')} with models and predictions? This cannot be undone.")
            if st.button("Delete for good", type="primary", icon=":material/delete_forever:"):
                each(thrown, lambda run: runs.delete_run(run.id))
    for run in thrown:
        with st.container(border=True, horizontal=True, vertical_alignment="center"):
            since = ago(run.binned) if run.binned else ""
            dataset = literal(names.get(run.dataset, run.dataset))
            st.markdown(f"**{literal(run.name)}**  \n{dataset} · thrown away {since}", width="stretch")
            if st.button("Restore", icon=":material/restore_from_trash:", key=f"restore-{run.id}"):
                each([run], lambda run: runs.restore_run(run.id))
