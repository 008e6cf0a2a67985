"""The preview of an augmentation on a person's own images, drawn by a task because it needs the run's own layers."""

import streamlit as st

from core.errors import NotFoundError
from core.jobs import tasks
from core.schemas import Augmentation, TrainingSpec
from core.ui.page import show_error, telling_errors

TASK = "_preview"


def preview(spec: TrainingSpec, augmentation: Augmentation, at_once: bool = False) -> None:
    """A button that draws the preview, and the picture when it is there. Another choice asks for another one.

    With `at_once` it is drawn without the button.
    """
    wanted = f"{spec.data}-{spec.seed}-{augmentation.model_dump_json()}"
    known: dict[str, str] = st.session_state.setdefault(TASK, {})
    if wanted not in known:
        if not at_once and not st.button("Show it on my images", icon=":material/visibility:"):
            return
        with telling_errors():
            task = tasks.start(
                "preview",
                "Preview of an augmentation",
                data=spec.data,
                seed=spec.seed,
                augmentation=augmentation.model_dump(),
            )
            known[wanted] = task.id
    if wanted in known:
        st.fragment(_show, run_every=0.5 if _at_work(known[wanted]) else None)(wanted)


def _at_work(task_id: str) -> bool:
    try:
        return not tasks.get(task_id).ended
    except NotFoundError:
        return False


def _show(wanted: str) -> None:
    task_id = st.session_state[TASK][wanted]
    try:
        task = tasks.get(task_id)
    except NotFoundError as error:
        show_error(error)
        return
    if not task.ended:
        st.progress(0.0, text="Drawing; this takes a few seconds")
    elif task.state == "succeeded":
        st.image(tasks.folder_of(task_id) / "preview.webp", width=660, alt="Images and augmented views of them")
        st.caption("Left the image itself, then copies of it as training would see them.")
    elif task.failure:
        st.error(f"{task.failure.message}  \n{task.failure.hint}", icon=":material/error:")
