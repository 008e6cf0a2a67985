"""The augmentation layers, as data.

To add one, write the function that makes its layer and describe it in `entries/augmentation_layers.toml`.

An `Augmentation` holds one number or switch for each field named there. Fields that
`core.schemas.Augmentation` does not declare are kept as extra fields, so a new layer needs no change of the schema.
"""

from pathlib import Path

from core.errors import InputError
from core.schemas import Augmentation, Frozen
from core.store.files import read_entries


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
        function: the function that makes it from an `Augmentation`, `core.module:name`; only a worker resolves it.
        policy: whether the form shows it with the policies: random erasing, mixing and random augmentation.
        mixes: whether it mixes images, and their labels, with each other.
    """

    name: str
    fields: tuple[Field, ...]
    function: str
    policy: bool = False
    mixes: bool = False

    def is_on(self, augmentation: Augmentation) -> bool:
        return any(augmentation.amount(field.name) for field in self.fields)


LAYERS = tuple(
    read_entries(Path(__file__).with_name("entries") / "augmentation_layers.toml", AugmentationLayer).values()
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
