"""Augmentations by name: label-preserving random changes of training images.

Scaling of pixel values is no augmentation: it is part of the backbone.
"""

from typing import Any

from core.errors import InputError
from core.schemas import Augmentation

AUGMENTATIONS: dict[str, Augmentation] = {
    a.name: a
    for a in (
        Augmentation(name="light", rotation=8, width_shift=0.05, height_shift=0.05, zoom=0.05, brightness=0.05),
        Augmentation(
            name="medium",
            rotation=15,
            width_shift=0.1,
            height_shift=0.1,
            zoom=0.15,
            horizontal_flip=True,
            brightness=0.1,
            contrast=0.1,
        ),
        Augmentation(
            name="strong",
            rotation=30,
            width_shift=0.15,
            height_shift=0.15,
            shear=0.1,
            zoom=0.25,
            horizontal_flip=True,
            brightness=0.2,
            contrast=0.2,
            channel_shift=20,
        ),
        # The values that textbooks give for small photo sets.
        Augmentation(
            name="textbook",
            rotation=40,
            width_shift=0.2,
            height_shift=0.2,
            shear=0.2,
            zoom=0.2,
            horizontal_flip=True,
            fill="nearest",
        ),
    )
}

# Further settings that an augmentation brings along to a run, unless other ones are given.
COMES_WITH: dict[str, dict[str, Any]] = {"textbook": {"image_size": 150, "batch_size": 32}}

AUGMENTATION_HELP: dict[str, str] = {
    "light": "Small turns, shifts and zooms, a little brighter or darker. Nothing is mirrored.",
    "medium": "Further, and mirrored left to right: not for letters, digits or anything that has a side.",
    "strong": "Further still, with shear and colour shifts.",
    "textbook": "Rotation 40°, shifts, shear and zoom 0.2, mirrored left to right, nearest fill; a run then sees "
    "images at 150 × 150 px, in batches of 32.",
}


def get_augmentation(name: str) -> Augmentation:
    if name not in AUGMENTATIONS:
        raise InputError(f"There is no augmentation “{name}”.", f"Choose one of: {', '.join(AUGMENTATIONS)}.")
    return AUGMENTATIONS[name]
