"""Several images chosen at once from the gallery: left out, given another class, or sent to the review."""

from collections.abc import Callable

import pandas as pd
import streamlit as st

from core.schemas import DatasetRecord, Finding, Step, VersionRecord
from core.ui import version_making
from core.ui.words import plural

CHOSEN = "chosen"  # the kind of finding that a person's choice is reviewed as


def choosing(dataset: DatasetRecord, version: VersionRecord) -> bool:
    """The switch that puts a box under every image; only labelled images have a recipe to hold what is decided."""
    return dataset.labelled and st.toggle(
        "Choose images",
        key=f"choosing-{version.id}",
        help="Tick images, on any page, and leave them out, give them another class, or send them to the review.",
    )


def bar(version: VersionRecord, page: pd.DataFrame, samples: pd.DataFrame) -> Callable[[str], None]:
    """What can be done with the chosen images; gives what draws the box under an image.

    Args:
        page: the images that are shown.
        samples: all that the filter leaves.
    """
    chosen = _chosen(version)
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{len(chosen):,} chosen**", width="content")
        names = list(chosen)
        _set_button("This page", version, page["id"].tolist())
        if len(samples) > len(page):
            _set_button(f"All {len(samples):,}", version, samples["id"].tolist())
        none = not names
        st.button("None", key="choose-none", disabled=none, on_click=_tick, args=(version, names, False))
        if st.button("Leave out", icon=":material/delete:", key="choose-drop", disabled=none):
            _make(version, Step(kind="drop_samples", params={"samples": names}), "left out")
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
                _make(version, Step(kind="relabel", params={"labels": dict.fromkeys(names, label)}), "relabelled")
        if st.button("Review", icon=":material/rate_review:", key="choose-review", disabled=none):
            st.session_state[f"to-review-{version.id}"] = names
            st.toast("They wait for you under “Findings”.", icon=":material/rate_review:")

    def box(sample: str) -> None:
        key = _box(version, sample)
        st.session_state[key] = sample in chosen
        st.checkbox(
            "Choose",
            key=key,
            label_visibility="collapsed",
            on_change=lambda: _tick(version, [sample], st.session_state[key]),
        )

    return box


def to_review(version: VersionRecord, samples: pd.DataFrame) -> list[Finding]:
    """The images that were sent to the review, as a finding."""
    names = st.session_state.get(f"to-review-{version.id}", ())
    paths = tuple(samples.loc[samples["id"].isin(names), "path"])
    if not paths:
        return []
    return [
        Finding(kind=CHOSEN, severity="info", message=f"{plural(len(paths), 'image')} chosen by you.", samples=paths)
    ]


def _chosen(version: VersionRecord) -> dict[str, None]:
    """Ids in the order in which they were ticked."""
    found: dict[str, None] = st.session_state.setdefault(f"{CHOSEN}-{version.id}", {})
    return found


def _tick(version: VersionRecord, names: list[str], on: bool) -> None:
    chosen = _chosen(version)
    for name in names:
        if on:
            chosen[name] = None
        else:
            chosen.pop(name, None)


def _set_button(label: str, version: VersionRecord, names: list[str]) -> None:
    st.button(label, icon=":material/select_all:", key=f"choose-{label}", on_click=_tick, args=(version, names, True))


def _box(version: VersionRecord, sample: str) -> str:
    return f"choose-{version.id}-{sample}"


def _make(version: VersionRecord, step: Step, done: str) -> None:
    n = len(_chosen(version))
    version_making.add(
        version, [step], f"{plural(n, 'image')} {done}", lambda: st.session_state.pop(f"{CHOSEN}-{version.id}", None)
    )
