"""Importing from a page: started at once or as a task, and the imports that are running."""

import shutil
from pathlib import Path
from typing import Any

import streamlit as st

from core.data.files.packed import ENDINGS
from core.data.import_task import NO_REST, import_rest
from core.data.importing import import_data
from core.data.reading.packing import TABLE_SUFFIXES
from core.errors import GraftError
from core.jobs import tasks
from core.store import datasets
from core.ui.shell import task_panel
from core.ui.shell.page import go, show_error, show_errors
from core.ui.shell.text import literal
from core.ui.shell.uploads import discard_upload, keep_upload, release_upload

REST = "rest"  # in the address: the dataset that an import made of images without a class
OWN = "import"  # the import this visitor started last, in the session and in the address
TABLE_SLOT = "table"  # the table that waits for its target
SMALL = 4 * 2**20  # bytes: some dozens of photographs, or some ten thousand rows
ARCHIVE_TYPES = [ending.removeprefix(".") for ending in ENDINGS]
TABLE_TYPES = [ending.removeprefix(".") for ending in (*TABLE_SUFFIXES, ".zip")]


def import_source(source: Path | str, slot: str | None = None, **options: Any) -> None:
    """Import, then show the dataset. If it is refused, the reason is shown and nothing is kept.

    Shipped samples and files up to `SMALL` are imported at once, in about a second, which is what it costs to start a
    process; anything larger becomes a task that `show_imports` shows. `slot` is the one the file was dropped on: the
    task then owns the file and removes it.
    """
    if not _is_small(source):
        with show_errors():
            name = Path(source).name
            record = tasks.start("import", name, source=str(source), uploaded=slot is not None, **options)
            if slot:
                release_upload(slot)
            st.session_state[OWN] = record.id
            st.rerun()
        return
    place = st.empty()
    bar = place.progress(0.0, text="Reading")

    def show(done: int, total: int) -> None:
        bar.progress(done / total, text=f"Image {done:,} of {total:,}")

    rest = options.pop("rest", False)
    told = {}
    try:
        result = import_data(source, progress=show, **options)
        if rest:
            made = import_rest(source, result.dataset, progress=show)
            told = {REST: made.dataset.id if made else NO_REST}
    except GraftError as error:
        place.empty()
        show_error(error)
        return
    place.empty()
    go("data", dataset=result.dataset.id, **told)


def import_upload(path: Path, slot: str, **options: Any) -> None:
    """Import a file that was dropped; it is removed, whatever comes of it."""
    try:
        import_source(path, slot=slot, **options)
    finally:
        discard_upload(slot)


def _is_small(source: Path | str) -> bool:
    return str(source).startswith("sample:") or (Path(source).is_file() and Path(source).stat().st_size <= SMALL)


def show_imports() -> None:
    """The running imports, with their progress and a way to cancel them; the page can be used meanwhile.

    When the one that this visitor started has succeeded, its dataset is shown. The address names it, so that a
    reloaded page finds it again.
    """
    own = st.session_state.setdefault(OWN, st.query_params.get(OWN))
    if own and not _finish(own):
        st.query_params[OWN] = own
    for record in tasks.active_tasks("import"):
        task_panel.show_task(
            record.id, literal(record.title), 0.5, counted=False, after_cancel=datasets.sweep_staging
        )


def _finish(own: str) -> bool:
    """Go to the dataset that an import made, or show why there is none; False while it is running."""
    try:
        record = tasks.get_task(own)
    except GraftError:
        record = None  # removed since
    if record and not record.ended:
        return False
    st.session_state[OWN] = None
    st.query_params.pop(OWN, None)
    if record is None:
        return True
    if record.state == "succeeded":
        go("data", **tasks.result(own))
    datasets.sweep_staging()
    source = Path(record.params["source"])
    if record.failure:
        show_error(GraftError(record.failure.message, record.failure.hint))
    if record.params["uploaded"] and source.exists():
        if record.state == "failed" and record.params.get("into") is None:
            keep_upload(TABLE_SLOT, source)  # another target may be chosen
        else:
            shutil.rmtree(source.parent, ignore_errors=True)
    return True
