"""What can be done with runs: import one that another Graft exported, and the buttons for the chosen ones."""

from collections.abc import Callable

import streamlit as st

from core.jobs import queue, tasks
from core.methods import backbones as own
from core.methods.combinations import COMBINATIONS
from core.schemas import RunRecord, TrainingSpec
from core.store import runs
from core.ui.shell import task_panel, uploads
from core.ui.shell.handoff import open_train_page, retrain_button
from core.ui.shell.page import go, show_errors
from core.ui.shell.text import literal

IMPORT = "run"  # the task
SLOT = "run-file"


def show_actions(chosen: list[RunRecord]) -> None:
    """The buttons that apply to the chosen runs."""
    succeeded = [r.id for r in chosen if r.state == "succeeded"]
    unfinished = [r for r in chosen if not r.ended]
    with st.container(horizontal=True):
        if len(chosen) == 1 and unfinished and st.button("Watch", type="primary", icon=":material/visibility:"):
            go("train", dataset=chosen[0].dataset, run=chosen[0].id)
        if len(chosen) == 1 and succeeded and st.button("Evaluate", type="primary", icon=":material/query_stats:"):
            go("evaluate", runs=succeeded[0])
        if len(succeeded) > 1 and st.button("Compare", type="primary", icon=":material/compare_arrows:"):
            go("evaluate", runs=",".join(succeeded))
        if len(succeeded) > 1:
            with st.popover("Combine", icon=":material/merge:", help="Make one model of these runs."):
                _show_combinations(succeeded)
        if unfinished and st.button("Cancel", icon=":material/cancel:"):
            apply_to_all(unfinished, lambda run: queue.cancel(run.id))
        if len(chosen) == 1 and chosen[0].spec.backbone and not chosen[0].spec.members and succeeded:
            source = f"{own.RUN}{succeeded[0]}"
            if st.button(
                "Use as a source", icon=":material/account_tree:", help="Continue training from this run's network."
            ):
                open_train_page(TrainingSpec(data=chosen[0].dataset, backbone=source))
        if len(chosen) == 1:
            retrain_button(chosen[0])
        starred = all(run.starred for run in chosen)
        if st.button("Unstar" if starred else "Star", icon=":material/star:"):
            apply_to_all(chosen, lambda run: runs.update_run(run.id, starred=not starred))
        if len(chosen) == 1:
            with st.popover("Edit", icon=":material/edit:"):
                _edit_run(chosen[0])
        if st.button(
            "Move to the bin",
            icon=":material/delete:",
            disabled=any(r.active for r in chosen),
            help="It can be restored for 30 days.",
        ):
            apply_to_all(chosen, lambda run: runs.bin_run(run.id))


def _show_combinations(members: list[str]) -> None:
    """How to combine the runs; the ensemble is a run of its own and is queued."""
    strategy = st.radio(
        "How",
        list(COMBINATIONS),
        format_func=lambda name: COMBINATIONS[name].title,
        captions=[c.summary for c in COMBINATIONS.values()],
        help="  \n".join(f"**{c.title}**: {c.help}" for c in COMBINATIONS.values()),
    )
    if st.button("Make the ensemble", type="primary", icon=":material/merge:"):
        with show_errors():
            first = runs.get_run(members[0])
            made = queue.submit(TrainingSpec(data=first.spec.data, strategy=strategy, members=tuple(members)))
            go("train", dataset=made.dataset, run=made.id)


def _edit_run(run: RunRecord) -> None:
    """Name, tags and note of a run."""
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
            runs.annotate_run(run.id, tags=tags, note=note)
            runs.rename_run(run.id, name)

        apply_to_all([run], save)


def apply_to_all(chosen: list[RunRecord], action: Callable[[RunRecord], object]) -> None:
    """Do it to every run, then run the page again unless there is an error to read."""
    failed = True
    with show_errors():
        for run in chosen:
            action(run)
        failed = False
    if not failed:
        st.rerun()


def show_run_import() -> None:
    """A button with a place to drop the file; under it the progress of the import, and once how it ended."""
    button = st.popover("Import a run", icon=":material/upload:")
    busy = task_panel.is_busy(IMPORT, "Importing", at_end=_finish_import)
    with button:
        path = uploads.upload_field(
            SLOT,
            "A run from another Graft",
            ["zip"],
            help="Exported there on Evaluate: Export, Whole run. Its data need not be here. Code inside a file is"
            " never run.",
        )
    if path and not busy:
        task_panel.start(IMPORT, f"Run from {path.name}", path=str(path))


def _finish_import(task_id: str) -> None:
    uploads.discard_upload(SLOT)
    if tasks.task_folder(task_id).exists() and tasks.get_task(task_id).state == "succeeded":
        run = runs.get_run(tasks.result(task_id)["run"])
        st.success(f"“{literal(run.name)}” was imported.", icon=":material/check:")
