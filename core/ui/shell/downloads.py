"""Files to download: a CSV written when it is asked for, or a file that a background task makes first."""

from collections.abc import Callable
from typing import Any

import streamlit as st

from core.jobs import tasks
from core.schemas import VersionRecord
from core.ui.shell import task_panel


def download_csv(label: str, text: str | Callable[[], str], file_name: str) -> None:
    """A button for a CSV file; with a function it is written on demand. The page does not run again."""
    st.download_button(
        label,
        text,
        file_name=file_name,
        mime="text/csv",
        on_click="ignore",
        icon=":material/download:",
        key=file_name,
    )


def download_made_file(
    kind: str,
    version: VersionRecord,
    params: dict[str, Any],
    name: str,
    *,
    description: str,
    doing: str,
    file_name: str,
) -> None:
    """A button that has a file of a version made, its progress, and then the download.

    The task of this `kind` leaves the file `name` in its folder; with the same `params` it is not made again. The
    `description` is a sentence, and `doing` is shown before the progress.
    """
    if task_panel.is_busy(kind, doing, version):
        return
    made = task_panel.find_result(kind, version, name, **params)
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        st.markdown(description, width="stretch")
        if made:
            st.download_button(
                "Download",
                lambda: (tasks.task_folder(made) / name).open("rb"),
                file_name=file_name,
                icon=":material/download:",
                key=f"{kind}-take",
                type="primary",
            )
        elif st.button("Make the file", icon=":material/folder_zip:", key=f"{kind}-make"):
            task_panel.start(kind, f"{doing} of {version.dataset}", version, **params)
