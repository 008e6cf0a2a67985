"""The tab “Augment”: how training images are changed, with a preview, the label-safety check and a download."""

from typing import Any

import streamlit as st

from core.data.augmentation import AUGMENTATION_HELP, AUGMENTATIONS
from core.data.findings.label_safety import VERDICTS, LabelSafety, TransformSafety, Verdict, load_label_safety
from core.methods.augmentation_layers import Field, without_mixing
from core.methods.presets import VIEWS
from core.methods.pretrained import BACKBONES
from core.schemas import Augmentation, DatasetRecord, TrainingSpec, VersionRecord
from core.ui.shell import task_panel
from core.ui.shell.augmentation import FIELDS, METHODS, METHODS_TITLE, field_widget, preview
from core.ui.shell.downloads import download_made_file
from core.ui.shell.handoff import open_train_page
from core.ui.shell.tables import show_table
from core.ui.shell.text import literal, plural, time_since

SEED = "augment-seed"
PRESET = "augment-preset"
FILLS = {
    "nearest": "the pixels of the edge, repeated",
    "reflect": "the image mirrored at its edge",
    "wrap": "the opposite side of the image",
    "constant": "black",
}
BADGES: dict[Verdict, tuple[str, str]] = {
    "keeps": ("green", "check_circle"),
    "costs": ("orange", "info"),
    "loses": ("red", "block"),
    "changes": ("red", "block"),
}


def show_augment(dataset: DatasetRecord, version: VersionRecord) -> None:
    """The fields with the verdicts of the check, and the preview on the dataset's own images."""
    safety = load_label_safety(version)
    left, right = st.columns(2, gap="large")
    with left:
        chosen = _choose_augmentation(safety)
    data = f"{version.dataset}@{version.id}"
    with right:
        seed = st.session_state.setdefault(SEED, 0)
        spec = TrainingSpec(data=data, seed=seed, augmentation=chosen, views=VIEWS)
        _show_preview(spec)
    _offer_check(dataset, version, known=safety is not None)
    if safety:
        _show_check(safety)
    _offer_download(version, spec)


def _choose_augmentation(safety: LabelSafety | None) -> Augmentation:
    if _key("fill") not in st.session_state:  # the first visit
        st.session_state[PRESET] = next(iter(AUGMENTATIONS))
        _follow_preset()
    st.segmented_control(
        "Preset",
        list(AUGMENTATIONS),
        format_func=str.capitalize,
        key=PRESET,
        persist_state="session",
        on_change=_follow_preset,
        help="  \n".join(f"**{name.capitalize()}**: {text}" for name, text in AUGMENTATION_HELP.items()),
    )
    values: dict[str, Any] = {**_show_fields(FIELDS, safety)}
    values["fill"] = st.segmented_control(
        "Fill",
        list(FILLS),
        format_func=str.capitalize,
        required=True,
        key=_key("fill"),
        persist_state="session",
        on_change=_clear_preset,
        help="What fills the area outside of the image.  \n"
        + "  \n".join(f"**{name.capitalize()}**: {text}" for name, text in FILLS.items()),
    )
    with st.expander(METHODS_TITLE, icon=":material/auto_awesome_mosaic:"):
        values |= _show_fields(METHODS, safety)
    named = (a for a in AUGMENTATIONS.values() if a.model_dump(exclude={"name"}) == values)
    return next(named, Augmentation(**values))


def _show_fields(fields: tuple[Field, ...], safety: LabelSafety | None) -> dict[str, float | bool]:
    """The widgets of fields, two a row, each with its verdict."""
    values: dict[str, float | bool] = {}
    for first in range(0, len(fields), 2):
        for column, field in zip(st.columns(2), fields[first : first + 2], strict=False):
            with column:
                value = values[field.name] = field_widget(field, _key(field.name), on_change=_clear_preset)
                if safety:
                    # The verdict on a switch is shown before it is on.
                    _show_badge(safety, field.name, 1.0 if field.high is None else float(value))
    return values


def _show_badge(safety: LabelSafety, field: str, value: float) -> None:
    known = safety.at(field, value)
    if known:
        colour, icon = BADGES[known.verdict]
        verdict = VERDICTS[known.verdict]
        if known.flips:
            verdict = f"turns {known.flips[0].label} into {known.flips[0].becomes}: leave it off"
        if known.strength > value and known.verdict != "keeps":
            verdict = f"at {known.strength:g}: {verdict}"
        st.markdown(f":{colour}-badge[:material/{icon}: {literal(verdict)}]", help=literal(known.sentence))


def _follow_preset() -> None:
    """Put the chosen preset's values on the sliders."""
    name = st.session_state[PRESET]
    if name:
        for field in (*FIELDS, *METHODS):
            value = AUGMENTATIONS[name].amount(field.name)
            st.session_state[_key(field.name)] = int(value) if field.step == 1 else value
        st.session_state[_key("fill")] = AUGMENTATIONS[name].fill


def _clear_preset() -> None:
    """A value was changed, so that it is not a preset any more."""
    st.session_state[PRESET] = None


def _key(field: str) -> str:
    return f"augment-{field}"


def _show_preview(spec: TrainingSpec) -> None:
    assert spec.augmentation
    with st.container(horizontal=True):
        if st.button("Train with this", type="primary", icon=":material/model_training:", key="augment-train"):
            open_train_page(TrainingSpec(data=spec.data, augmentation=spec.augmentation))
        redraw = st.button(
            "Re-roll", icon=":material/casino:", help="Draws other copies, with another seed.", key="augment-roll"
        )
    if redraw:
        st.session_state[SEED] += 1
        spec = spec.model_copy(update={"seed": st.session_state[SEED]})
    preview(spec, at_once=redraw)


def _show_check(safety: LabelSafety) -> None:
    unsafe = [t for t in safety.transforms if t.leave_off]
    if unsafe:
        st.warning("  \n".join(literal(transform.sentence) for transform in unsafe), icon=":material/block:")
    st.caption(
        f"Checked {time_since(safety.created)} with {BACKBONES[safety.backbone].title} at {safety.image_size} px on "
        f"{safety.n} validation images, of which it recognises {100 * safety.accuracy:.0f} % unchanged."
    )
    with st.expander("Every transform", icon=":material/table_rows:"):
        show_table(
            map(_row, safety.transforms),
            {
                "recognised": ("percent", "Validation images recognised after the change."),
                "evidence lost": "How far the log-odds of the true class fall on average, with a 95 % interval.",
            },
        )


def _row(transform: TransformSafety) -> dict[str, Any]:
    drop = transform.evidence
    worst = max(transform.classes, key=lambda name: transform.classes[name].mean)
    return {
        "transform": transform.title,
        "verdict": VERDICTS[transform.verdict],
        "turns": ", ".join(f"{f.label} → {f.becomes} ({f.moved} of {f.n})" for f in transform.flips),
        "recognised": transform.accuracy,
        "evidence lost": f"{drop.mean:.2f} ({drop.low:.2f} to {drop.high:.2f})",
        "worst class": f"{worst} ({transform.classes[worst].mean:.2f})",
    }


def _offer_check(dataset: DatasetRecord, version: VersionRecord, known: bool) -> None:
    """A button for the label-safety check, or its progress."""
    if task_panel.is_busy("label_safety", "Checking label safety", version):
        return
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        st.markdown(
            "Which changes keep an image in its class? A pretrained network classifies validation images before and "
            "after each of them.",
            width="stretch",
        )
        label = "Check again" if known else "Check label safety"
        if st.button(label, icon=":material/verified_user:", key=f"start-label-safety-{version.id}"):
            task_panel.start("label_safety", f"Label safety of {dataset.name}", version)


def _offer_download(version: VersionRecord, spec: TrainingSpec) -> None:
    """The augmented images that a run with this spec would be trained on, as a ZIP."""
    assert spec.augmentation
    unmixed = without_mixing(spec.augmentation)
    download_made_file(
        "augmented_set",
        version,
        spec.model_copy(update={"augmentation": unmixed}).model_dump(
            mode="json", exclude_none=True, exclude={"data"}
        ),
        "augmented.zip",
        description=f"The training images with {plural(spec.views or 0, 'copy', 'copies')} of each, in a folder per"
        " class."
        + (
            " MixUp and CutMix are left out: a mixed image belongs to no single class."
            if unmixed != spec.augmentation
            else ""
        ),
        doing="Making the augmented set",
        file_name=f"{version.dataset}-augmented.zip",
    )
