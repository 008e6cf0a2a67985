"""Something that is made by a task and then taken away as a file."""

from typing import Any

import streamlit as st

from core.jobs import tasks
from core.schemas import VersionRecord
from core.ui import version_task


def offer(
    kind: str, version: VersionRecord, params: dict[str, Any], name: str, *, said: str, doing: str, file_name: str
) -> None:
    """Offer to make a file of a version, show how far it is, and hand it over.

    Args:
        kind: of the task, which leaves the file `name` in its folder.
        params: of the task, besides the version; a file made with the very same ones is not made again.
        said: what the file will hold, in a sentence.
        doing: what is said while it is made.
        file_name: what the file is called once it is taken away.
    """
    if version_task.at_work(kind, version, doing):
        return
    made = version_task.made(kind, version, name, **params)
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        st.markdown(said, width="stretch")
        if made:
            st.download_button(
                "Download",
                lambda: (tasks.folder_of(made) / name).open("rb"),
                file_name=file_name,
                icon=":material/download:",
                key=f"{kind}-take",
                type="primary",
            )
        elif st.button("Make the file", icon=":material/folder_zip:", key=f"{kind}-make"):
            version_task.start(kind, version, f"{doing} of {version.dataset}", **params)
