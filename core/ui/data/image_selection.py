"""Several images selected in the gallery: left out, given another class, or sent to the review."""

from collections.abc import Callable

import pandas as pd
import streamlit as st

from core.data.cleaning.steps.review import RELABEL
from core.data.cleaning.steps.samples import DROP_SAMPLES
from core.schemas import DatasetRecord, Finding, Step, VersionRecord
from core.ui.data import version_making
from core.ui.shell.text import plural

CHOSEN = "chosen"  # the kind of finding that selected images are reviewed as


def is_selecting(dataset: DatasetRecord, version: VersionRecord) -> bool:
    """The switch that puts a box under every image; only a labelled dataset has a recipe for the decisions."""
    return dataset.labelled and st.toggle(
        "Choose images",
        key=f"choosing-{version.id}",
        help="Tick images, on any page, and leave them out, give them another class, or send them to the review.",
    )


def show_actions(version: VersionRecord, page: pd.DataFrame, samples: pd.DataFrame) -> Callable[[str], None]:
    """Show what can be done with the selected images; returns what draws the box under an image.

    Args:
        page: the images that are shown.
        samples: all that match the filter.
    """
    selected = _selected(version)
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{len(selected):,} chosen**", width="content")
        names = list(selected)
        _select_button("This page", version, page["id"].tolist())
        if len(samples) > len(page):
            _select_button(f"All {len(samples):,}", version, samples["id"].tolist())
        none = not names
        st.button("None", key="choose-none", disabled=none, on_click=_select, args=(version, names, False))
        if st.button("Leave out", icon=":material/delete:", key="choose-drop", disabled=none):
            _make_version(version, Step(kind=DROP_SAMPLES, params={"samples": names}), "left out")
        with st.popover("Another class", icon=":material/label:", disabled=none):
            label = st.selectbox(
                "Class",
                version.classes,
                None,
                accept_new_options=True,
                placeholder="Choose or type one",
                key=f"choose-class-{version.id}",
            )
            if st.button("Relabel", key="choose-relabel", disabled=not label) and label:
                _make_version(
                    version, Step(kind=RELABEL, params={"labels": dict.fromkeys(names, label)}), "relabelled"
                )
        if st.button("Review", icon=":material/rate_review:", key="choose-review", disabled=none):
            st.session_state[f"to-review-{version.id}"] = names
            st.toast("They wait for you under “Findings”.", icon=":material/rate_review:")

    def box(sample: str) -> None:
        key = f"choose-{version.id}-{sample}"
        st.session_state[key] = sample in selected
        st.checkbox(
            "Choose",
            key=key,
            label_visibility="collapsed",
            on_change=lambda: _select(version, [sample], st.session_state[key]),
        )

    return box


def selection_finding(version: VersionRecord, samples: pd.DataFrame) -> list[Finding]:
    """The images that were sent to the review, as a finding."""
    names = st.session_state.get(f"to-review-{version.id}", ())
    paths = tuple(samples.loc[samples["id"].isin(names), "path"])
    if not paths:
        return []
    return [
        Finding(kind=CHOSEN, severity="info", message=f"{plural(len(paths), 'image')} chosen by you.", samples=paths)
    ]


def _selected(version: VersionRecord) -> dict[str, None]:
    """Ids in the order in which they were ticked."""
    selected: dict[str, None] = st.session_state.setdefault(f"{CHOSEN}-{version.id}", {})
    return selected


def _select(version: VersionRecord, names: list[str], on: bool) -> None:
    selected = _selected(version)
    for name in names:
        if on:
            selected[name] = None
        else:
            selected.pop(name, None)


def _select_button(label: str, version: VersionRecord, names: list[str]) -> None:
    st.button(
        label, icon=":material/select_all:", key=f"choose-{label}", on_click=_select, args=(version, names, True)
    )


def _make_version(version: VersionRecord, step: Step, done: str) -> None:
    n = len(_selected(version))
    version_making.add_steps(
        version, [step], f"{plural(n, 'image')} {done}", lambda: st.session_state.pop(f"{CHOSEN}-{version.id}", None)
    )
