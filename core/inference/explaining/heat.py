"""The picture of a heat map: pure, so that a page can draw it."""

import numpy as np
from PIL import Image

# Cividis (Nuñez, Anderton and Renslow 2018), the same to colour-blind eyes: dark blue is nothing, yellow the most.
SCALE = np.array(
    [(0, 34, 78), (55, 72, 107), (108, 110, 114), (165, 156, 116), (225, 205, 85), (254, 232, 56)], float
)
STRENGTH = 0.65  # how much of the picture's own grey the brightest spot hides


def overlay_heat(pixels: np.ndarray, heat: np.ndarray) -> np.ndarray:
    """A heat map laid over its picture, of which the grey values are kept.

    Args:
        pixels: uint8, `(height, width, 3)`.
        heat: 0 to 1, `(h, w)` of any size; it is stretched over the picture.

    Returns:
        uint8, of the picture's shape.
    """
    height, width = pixels.shape[:2]
    wide = Image.fromarray(heat.astype("float32")).resize((width, height), Image.Resampling.BILINEAR)
    values = np.clip(np.asarray(wide), 0, 1)
    places = np.linspace(0, 1, len(SCALE))
    colour = np.stack([np.interp(values, places, SCALE[:, channel]) for channel in range(3)], axis=-1)
    grey = pixels.mean(axis=-1, keepdims=True)
    share = STRENGTH * (0.3 + 0.7 * values[..., None])
    blended: np.ndarray = (share * colour + (1 - share) * grey + 0.5).astype("uint8")
    return blended


def normalise_maps(maps: np.ndarray) -> np.ndarray:
    """Maps `(n, h, w)` with negative values set to 0, scaled to a maximum of 1; all 0 if none is positive."""
    positive = np.maximum(maps, 0)
    top = positive.max(axis=(1, 2), keepdims=True)
    divided: np.ndarray = np.divide(positive, top, out=np.zeros_like(positive), where=top > 0)
    return divided
