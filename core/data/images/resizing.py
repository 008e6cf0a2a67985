"""Scaling an image to the square that a network takes."""

import numpy as np
from PIL import Image


def resize(pixels: np.ndarray, size: int) -> np.ndarray:
    """The whole image, uint8, height × width × 3, scaled to `size` × `size`, bilinear and antialiased.

    A centre crop would keep proportions but cut off the border, and the label describes the whole image; the
    backbones were trained on crops stretched by up to 4:3 either way (Szegedy et al., 2015), so they tolerate the
    distortion.
    """
    return np.asarray(Image.fromarray(pixels).resize((size, size), Image.Resampling.BILINEAR))
