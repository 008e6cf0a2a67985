"""Making a version: at once where that is quick, else as a task that the Data page shows."""

from collections.abc import Callable, Sequence

import streamlit as st

from core.data.reviewing import extend_recipe
from core.data.versions import following_split, make_version
from core.schemas import Kind, Recipe, Split, Step, VersionRecord
from core.store.datasets import get_dataset, list_versions
from core.ui.shell import task_panel
from core.ui.shell.page import show_errors
from core.ui.shell.text import literal

QUICK: dict[Kind, int] = {"image": 5_000, "table": 20_000}  # samples; up to these it takes a second or two


def make_new_version(
    version: VersionRecord,
    recipe: Recipe,
    change: str,
    split: Split | None = None,
    icon: str = ":material/check:",
    forget: Callable[[], None] | None = None,
) -> None:
    """Make a version from this one and run the page again with a notice; if it is refused, show the reason.

    The notice says the `change`. A `split` assigns the samples to parts again, otherwise each keeps its part. When
    the version is made, `forget` is called to clear what was edited on the page.
    """
    split = split or following_split(version)
    with show_errors():
        if max(version.n, version.n + version.dropped) > QUICK[get_dataset(version.dataset).kind]:
            task_panel.start(
                "version",
                f"Version of {version.dataset}",
                version,
                recipe=recipe.model_dump(mode="json"),
                split=split.model_dump(mode="json"),
            )
            return
        made = make_version(version.dataset, recipe, split)
        if forget:
            forget()
        same = made.id == version.id
        st.toast(
            "Nothing has changed: this is the version." if same else f"Version {literal(made.name)}: {change}",
            icon=icon,
        )
        st.rerun()


def add_steps(
    version: VersionRecord, steps: Sequence[Step], change: str, forget: Callable[[], None] | None = None
) -> None:
    """`make_new_version` with further steps."""
    make_new_version(version, extend_recipe(version.recipe, steps), change, forget=forget)


def undo_button(version: VersionRecord) -> None:
    """A button back to the version that this one was made from, where only the recipe differs."""
    before = next((v for v in list_versions(version.dataset) if v.id == version.split.follows), None)
    if before is None or before.recipe == version.recipe or before.imports != version.imports:
        return
    help_text = f"Version {literal(version.name)} was made from {literal(before.name)}. This takes its changes back."
    if st.button("Undo", icon=":material/undo:", key="undo-version", help=help_text):
        make_new_version(
            version, before.recipe, f"as before {literal(version.name)}", before.split, icon=":material/undo:"
        )
