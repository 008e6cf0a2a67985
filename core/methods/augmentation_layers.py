"""The augmentation layers, as data.

To add one, write the function that makes its layer and describe it here.

An `Augmentation` holds one number or switch for each field named here. Fields that
`core.schemas.Augmentation` does not declare are kept as extra fields, so a new layer needs no change of the schema.
"""

from collections.abc import Callable
from pkgutil import resolve_name
from typing import Any

from core.errors import InputError
from core.schemas import Augmentation, Frozen


class Field(Frozen):
    """One field of an `Augmentation`: a slider up to `high`, or a switch where there is none."""

    name: str
    label: str
    help: str
    high: float | None = None
    step: float = 0.05


class AugmentationLayer(Frozen):
    """One layer, set by one or two fields.

    Attributes:
        layer: the function that makes it from an `Augmentation`, `core.module:name`; only a worker resolves it.
        policy: whether the form shows it with the policies: random erasing, mixing and random augmentation.
        mixes: whether it mixes images, and their labels, with each other.
    """

    fields: tuple[Field, ...]
    layer: str
    policy: bool = False
    mixes: bool = False

    def is_on(self, augmentation: Augmentation) -> bool:
        return any(augmentation.amount(field.name) for field in self.fields)

    def load(self) -> Callable[[Augmentation], Any]:
        function: Callable[[Augmentation], Any] = resolve_name(self.layer)
        return function


def _one_field_layer(
    name: str,
    label: str,
    text: str,
    *,
    high: float = 1,
    step: float = 0.05,
    policy: bool = False,
    mixes: bool = False,
) -> AugmentationLayer:
    """A layer with one field, made by the function of the same name."""
    field = Field(name=name, label=label, help=text, high=high, step=step)
    return AugmentationLayer(fields=(field,), layer=f"core.models.augmenting:{name}", policy=policy, mixes=mixes)


_TO_SIDE, _UP_DOWN = "Share of the width, to either side.", "Share of the height, up or down."
_SHEAR = "Share of the height by which one side is moved along the other."
_RAND_AUGMENT = (
    "Strength of two random changes out of eleven, geometric and of colour; at 0.1 turns by 36° and shifts by 0.1 at"
    " most (Cubuk et al. 2020)."
)
_AUG_MIX = "Strength of three short chains of changes, mixed with the image (Hendrycks et al. 2020)."
_ERASING = "Share of copies in which a patch of 2 to 33 % of the area becomes noise (Zhong et al. 2020)."
_MIXUP = (
    "Every copy and its label are blended with another one; α of the beta distribution of the shares, 0.2 blends most"
    " of them faintly (Zhang et al. 2018)."
)
_CUTMIX = (
    "Every copy gets a patch of another one, and its label by area; α of the beta distribution of the shares, 1 is"
    " uniform (Yun et al. 2019). With MixUp, a copy gets one of the two."
)

# In the order in which they are applied: geometry, colour, policies, mixing.
LAYERS: tuple[AugmentationLayer, ...] = (
    AugmentationLayer(
        fields=(
            Field(name="horizontal_flip", label="Horizontal flip", help="Mirrors half of the copies left to right."),
            Field(name="vertical_flip", label="Vertical flip", help="Turns half of the copies upside down."),
        ),
        layer="core.models.augmenting:flip",
    ),
    _one_field_layer("rotation", "Rotation", "Degrees, either way.", high=180, step=1),
    AugmentationLayer(
        fields=(
            Field(name="width_shift", label="Width shift", help=_TO_SIDE, high=0.5, step=0.01),
            Field(name="height_shift", label="Height shift", help=_UP_DOWN, high=0.5, step=0.01),
        ),
        layer="core.models.augmenting:translation",
    ),
    _one_field_layer("shear", "Shear", _SHEAR),
    _one_field_layer("zoom", "Zoom", "Share of the side, in or out.", high=0.95),
    _one_field_layer("brightness", "Brightness", "Share of the range, brighter or darker."),
    _one_field_layer("contrast", "Contrast", "Share of the range, more or less.", high=0.95),
    _one_field_layer("channel_shift", "Channel shift", "Pixel values of 0 to 255.", high=128, step=1),
    _one_field_layer("rand_augment", "RandAugment", _RAND_AUGMENT, policy=True),
    _one_field_layer("aug_mix", "AugMix", _AUG_MIX, policy=True),
    _one_field_layer("erasing", "Random erasing", _ERASING, policy=True),
    _one_field_layer("mixup", "MixUp", _MIXUP, policy=True, mixes=True),
    _one_field_layer("cutmix", "CutMix", _CUTMIX, policy=True, mixes=True),
)


def check_fields(augmentation: Augmentation) -> None:
    """`InputError` if an augmentation has a field that no layer reads."""
    known = sorted(field.name for layer in LAYERS for field in layer.fields)
    for name in augmentation.model_extra or ():
        if name not in known:
            raise InputError(f"There is no augmentation layer “{name}”.", f"Choose among: {', '.join(known)}.")


def without_mixing(augmentation: Augmentation) -> Augmentation:
    """The same augmentation without the layers that mix images."""
    off = {field.name: 0.0 for layer in LAYERS if layer.mixes for field in layer.fields}
    return augmentation.model_copy(update=off)


def mixes_images(augmentation: Augmentation) -> bool:
    """Whether augmented copies contain parts of other images, and so belong to several classes."""
    return any(layer.mixes and layer.is_on(augmentation) for layer in LAYERS)
