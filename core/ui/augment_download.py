"""The augmented set as a ZIP: made by a task, then taken away."""

from typing import Any

import streamlit as st

from core.errors import NotFoundError
from core.jobs import tasks
from core.schemas import TrainingSpec, VersionRecord
from core.ui import version_task
from core.ui.page import telling_errors
from core.ui.words import plural

KIND = "augmented_set"
NAME = "augmented.zip"


def download(version: VersionRecord, spec: TrainingSpec) -> None:
    """Offer to make the set that this spec would learn from, show how far it is, and hand it over."""
    if version_task.at_work(KIND, version, "Making the augmented set"):
        return
    assert spec.augmentation
    mixes = bool(spec.augmentation.mixup or spec.augmentation.cutmix)
    alone = spec.augmentation.model_copy(update={"mixup": 0.0, "cutmix": 0.0})
    params = spec.model_copy(update={"augmentation": alone}).model_dump(mode="json", exclude_none=True)
    made = _made(params)
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        st.markdown(
            f"Take the training images away with {plural(spec.views or 0, 'copy', 'copies')} of each, by class."
            + (" MixUp and CutMix stay off there: a mixed image belongs in no folder." if mixes else ""),
            width="stretch",
        )
        if made:
            found = tasks.result(made)
            st.download_button(
                f"Download {plural(found['images'] + found['views'], 'image')}",
                lambda: (tasks.folder_of(made) / NAME).open("rb"),
                file_name=f"{version.dataset}-augmented.zip",
                mime="application/zip",
                icon=":material/download:",
                key="augmented-download",
            )
        elif st.button("Make the ZIP", icon=":material/folder_zip:", key="augmented-make"):
            with telling_errors():
                tasks.start(KIND, f"Augmented set of {version.dataset}", **params)
                st.rerun()


def _made(params: dict[str, Any]) -> str | None:
    """The task that has made this very set and whose files are still there."""
    for path in tasks.folder_of("").glob(f"*/{NAME}"):
        try:
            task = tasks.get(path.parent.name)
        except NotFoundError:  # cleared away meanwhile
            continue
        if task.kind == KIND and task.state == "succeeded" and task.params == params:
            return task.id
    return None
