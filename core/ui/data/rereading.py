"""How a table's imports were read, and reading one of them anew, on the tab “Manage”."""

import shutil

import streamlit as st

from core.data.importing import reread_data
from core.data.reading.words import describe_reading
from core.data.tables.readings import import_reading
from core.errors import GraftError
from core.schemas import DatasetRecord, ImportRecord
from core.store import datasets
from core.store.originals import open_original
from core.ui.shell.page import go, show_error, show_errors
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
    reading = import_reading(datasets.import_folder(dataset.id, record.number))
    kept = f"original kept ({size(record.original.stored)})" if record.original else "original not kept"
    st.caption(f"{literal(record.source)}: {literal(describe_reading(reading))}; {kept}.")
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
        chosen = choose_reading(path, reading)
    except GraftError as error:
        show_error(error)
        discard_upload(slot)
        return
    if chosen:
        st.dataframe(chosen[1].table.head(_ROWS), hide_index=True)
    with st.container(horizontal=True):
        if st.button("Read anew", key=f"{slot}-start", type="primary", disabled=chosen is None) and chosen:
            with show_errors():
                made = reread_data(dataset.id, chosen[0].model_dump(mode="json"), record.number)
                discard_upload(slot)
                go("data", dataset=made.dataset.id)
        if st.button("Cancel", key=f"{slot}-cancel", icon=":material/close:"):
            discard_upload(slot)
            st.rerun()
    st.caption("It becomes a further import in place of this one, and a new version. Decisions on rows stay.")
