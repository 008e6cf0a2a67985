"""The preview of an augmentation on a person's own images, drawn by a task because it needs the run's own layers."""

import json

import streamlit as st

from core.errors import NotFoundError
from core.jobs import tasks
from core.schemas import TrainingSpec
from core.ui.gallery import literal
from core.ui.page import show_error, telling_errors

TASK = "_preview"


def preview(spec: TrainingSpec, at_once: bool = False) -> None:
    """A button that draws the preview of a spec's augmentation, and the pictures when they are there.

    Another choice asks for others. With `at_once` they are drawn without the button.
    """
    drawn = spec.model_dump(mode="json", include={"data", "augmentation", "views", "seed", "folds"})
    wanted = json.dumps(drawn)
    known: dict[str, str] = st.session_state.setdefault(TASK, {})
    if wanted not in known:
        if not at_once and not st.button("Show it on my images", icon=":material/visibility:"):
            return
        with telling_errors():
            known[wanted] = tasks.start("preview", "Preview of an augmentation", **drawn).id
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
        _pictures(task_id)
    elif task.failure:
        st.error(f"{task.failure.message}  \n{task.failure.hint}", icon=":material/error:")


def _pictures(task_id: str) -> None:
    for number, row in enumerate(tasks.result(task_id)["rows"]):
        name = row["path"].rpartition("/")[2]
        st.image(tasks.folder_of(task_id) / f"{number}.webp", width=660, alt=f"{name} and augmented copies of it")
        if any(len(made_of) > 1 for made_of in row["made_of"]):
            st.caption(" · ".join(map(_made_of, row["made_of"])))
    st.caption("Left the image itself, then copies of it as training sees them.")


def _made_of(shares: dict[str, float]) -> str:
    """The classes that a mixed image is of, the greatest share first: 70 % fruit, 30 % birds."""
    return ", ".join(f"{100 * share:.0f} % {literal(name)}" for name, share in shares.items() if share >= 0.005)
