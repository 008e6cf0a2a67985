"""Home's form for images that wait to be imported: the card “How I read it”, and whether they have classes."""

import streamlit as st

from core.errors import GraftError
from core.ui.shell.importing import import_source
from core.ui.shell.page import show_error
from core.ui.shell.reading.image_card import choose_image_reading
from core.ui.shell.text import literal
from core.ui.shell.uploads import discard_upload, find_upload

SLOTS = ("photos", "folder")
UNLABELLED = "photos-unlabelled"


def ask_how_to_read() -> bool:
    """Show how the images that wait are read, let that be changed, and import them. False when none wait."""
    slot = next((slot for slot in SLOTS if find_upload(slot)), None)
    path = find_upload(slot) if slot else None
    if slot is None or path is None:
        return False
    with st.container(border=True):
        st.markdown(f"#### :material/photo_library: {literal(path.name)}")
        labelled = not st.checkbox(
            "Without classes",
            key=UNLABELLED,
            help="Import all images without labels. Such a dataset can be predicted and compared with others; it"
            " cannot be trained on.",
        )
        try:
            with st.spinner("Looking at the files"):
                reading = choose_image_reading(path, "photos", labelled)
        except GraftError as error:
            show_error(error)
            discard_upload(slot)
            return False
        rest = labelled and st.checkbox(
            "Import images without a class as a second dataset",
            key="photos-rest",
            help="Those that lie in folders of their own, such as a test part without labels. Unlabelled, they can be"
            " predicted.",
        )
        with st.container(horizontal=True):
            confirmed = st.button(
                "Import",
                key="photos-import",
                type="primary",
                icon=":material/download_done:",
                disabled=reading is None,
            )
            if st.button("Cancel", key="photos-cancel", icon=":material/close:"):
                discard_upload(slot)
                st.rerun()
        if confirmed and reading:
            values = reading.model_dump(mode="json")
            try:
                import_source(path, slot=slot, unlabelled=not labelled, reading=values, rest=rest)
            except BaseException:  # Streamlit switches pages by raising: the import is done
                discard_upload(slot)
                raise
    return True
