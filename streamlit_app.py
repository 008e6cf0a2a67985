"""Graft's entry point: settings, theme and navigation. Start it with `make run`."""

import streamlit as st

from core.ui.shell import page, sidebar

st.set_page_config(
    page_title="Graft",
    page_icon="🌱",
    layout="wide",
    menu_items={"About": "Graft: transfer learning with a small labelled data set."},
)

st.logo(".streamlit/logo.svg", size="large")

navigation = st.navigation(
    {
        "Start": [st.Page("pages/home.py", title="Home", icon=":material/home:", default=True)],
        "Build": [
            st.Page("pages/data.py", title="Data", icon=":material/photo_library:"),
            st.Page("pages/train.py", title="Train", icon=":material/model_training:"),
            st.Page("pages/runs.py", title="Runs", icon=":material/list_alt:"),
        ],
        "Judge": [st.Page("pages/evaluate.py", title="Evaluate", icon=":material/query_stats:")],
        "Use": [st.Page("pages/predict.py", title="Predict", icon=":material/auto_awesome:")],
    },
    expanded=True,
)
page.resume()

with st.sidebar:
    sidebar.show_status()

navigation.run()
