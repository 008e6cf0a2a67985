"""How training images may be changed: chosen, looked at on a person's own images, checked for the label's safety."""

from typing import Any

import pandas as pd
import streamlit as st

from core.data.augmentation import AUGMENTATION_HELP, AUGMENTATIONS
from core.data.findings.label_safety import VERDICTS, LabelSafety, TransformSafety, Verdict, load_label_safety
from core.methods.presets import VIEWS
from core.methods.pretrained import BACKBONES
from core.schemas import Augmentation, DatasetRecord, TrainingSpec, VersionRecord
from core.ui import augment_download, version_task
from core.ui.augment_fields import FIELDS, METHODS, METHODS_TITLE, Field, widget
from core.ui.augment_preview import preview
from core.ui.gallery import literal
from core.ui.options import hand_over
from core.ui.page import go
from core.ui.words import ago

SEED = "augment-seed"
PRESET = "augment-preset"


FILLS = {
    "nearest": "the edge's pixels drawn out",
    "reflect": "the image mirrored at its edge",
    "wrap": "the image from its other side",
    "constant": "black",
}
BADGES: dict[Verdict, tuple[str, str]] = {
    "keeps": ("green", "check_circle"),
    "costs": ("orange", "info"),
    "loses": ("red", "block"),
    "changes": ("red", "block"),
}


def augment(dataset: DatasetRecord, version: VersionRecord) -> None:
    """The tab: choices with their verdicts left, the person's own images right."""
    safety = load_label_safety(version)
    left, right = st.columns(2, gap="large")
    with left:
        chosen = _choose(safety)
    data = f"{version.dataset}@{version.id}"
    with right:
        seed = st.session_state.setdefault(SEED, 0)
        spec = TrainingSpec(data=data, seed=seed, augmentation=chosen, views=VIEWS)
        _look(spec)
    _check(dataset, version, known=safety is not None)
    if safety:
        _findings(safety)
    augment_download.download(version, spec)


def _choose(safety: LabelSafety | None) -> Augmentation:
    _remembered()
    st.segmented_control(
        "Preset",
        list(AUGMENTATIONS),
        format_func=str.capitalize,
        key=PRESET,
        persist_state="session",
        on_change=_follow,
        help="  \n".join(f"**{name.capitalize()}**: {text}" for name, text in AUGMENTATION_HELP.items()),
    )
    values: dict[str, Any] = {}
    values |= _fields(FIELDS, safety)
    values["fill"] = st.segmented_control(
        "Fill",
        list(FILLS),
        format_func=str.capitalize,
        required=True,
        key=_key("fill"),
        persist_state="session",
        on_change=_own,
        help="What comes into view from outside.  \n"
        + "  \n".join(f"**{name.capitalize()}**: {text}" for name, text in FILLS.items()),
    )
    with st.expander(METHODS_TITLE, icon=":material/auto_awesome_mosaic:"):
        values |= _fields(METHODS, safety)
    named = (a for a in AUGMENTATIONS.values() if a.model_dump(exclude={"name"}) == values)
    return next(named, Augmentation(**values))


def _fields(fields: tuple[Field, ...], safety: LabelSafety | None) -> dict[str, float | bool]:
    """The widgets of fields, two a row, each with its verdict."""
    values: dict[str, float | bool] = {}
    for first in range(0, len(fields), 2):
        for column, field in zip(st.columns(2), fields[first : first + 2], strict=False):
            with column:
                value = values[field.name] = widget(field, _key(field.name), on_change=_own)
                if safety:
                    # What a switch would do is worth knowing before it is on.
                    _badge(safety, field.name, 1.0 if field.high is None else float(value))
    return values


def _badge(safety: LabelSafety, field: str, value: float) -> None:
    known = safety.at(field, value)
    if known:
        colour, icon = BADGES[known.verdict]
        words = VERDICTS[known.verdict]
        if known.flips:
            words = f"turns {known.flips[0].label} into {known.flips[0].becomes}: leave it off"
        if known.strength > value and known.verdict != "keeps":
            words = f"at {known.strength:g}: {words}"
        st.markdown(f":{colour}-badge[:material/{icon}: {literal(words)}]", help=literal(known.sentence))


def _remembered() -> None:
    """The first visit begins with the light preset."""
    if _key("fill") not in st.session_state:
        st.session_state[PRESET] = next(iter(AUGMENTATIONS))
        _follow()


def _follow() -> None:
    """Put the chosen preset's values on the sliders."""
    name = st.session_state[PRESET]
    if name:
        for field in (*FIELDS, *METHODS):
            value = getattr(AUGMENTATIONS[name], field.name)
            st.session_state[_key(field.name)] = int(value) if field.step == 1 else value
        st.session_state[_key("fill")] = AUGMENTATIONS[name].fill


def _own() -> None:
    """A value was changed: it is no preset any more."""
    st.session_state[PRESET] = None


def _key(field: str) -> str:
    return f"augment-{field}"


def _look(spec: TrainingSpec) -> None:
    assert spec.augmentation
    with st.container(horizontal=True):
        if st.button("Train with this", type="primary", icon=":material/model_training:", key="augment-train"):
            hand_over(spec.augmentation)
            go("train", dataset=spec.data.split("@")[0])
        rolled = st.button(
            "Re-roll", icon=":material/casino:", help="The same with another seed.", key="augment-roll"
        )
    if rolled:
        st.session_state[SEED] += 1
        spec = spec.model_copy(update={"seed": st.session_state[SEED]})
    preview(spec, at_once=rolled)


def _findings(safety: LabelSafety) -> None:
    left_off = [t for t in safety.transforms if t.leave_off]
    if left_off:
        st.warning("  \n".join(literal(found.sentence) for found in left_off), icon=":material/block:")
    st.caption(
        f"Checked {ago(safety.created)} with {BACKBONES[safety.backbone].title} at {safety.image_size} px on "
        f"{safety.n} validation images, of which it recognises {100 * safety.accuracy:.0f} of 100 unchanged."
    )
    with st.expander("Every transform", icon=":material/table_rows:"):
        st.dataframe(
            pd.DataFrame([_row(t) for t in safety.transforms]),
            hide_index=True,
            column_config={
                "recognised": st.column_config.NumberColumn(
                    format="percent", help="Validation images recognised after the change."
                ),
                "evidence lost": st.column_config.TextColumn(
                    help="How far the log-odds of the true class fall on average, with a 95 % interval."
                ),
            },
        )


def _row(found: TransformSafety) -> dict[str, Any]:
    drop = found.evidence
    worst = max(found.classes, key=lambda name: found.classes[name].mean)
    return {
        "transform": found.title,
        "verdict": VERDICTS[found.verdict],
        "turns": ", ".join(f"{f.label} → {f.becomes} ({f.moved} of {f.n})" for f in found.flips),
        "recognised": found.accuracy,
        "evidence lost": f"{drop.mean:.2f} ({drop.low:.2f} to {drop.high:.2f})",
        "worst class": f"{worst} ({found.classes[worst].mean:.2f})",
    }


def _check(dataset: DatasetRecord, version: VersionRecord, known: bool) -> None:
    """Offer the check of the label's safety, or show how far it has come."""
    if version_task.at_work("label_safety", version, "Checking label safety"):
        return
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        st.markdown(
            "Which changes leave an image in its class? A pretrained network judges validation images before and "
            "after each of them.",
            width="stretch",
        )
        label = "Check again" if known else "Check label safety"
        if st.button(label, icon=":material/verified_user:", key=f"start-label-safety-{version.id}"):
            version_task.start("label_safety", version, f"Label safety of {dataset.name}")
