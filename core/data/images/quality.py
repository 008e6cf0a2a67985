"""Measurements of an image: brightness, contrast, sharpness, colour, background, and perceptual hashes."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

HASHES = ("perceptual_hash", "mirrored_hash")
MEASURES = ("brightness", "darkest", "lightest", "contrast", "sharpness", "entropy", "colourfulness",
            "border_red", "border_green", "border_blue")  # fmt: skip
SIDE = 96  # pixels; the longest side at which sharpness is measured, so that sizes can be compared
_FREQUENCIES = np.cos(np.pi / 64 * np.outer(np.arange(8), 2 * np.arange(32) + 1))
_MIRROR = np.where(np.arange(8) % 2, -1.0, 1.0)
_LEVELS = np.arange(256.0)
_EDGE = np.flatnonzero(np.pad(np.zeros((14, 14), bool), 1, constant_values=True))
# Hasler and Süsstrunk's opponent colours, red − green and (red + green) / 2 − blue.
_OPPONENT = np.array([[1, 0.5], [-1, 0.5], [0, -1]], dtype="float32")


@dataclass(frozen=True)
class Reduced:
    """The input of the measurements: small versions of an image, uint8, and the histogram of its luminance.

    `thumb` is grey, 32 × 32; `colours` 16 × 16 × 3; `edges` grey, with its longest side 96 pixels at most.
    """

    thumb: np.ndarray
    colours: np.ndarray
    edges: np.ndarray
    histogram: list[int]


def reduce_image(pixels: np.ndarray) -> Reduced:
    """Reduce an RGB image, uint8, height × width × 3, in a few calls that release the interpreter lock.

    A large image is first shrunk by a whole factor to a longest side of 96 to 191 pixels.
    """
    image = Image.fromarray(pixels)
    factor = max(image.size) // SIDE
    if factor > 1:
        image = image.reduce(factor)
    grey = image.convert("L")
    longest = max(grey.size)
    edges = grey
    if longest > SIDE:
        width, height = (max(1, round(side * SIDE / longest)) for side in grey.size)
        edges = grey.resize((width, height), Image.Resampling.BOX)
    return Reduced(
        thumb=np.asarray(grey.resize((32, 32), Image.Resampling.LANCZOS)),
        colours=np.asarray(image.resize((16, 16), Image.Resampling.BOX)),
        edges=np.asarray(edges),
        histogram=grey.histogram(),
    )


def measure_images(images: Sequence[Reduced]) -> list[dict[str, float | str]]:
    """The `HASHES` and `MEASURES` of images, vectorised: calls on tiny arrays would take longer than the work.

    Levels run from 0 to 255.

    - brightness: mean luminance (ITU-R BT.601); darkest, lightest: its 5th and 99th percentile; contrast: its
      standard deviation; entropy: of its histogram, in bits.
    - sharpness: variance of the Laplacian (Pech-Pacheco et al. 2000), in luminance squared, the image scaled down to
      96 pixels where it is larger.
    - colourfulness: after Hasler and Süsstrunk (2003); 0 for greys, about 15 slightly, 60 quite colourful.
    - border_red, border_green, border_blue: median colour along the edges, which mostly is the background.
    """
    if not images:
        return []
    shares = np.array([image.histogram for image in images], dtype="float64")
    shares /= shares.sum(axis=1, keepdims=True)
    cumulated = shares.cumsum(axis=1)
    mean, square = shares @ _LEVELS, shares @ _LEVELS**2
    colours = np.stack([image.colours for image in images]).reshape(len(images), 256, 3)
    border = np.sort(colours[:, _EDGE], axis=1)[:, 29:31].mean(axis=1)  # medians of 60
    values = {
        "brightness": mean,
        "darkest": (cumulated < 0.05 - 1e-9).sum(axis=1),
        "lightest": (cumulated < 0.99 - 1e-9).sum(axis=1),
        "contrast": np.sqrt((square - mean**2).clip(0)),
        "sharpness": np.array([_sharpness(image.edges) for image in images]),
        "entropy": np.abs((shares * np.log2(shares + 1e-12)).sum(axis=1)),
        "colourfulness": _colourfulness(colours.astype("float32")),
        **{f"border_{name}": border[:, i] for i, name in enumerate(("red", "green", "blue"))},
    }
    numbers = np.stack([values[name] for name in MEASURES], axis=1).tolist()
    of_hashes = zip(*_hashes(np.stack([image.thumb for image in images])), strict=True)
    return [
        {**dict(zip(HASHES, pair, strict=True)), **dict(zip(MEASURES, row, strict=True))}
        for pair, row in zip(of_hashes, numbers, strict=True)
    ]


def measure_image(pixels: np.ndarray) -> dict[str, float]:
    """The `MEASURES` of one RGB image, uint8, height × width × 3; see `measure_images`."""
    (seen,) = measure_images([reduce_image(pixels)])
    return {name: float(seen[name]) for name in MEASURES}


def image_hashes(pixels: np.ndarray) -> tuple[str, str]:
    """The perceptual hash of an image and that of its mirror image; see `perceptual_hash`."""
    plain, mirrored = _hashes(reduce_image(pixels).thumb[None])
    return plain[0], mirrored[0]


def perceptual_hash(pixels: np.ndarray) -> str:
    """64 bits, as hex, that stay nearly the same under resizing and recompression.

    Which of the 8 × 8 lowest frequencies of the 32 × 32 grey image lie above their median: the hash of
    `imagehash.phash`, whose import would cost the web process SciPy's Fourier package.
    """
    return image_hashes(pixels)[0]


def _hashes(thumbs: np.ndarray) -> tuple[list[str], list[str]]:
    """Of grey images, `(n, 32, 32)`, and of their mirror images."""
    low = (_FREQUENCIES @ thumbs.astype("float64") @ _FREQUENCIES.T).round(
        6
    )  # values that are zero up to rounding must be zero
    # Mirroring flips the sign of the odd horizontal frequencies and changes nothing else.
    return _bits(low), _bits(low * _MIRROR)


def _bits(low: np.ndarray) -> list[str]:
    flat = low.reshape(len(low), 64)
    rising = np.sort(flat, axis=1)
    packed = np.packbits(flat > (rising[:, 31:32] + rising[:, 32:33]) / 2, axis=1)
    return [row.tobytes().hex() for row in packed]


def _sharpness(grey: np.ndarray) -> float:
    y = grey.astype("int16")
    if min(y.shape) < 3:
        return 0.0
    edges = y[:-2, 1:-1] + y[2:, 1:-1]
    edges += y[1:-1, :-2]
    edges += y[1:-1, 2:]
    edges -= y[1:-1, 1:-1] << 2
    flat = edges.ravel().astype("float32")
    return float(float(flat @ flat) / flat.size - (float(edges.sum()) / flat.size) ** 2)


def _colourfulness(colours: np.ndarray) -> np.ndarray:
    """Of pixels `(images, n, 3)`."""
    opponent = colours @ _OPPONENT
    spread = np.sqrt(opponent.var(axis=1).sum(axis=1))
    return np.asarray(spread + 0.3 * np.linalg.norm(opponent.mean(axis=1), axis=1))
