"""Home's cards of the datasets that were last worked with."""

import streamlit as st

from core.evaluation.scores import format_interval
from core.jobs import queue
from core.schemas import ACTIVE, DataRef, DatasetRecord, RunRecord, RunState, VersionRecord
from core.store import datasets, runs
from core.ui.shell.page import go, show_errors
from core.ui.shell.text import literal, plural, time_left, time_since

RECENT = 6
UNFINISHED: tuple[RunState, ...] = (*ACTIVE, "queued")


def show_recent_datasets() -> None:
    """The datasets last worked with, their best score and running runs; refreshes only while there are some."""
    last = {dataset.id: dataset.created for dataset in datasets.list_datasets()}
    if not last:
        return
    for run in runs.list_runs():
        if run.dataset in last:
            last[run.dataset] = max(last[run.dataset], run.created)
    ids = sorted(last, key=lambda dataset_id: last[dataset_id], reverse=True)
    st.subheader("Go on", anchor=False)
    busy = bool(runs.list_runs(states=UNFINISHED))
    st.fragment(_show_cards, run_every=2 if busy else None)(ids[:RECENT], busy)
    if len(ids) > RECENT and st.button(f"All {len(ids)} datasets", icon=":material/photo_library:"):
        go("data")


def _show_cards(ids: list[str], was_busy: bool) -> None:
    queue.reconcile_runs()
    if was_busy and not runs.list_runs(states=UNFINISHED):
        st.rerun()
    for first in range(0, len(ids), 3):
        for place, dataset_id in zip(st.columns(3), ids[first : first + 3], strict=False):
            with place, st.container(border=True, height="stretch", gap="xsmall"), show_errors():
                _show_card(datasets.get_dataset(dataset_id))


def _show_card(dataset: DatasetRecord) -> None:
    """What a dataset is, its best score so far, and its unfinished runs."""
    version = datasets.get_version(DataRef(dataset=dataset.id))
    noun = "image" if dataset.kind == "image" else "row"
    icon = ":material/photo_library:" if dataset.kind == "image" else ":material/table:"
    if st.button(literal(dataset.name), key=f"open-{dataset.id}", icon=icon, type="tertiary"):
        go("data", dataset=dataset.id)
    what = plural(len(dataset.classes), "class", "classes") if dataset.labelled else "unlabelled"
    st.caption(f"{plural(dataset.n, noun)} · {what} · {time_since(dataset.created)}")
    of_dataset = runs.list_runs(dataset=dataset.id)
    facts = [f"best {best}" if (best := _best_score(of_dataset, version)) else "not trained yet"]
    if version.findings:
        facts.append(plural(len(version.findings), "finding"))
    st.markdown(" · ".join(facts))
    for run in of_dataset:
        if run.state in UNFINISHED:
            _show_unfinished(run)


def _best_score(of_dataset: list[RunRecord], version: VersionRecord) -> str:
    """The highest accuracy with its interval among runs judged on this version's test part; empty for none."""
    judged = [r for r in of_dataset if r.state == "succeeded" and r.test_hash == version.test_hash]
    if not judged:
        return ""
    best = max(judged, key=lambda run: run.metrics["accuracy"]).metrics
    return f"**{format_interval(best['accuracy'], best['accuracy_low'], best['accuracy_high'])}**"


def _show_unfinished(run: RunRecord) -> None:
    """A run that waits or trains; a click leads to it."""
    if run.state == "queued":
        text = f"{plural(queue.queue_position(run), 'run')} ahead of it"
    else:
        text = f"{run.phase or run.state}, {time_left(run)}"
    label = f"{literal(run.name)}: {text}"
    if st.button(label, key=f"watch-{run.id}", icon=":material/play_circle:", type="tertiary"):
        go("train", dataset=run.dataset, run=run.id)
