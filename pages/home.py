"""Home: import data, or continue with a dataset."""

import streamlit as st

from core.ui.home.image_reading import ask_how_to_read
from core.ui.home.import_cards import show_large_file_help, show_photo_card, show_sample_card, show_table_card
from core.ui.home.recent import show_recent_datasets
from core.ui.home.table_target import ask_for_target
from core.ui.shell.importing import show_imports
from core.ui.shell.page import guard

guard("home")

st.title("Teach a model with what you have", anchor=False)
st.caption(
    "Graft finds what is wrong with your data, trains a model on top of a pretrained network and says how good it is."
)
show_imports()
if not ask_for_target() and not ask_how_to_read():
    for place, card in zip(
        st.columns(3, border=True), (show_photo_card, show_table_card, show_sample_card), strict=True
    ):
        with place:
            card()
    show_large_file_help()
show_recent_datasets()
