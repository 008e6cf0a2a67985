"""Bringing data in from a page: the ways in, and the imports at work."""

import os
import shutil
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

from core.data.files.archives import image_members
from core.data.files.decoding import decode
from core.data.files.packed import ENDINGS
from core.data.files.samples import SAMPLES, get_sample
from core.data.files.sources import server_path
from core.data.files.table_files import TABLE_SUFFIXES
from core.data.importing import import_data
from core.data.tables.schema import Schema
from core.data.tables.store import look_at
from core.data.tables.targets import MAX_CLASSES
from core.errors import GraftError
from core.jobs import tasks
from core.settings import get_settings
from core.store import datasets
from core.ui.columns import column_choices, how_written
from core.ui.gallery import literal, square, strip
from core.ui.page import go, show_error, telling_errors
from core.ui.uploads import discard, upload, upload_folder, waiting
from core.ui.words import size

MINE = "import"  # the import this visitor started last
SMALL = 4 * 2**20  # bytes: some dozens of photographs, or some ten thousand rows
ARCHIVE_TYPES = [ending.removeprefix(".") for ending in ENDINGS]
TABLE_TYPES = [ending.removeprefix(".") for ending in TABLE_SUFFIXES]
_STRIP = 6
_ROWS = 20
_ROOT = Path(__file__).resolve().parents[2]


def bring_in(source: Path | str, slot: str | None = None, **options: Any) -> None:
    """Import, then show the dataset. A refusal is told in a sentence, and nothing is kept.

    Shipped samples and files up to `SMALL` are imported at once, in about a second, which is what it costs to start a
    process; anything larger becomes a task that `at_work` shows. `slot` is the one the file was dropped on: the task
    then owns the file and removes it.
    """
    if not _small(source):
        with telling_errors():
            record = tasks.start(
                "import", Path(source).name, source=str(source), uploaded=slot is not None, **options
            )
            st.session_state.pop(f"{slot}-file", None)
            st.session_state[MINE] = record.id
            st.rerun()
        return
    place = st.empty()
    bar = place.progress(0.0, text="Reading")

    def show(done: int, total: int) -> None:
        bar.progress(done / total, text=f"Image {done:,} of {total:,}")

    try:
        result = import_data(source, progress=show, **options)
    except GraftError as error:
        place.empty()
        show_error(error)
        return
    place.empty()
    go("data", dataset=result.dataset.id)


def _small(source: Path | str) -> bool:
    return str(source).startswith("sample:") or (Path(source).is_file() and Path(source).stat().st_size <= SMALL)


def at_work() -> None:
    """The imports going on, with their progress and a way to stop them; the page is free meanwhile.

    When the one that this visitor started has succeeded, its dataset is shown. The address names it, so that a
    reloaded page finds it again.
    """
    mine = st.session_state.setdefault(MINE, st.query_params.get("import"))
    if mine and not _ended(mine):
        st.query_params["import"] = mine
    running = [record.id for record in tasks.at_work("import")]
    if running:
        st.fragment(_bars, run_every=0.5)(running)


def _ended(mine: str) -> bool:
    """Go on to what an import brought, or tell why it brought nothing; False while it is at work."""
    try:
        record = tasks.get(mine)
    except GraftError:
        record = None  # cleared away since
    if record and not record.ended:
        return False
    _forget()
    if record is None:
        return True
    if record.state == "succeeded":
        go("data", dataset=tasks.result(mine)["dataset"])
    datasets.sweep()
    source = Path(record.params["source"])
    if record.failure:
        show_error(GraftError(record.failure.message, record.failure.hint))
    if record.params["uploaded"] and source.exists():
        if record.state == "failed" and record.params.get("into") is None:
            st.session_state["table-file"] = source  # for another target
        else:
            shutil.rmtree(source.parent, ignore_errors=True)
    return True


def _forget() -> None:
    st.session_state[MINE] = None
    st.query_params.pop("import", None)


def _bars(running: list[str]) -> None:
    for task_id in running:
        record = tasks.get(task_id)
        if record.ended:
            st.rerun()
        with st.container(border=True, horizontal=True, vertical_alignment="center"):
            share = record.done / record.total if record.total else 0.0
            st.progress(share, text=f"{literal(record.title)}: {record.text or 'Reading'}")
            if st.button("Cancel", key=f"cancel-{task_id}", icon=":material/close:"):
                tasks.cancel(task_id)
                datasets.sweep()
                st.rerun()


def photos() -> None:
    """The card for an archive or a folder of images."""
    st.markdown("#### :material/photo_library: Photos")
    st.caption(
        "A ZIP or TAR with one folder of images per class: `cats/tom.jpg`, `dogs/rex.jpg` and so on, or images and a"
        " CSV of `file` and `label`. Folders `train`, `val` and `test` are kept as the split."
    )
    unlabelled = st.checkbox(
        "Without classes",
        key="photos-unlabelled",
        help="Take all images as they lie, unlabelled. Such a dataset serves for predicting and as a target for"
        " measuring distance; it cannot be trained on.",
    )
    upload("photos", "ZIP or TAR of images", ARCHIVE_TYPES)
    with st.popover("Pick a folder", icon=":material/folder_open:", width="stretch"):
        upload("folder", "Folder of images", None)
    for slot in ("photos", "folder"):
        path = waiting(slot)
        if path:
            try:
                bring_in(path, slot=slot, unlabelled=unlabelled)
            finally:
                discard(slot)


def table() -> None:
    """The card for a table; what to predict is asked next, by `choose_target`."""
    st.markdown("#### :material/table: Table")
    st.caption("CSV, TSV, Excel, Parquet or JSON lines, one row a sample. You choose next which column to predict.")
    upload("table", "Table", TABLE_TYPES)


def choose_target() -> bool:
    """Ask what to predict from the table that waits, and import it. False when none waits, or none can be read."""
    path = waiting("table")
    if path is None:
        return False
    try:
        preview, schema = _preview(str(path))
    except GraftError as error:
        show_error(error)
        discard("table")
        return False
    with st.container(border=True):
        st.markdown(f"#### :material/table: {literal(path.name)}")
        unlabelled = st.checkbox(
            "Without classes",
            key="table-unlabelled",
            help="Take the rows as they are, with no column to predict. Such a dataset serves for predicting and as a"
            " target for measuring distance; it cannot be trained on.",
        )
        options: dict[str, Any] = {"unlabelled": True} if unlabelled else _target_of(preview)
        options["columns"] = column_choices(preview, schema, options.get("target"))
        with st.container(horizontal=True):
            ready = bool(options.get("target")) or bool(options.get("unlabelled"))
            go_on = st.button(
                "Import", key="table-import", type="primary", icon=":material/download_done:", disabled=not ready
            )
            if st.button("Cancel", icon=":material/close:"):
                discard("table")
                st.rerun()
        if go_on:
            try:
                bring_in(path, slot="table", **options)
            except BaseException:  # Streamlit leaves a page by raising: the import is done
                discard("table")
                raise
        st.caption(f"The first rows of {size(path.stat().st_size)}, {how_written(schema)}:")
        st.dataframe(preview.head(_ROWS), hide_index=True)
    return True


def _target_of(preview: pd.DataFrame) -> dict[str, Any]:
    with st.container(horizontal=True):
        target = st.selectbox(
            "Column to predict",
            list(preview.columns),
            index=None,
            key="table-target",
            placeholder="Choose the target",
            help="The target: each of its values becomes a class. All other columns are what it is predicted from.",
            width=320,
        )
        if target is None or not pd.api.types.is_numeric_dtype(preview[target]):
            return {"target": target}
        bins = st.number_input(
            "Bins",
            min_value=2,
            max_value=MAX_CLASSES,
            value=None,
            step=1,
            key="table-bins",
            placeholder="Off",
            help="Graft classifies. A numeric target becomes so many classes of about equal size, cut at its"
            f" quantiles; left off, every value is a class, which works up to {MAX_CLASSES} values.",
            width=170,
        )
    return {"target": target, "bins": bins}


@st.cache_data(max_entries=8, show_spinner=False)
def _preview(path: str) -> tuple[pd.DataFrame, Schema]:
    return look_at(Path(path))


def sample_cards() -> None:
    """The card of shipped samples, each one click away; the first one leads."""
    st.markdown("#### :material/science: Try a sample")
    for place, sample in enumerate(SAMPLES.values()):
        if place == 0:
            strip(_strip(sample.name), alt=sample.title)
        what = "images" if sample.kind == "image" else "rows"
        st.caption(f"{sample.about} {sample.n:,} {what} · {literal(sample.licence)}")
        if st.button(
            f"Try the {sample.title.lower().replace(' ', '-')} sample",
            key=f"sample-{sample.name}",
            type="primary" if place == 0 else "secondary",
            icon=":material/play_arrow:" if place == 0 else None,
            width="stretch",
        ):
            bring_in(f"sample:{sample.name}")


@st.cache_data(max_entries=8, show_spinner=False)
def _strip(name: str) -> list[bytes]:
    """A few of a sample's images, spread over its classes."""
    with get_sample(name).open() as archive:
        members, _ = image_members(archive, labelled=True)
        chosen = members[:: max(1, len(members) // _STRIP)][:_STRIP]
        return [square(decode(archive.read(member.name)).pixels) for member in chosen]


def larger_files() -> None:
    """The limit for uploads, and the ways in for what is larger: a path, where settings allow it, and a command."""
    limit = st.get_option("server.maxUploadSize")
    allowed = get_settings().importable
    how = "import from a path or a shell" if allowed else "import from a shell"
    with st.expander(f"Uploads: up to {limit} MB a file. For more, {how}", icon=":material/terminal:"):
        if allowed:
            _from_path(allowed)
        st.caption(
            "On the machine that Graft runs on, in Graft's folder. PATH is an archive or folder of images or a table;"
            " a table also needs `--target COLUMN`."
        )
        st.code(f"{_python()} -m core import PATH", language="bash", wrap_lines=True)


def _from_path(allowed: tuple[Path, ...]) -> None:
    """Import what lies on the machine already; a table waits for its target like an upload."""
    with st.form("server-path", border=False):
        below = " or ".join(f"`{folder}`" for folder in allowed)
        text = st.text_input("Path on the machine that Graft runs on", key="path", help=f"Below {below}.")
        unlabelled = st.checkbox("Without classes", key="path-unlabelled")
        if not st.form_submit_button("Import", icon=":material/download:"):
            return
    with telling_errors():
        path = server_path(text)
        if path.is_file() and path.suffix.lower() in TABLE_SUFFIXES:
            link = upload_folder() / path.name  # only the link is removed when the table was imported
            link.symlink_to(path)
            discard("table")
            st.session_state["table-file"] = link
            st.rerun()
        bring_in(path, unlabelled=unlabelled)


def _python() -> str:
    """How to call this Python from Graft's folder, for this workspace."""
    python = Path(sys.executable)
    name = str(python.relative_to(_ROOT)) if python.is_relative_to(_ROOT) else "python"
    home = os.environ.get("GRAFT_HOME")
    return f"GRAFT_HOME={home} {name}" if home else name
