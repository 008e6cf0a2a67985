"""The fields of an augmentation as widgets."""

from collections.abc import Callable

import streamlit as st

from core.schemas import Frozen


class Field(Frozen):
    """One field of an `Augmentation`: a slider up to `high`, or a switch where there is none."""

    name: str
    label: str
    help: str
    high: float | None = None
    step: float = 0.05


FIELDS = (
    Field(name="rotation", label="Rotation", help="Degrees, either way.", high=180, step=1),
    Field(name="width_shift", label="Width shift", help="Share of the width, to either side.", high=0.5, step=0.01),
    Field(name="height_shift", label="Height shift", help="Share of the height, up or down.", high=0.5, step=0.01),
    Field(name="shear", label="Shear", help="Share of the height by which one side slides along the other.", high=1),
    Field(name="zoom", label="Zoom", help="Share of the side, nearer or farther.", high=0.95),
    Field(name="brightness", label="Brightness", help="Share of the range, brighter or darker.", high=1),
    Field(name="contrast", label="Contrast", help="Share of the range, more or less.", high=0.95),
    Field(name="channel_shift", label="Channel shift", help="Pixel values of 0 to 255.", high=128, step=1),
    Field(name="horizontal_flip", label="Horizontal flip", help="Half of the copies mirrored left to right."),
    Field(name="vertical_flip", label="Vertical flip", help="Half of the copies upside down."),
)
METHODS = (
    Field(
        name="rand_augment",
        label="RandAugment",
        help="Strength of two changes taken at random from eleven, of place and of colour; at 0.1 turns by 36° and "
        "shifts by 0.1 at most (Cubuk et al. 2020).",
        high=1,
    ),
    Field(
        name="aug_mix",
        label="AugMix",
        help="Strength of three short chains of changes, laid over the image (Hendrycks et al. 2020).",
        high=1,
    ),
    Field(
        name="erasing",
        label="Random erasing",
        help="Share of copies that lose a patch to noise, of 2 to 33 % of the area (Zhong et al. 2020).",
        high=1,
    ),
    Field(
        name="mixup",
        label="MixUp",
        help="Every copy is blended with another one, and its label too; α of the beta distribution of the shares, "
        "0.2 blends most of them faintly (Zhang et al. 2018).",
        high=1,
    ),
    Field(
        name="cutmix",
        label="CutMix",
        help="Every copy gets a patch of another one, and of its label by area; α of the beta distribution of the "
        "shares, 1 makes all of them equally likely (Yun et al. 2019). With MixUp, a copy gets one of the two.",
        high=1,
    ),
)
METHODS_TITLE = "Erasing, mixing and drawn policies"


def widget(
    field: Field, key: str, default: float | None = None, on_change: Callable[[], None] | None = None
) -> float | bool:
    """A slider or a switch for the field. Its value is kept under `key`; `default` is what it begins with."""
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
