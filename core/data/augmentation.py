"""Augmentations by name: label-preserving random changes of training images.

Scaling of pixel values is no augmentation: it is part of the backbone.
"""

from pathlib import Path
from typing import Any

from core.errors import InputError, did_you_mean
from core.schemas import Augmentation, Frozen
from core.store.files import read_entries


class _Entry(Frozen):
    name: str
    help: str
    values: dict[str, Any]
    brings: dict[str, Any] = {}


_ENTRIES = read_entries(Path(__file__).with_suffix(".toml"), _Entry)
AUGMENTATIONS = {name: Augmentation(name=name, **entry.values) for name, entry in _ENTRIES.items()}
AUGMENTATION_HELP = {name: entry.help for name, entry in _ENTRIES.items()}
# Further settings that an augmentation brings along to a run, unless other ones are given.
COMES_WITH = {name: entry.brings for name, entry in _ENTRIES.items() if entry.brings}


def get_augmentation(name: str) -> Augmentation:
    if name not in AUGMENTATIONS:
        raise InputError(
            f"There is no augmentation “{name}”.",
            did_you_mean(name, AUGMENTATIONS, f"Choose one of: {', '.join(AUGMENTATIONS)}."),
        )
    return AUGMENTATIONS[name]
