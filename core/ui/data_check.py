"""The deeper look at a dataset: offered, going on, or when it was."""

import streamlit as st

from core.data.findings.saved import Check
from core.methods.pretrained import BACKBONES
from core.schemas import DatasetRecord, VersionRecord
from core.ui import version_task
from core.ui.words import ago


def deeper(dataset: DatasetRecord, version: VersionRecord, check: Check | None) -> None:
    """Offer the look, or show how far it has come, or say when it was."""
    if version_task.at_work("check", version, "Looking deeper"):
        return
    if check:
        accuracy = f", out-of-fold accuracy {check.accuracy:.2f}" if check.accuracy is not None else ""
        through = f" with {BACKBONES[check.backbone].title} at {check.image_size} px" if check.backbone else ""
        st.caption(f":material/manage_search: Looked deeper {ago(check.created)}{through}{accuracy}.")
        return
    who, looks = "A pretrained network", "cropped and mirrored copies and images unlike the rest"
    if dataset.labelled:
        looks = "wrong labels, copies of test images, " + looks
    if dataset.kind == "table":
        who, looks = "Classifiers that have not seen a row", "labels that are probably wrong"
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        st.markdown(f"{who} can look for {looks}.", width="stretch")
        if st.button("Look deeper", icon=":material/manage_search:", type="primary", key=f"look-{version.id}"):
            version_task.start("check", version, f"Looking deeper at {dataset.name}")
