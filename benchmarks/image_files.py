"""Arrays of pixels as folders of PNG files, one a class."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image


def write(folder: Path, images: np.ndarray, labels: Sequence[str], prefix: str) -> list[str]:
    """Write images as `folder/CLASS/PREFIX-NUMBER.png`; returns the names relative to `folder`."""
    names = []
    for number, (image, label) in enumerate(zip(images, labels, strict=True)):
        name = f"{label}/{prefix}-{number:05d}.png"
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(path)
        names.append(name)
    return names
