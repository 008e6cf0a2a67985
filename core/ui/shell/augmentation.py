"""The fields of an augmentation as widgets, and its preview on a person's own images."""

import json
from collections.abc import Callable

import streamlit as st

from core.jobs import tasks
from core.methods.augmentation_layers import LAYERS, Field
from core.schemas import TrainingSpec
from core.ui.shell import task_panel
from core.ui.shell.page import show_errors
from core.ui.shell.text import literal

PREVIEW = "preview"
FIELDS = tuple(field for layer in LAYERS if not layer.policy for field in layer.fields)
METHODS = tuple(field for layer in LAYERS if layer.policy for field in layer.fields)
METHODS_TITLE = "Erasing, mixing and random policies"


def field_widget(
    field: Field, key: str, default: float | None = None, on_change: Callable[[], None] | None = None
) -> float | bool:
    """A slider or a switch for a field. Its value is kept under `key` and begins with `default`."""
    if field.high is None:
        return st.toggle(field.label, key=key, help=field.help, persist_state="session", on_change=on_change)
    kind = int if field.step == 1 else float
    if default is not None:
        st.session_state.setdefault(key, kind(default))
    return float(
        st.slider(
            field.label,
            kind(0),
            kind(field.high),
            step=kind(field.step),
            key=key,
            help=field.help,
            persist_state="session",
            on_change=on_change,
        )
    )


def preview(spec: TrainingSpec, at_once: bool = False) -> None:
    """A button that draws the augmentation of a spec, by a task because it takes the run's own layers; the pictures.

    Other settings need another preview. With `at_once` it is drawn without the button.
    """
    params = spec.model_dump(mode="json", include={"data", "augmentation", "views", "seed", "folds"})
    key = json.dumps(params)
    task_id = task_panel.find_started(PREVIEW, key)
    if task_id is None:
        if not at_once and not st.button("Show it on my images", icon=":material/visibility:"):
            return
        with show_errors():
            task_id = task_panel.start_once(PREVIEW, key, "Preview of an augmentation", **params)
    if task_id and task_panel.show_task(task_id, "Drawing"):
        _show_pictures(task_id)


def _show_pictures(task_id: str) -> None:
    for number, row in enumerate(tasks.result(task_id)["rows"]):
        name = row["path"].rpartition("/")[2]
        st.image(tasks.task_folder(task_id) / f"{number}.webp", width=660, alt=f"{name} and augmented copies of it")
        if any(len(made_of) > 1 for made_of in row["made_of"]):
            st.caption(" · ".join(map(_format_shares, row["made_of"])))
    st.caption("Left: the image itself. Then: copies of it as training sees them.")


def _format_shares(shares: dict[str, float]) -> str:
    """The classes of a mixed image, the greatest share first: 70 % fruit, 30 % birds."""
    return ", ".join(f"{100 * share:.0f} % {literal(name)}" for name, share in shares.items() if share >= 0.005)
