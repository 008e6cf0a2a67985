"""Making a version from a page: at once where that is quick, else as a task that the Data page shows."""

from collections.abc import Callable, Sequence

import streamlit as st

from core.data.reviewing import extended
from core.data.versions import followed, make_version
from core.schemas import Kind, Recipe, Split, Step, VersionRecord
from core.store.datasets import get_dataset, list_versions
from core.ui import version_task
from core.ui.gallery import literal
from core.ui.page import telling_errors

QUICK: dict[Kind, int] = {"image": 5_000, "table": 20_000}  # samples up to which it takes a second or two


def make(
    version: VersionRecord,
    recipe: Recipe,
    said: str,
    split: Split | None = None,
    icon: str = ":material/check:",
    forget: Callable[[], None] | None = None,
) -> None:
    """Make a version from this one, tell it, and draw the page anew; a refusal is told in a sentence.

    Args:
        version: the one that is shown.
        recipe: of the new version.
        said: what is told of it, after its name.
        split: where the samples are divided anew; else what stays keeps its part.
        icon: beside what is told.
        forget: called when the version is made, for what waited on the page until then.
    """
    split = split or followed(version)
    with telling_errors():
        if max(version.n, version.n + version.dropped) > QUICK[get_dataset(version.dataset).kind]:
            version_task.start(
                "version",
                version,
                f"Version of {version.dataset}",
                recipe=recipe.model_dump(mode="json"),
                split=split.model_dump(mode="json"),
            )
            return
        made = make_version(version.dataset, recipe, split)
        if forget:
            forget()
        same = made.id == version.id
        st.toast("That is the version it is." if same else f"Version {literal(made.name)}: {said}", icon=icon)
        st.rerun()


def add(version: VersionRecord, steps: Sequence[Step], said: str, forget: Callable[[], None] | None = None) -> None:
    """`make` with further steps."""
    make(version, extended(version.recipe, steps), said, forget=forget)


def undo(version: VersionRecord) -> None:
    """A button back to the version that this one was made from, where only the recipe differs."""
    before = next((v for v in list_versions(version.dataset) if v.id == version.split.follows), None)
    if before is None or before.recipe == version.recipe or before.imports != version.imports:
        return
    said = f"Version {literal(version.name)} was made from {literal(before.name)}. This takes its changes back."
    if st.button("Undo", icon=":material/undo:", key="undo-version", help=said):
        make(version, before.recipe, f"as before {literal(version.name)}", before.split, icon=":material/undo:")


def at_work(version: VersionRecord) -> bool:
    """Whether a version is being made from this one; then its bar is shown."""
    return version_task.at_work("version", version, "Making a version")
