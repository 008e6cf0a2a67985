"""How a dataset's imports were read, and reading one of them anew, on the tab “Manage”."""

import shutil
from pathlib import Path

import streamlit as st

from core.data.image_reading.reading import load_image_reading
from core.data.image_reading.words import describe_image_reading
from core.data.importing import reread_data
from core.data.reading.words import describe_reading
from core.data.tables.readings import import_reading
from core.errors import GraftError
from core.schemas import DatasetRecord, ImportRecord
from core.store import datasets
from core.store.originals import open_original
from core.ui.shell.importing import import_source
from core.ui.shell.page import go, show_error, show_errors
from core.ui.shell.reading.image_card import choose_image_reading
from core.ui.shell.reading.table_card import choose_reading
from core.ui.shell.text import literal, size
from core.ui.shell.uploads import discard_upload, find_upload, keep_upload, make_upload_folder

_ROWS = 20


def show_readings(dataset: DatasetRecord) -> None:
    """Each import with how it was read; one whose original was kept can be read anew."""
    st.markdown("#### How they were read")
    for record in dataset.current_imports().imports:
        _show_reading(dataset, record)


def _show_reading(dataset: DatasetRecord, record: ImportRecord) -> None:
    folder = datasets.import_folder(dataset.id, record.number)
    how = (
        describe_reading(import_reading(folder))
        if dataset.kind == "table"
        else describe_image_reading(load_image_reading(folder))
    )
    kept = f"original kept ({size(record.original.stored)})" if record.original else "original not kept"
    st.caption(f"{literal(record.source)}: {literal(how)}; {kept}.")
    if record.original is None:
        return
    slot = f"reread-{dataset.id}-{record.number}"
    path = find_upload(slot)
    if path is None:
        if st.button("Read it anew", key=slot, icon=":material/menu_book:"):
            with show_errors(), open_original(record.original) as original:
                copy = make_upload_folder() / original.name
                shutil.move(original, copy)
                keep_upload(slot, copy)
                st.rerun()
        return
    try:
        if dataset.kind == "table":
            _read_table_anew(dataset, record, slot, path)
        else:
            _read_images_anew(dataset, record, slot, path)
    except GraftError as error:
        show_error(error)
        discard_upload(slot)
        return
    noun = "rows" if dataset.kind == "table" else "images"
    st.caption(f"It becomes a further import in place of this one, and a new version. Decisions on {noun} stay.")


def _read_table_anew(dataset: DatasetRecord, record: ImportRecord, slot: str, path: Path) -> None:
    folder = datasets.import_folder(dataset.id, record.number)
    chosen = choose_reading(path, import_reading(folder))
    if chosen:
        st.dataframe(chosen[1].table.head(_ROWS), hide_index=True)
    if _confirmed(slot, ready=chosen is not None) and chosen:
        with show_errors():
            made = reread_data(dataset.id, chosen[0].model_dump(mode="json"), record.number)
            discard_upload(slot)
            go("data", dataset=made.dataset.id)


def _read_images_anew(dataset: DatasetRecord, record: ImportRecord, slot: str, path: Path) -> None:
    before = load_image_reading(datasets.import_folder(dataset.id, record.number))
    reading = choose_image_reading(path, slot, dataset.labelled, before)
    if _confirmed(slot, ready=reading is not None) and reading:
        values = reading.model_copy(update={"proposed": False}).model_dump(mode="json")
        try:
            import_source(path, slot=slot, into=dataset.id, reading=values, replaces=record.number)
        except BaseException:  # Streamlit switches pages by raising: the import is done
            discard_upload(slot)
            raise


def _confirmed(slot: str, ready: bool) -> bool:
    """The buttons that read anew and that give it up."""
    with st.container(horizontal=True):
        confirmed = st.button("Read anew", key=f"{slot}-start", type="primary", disabled=not ready)
        if st.button("Cancel", key=f"{slot}-cancel", icon=":material/close:"):
            discard_upload(slot)
            st.rerun()
    return confirmed
