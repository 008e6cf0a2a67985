"""What is measured of an image: brightness, contrast, sharpness, colour, background, and perceptual hashes."""

import numpy as np
from PIL import Image

HASHES = ("perceptual_hash", "mirrored_hash")
MEASURES = ("brightness", "darkest", "lightest", "contrast", "sharpness", "entropy", "colourfulness",
            "border_red", "border_green", "border_blue")  # fmt: skip
SIDE = 96  # pixels; the longest side at which sharpness is measured, so that sizes can be compared
_FREQUENCIES = np.cos(np.pi / 64 * np.outer(np.arange(8), 2 * np.arange(32) + 1))
_MIRROR = np.where(np.arange(8) % 2, -1.0, 1.0)
_LEVELS = np.arange(256.0)
_SQUARES = _LEVELS**2


def look(pixels: np.ndarray) -> dict[str, float | str]:
    """Everything about an RGB image, uint8, height × width × 3: its `HASHES` and its `MEASURES`."""
    image = Image.fromarray(pixels)
    grey = image.convert("L")
    return {**dict(zip(HASHES, _hashes(grey), strict=True)), **_measure(image, grey)}


def measure(pixels: np.ndarray) -> dict[str, float]:
    """Measurements of an RGB image, uint8, height × width × 3, by name (`MEASURES`). Levels run from 0 to 255.

    - brightness: mean luminance (ITU-R BT.601); darkest, lightest: its 5th and 99th percentile; contrast: its
      standard deviation; entropy: of its histogram, in bits.
    - sharpness: variance of the Laplacian (Pech-Pacheco et al. 2000), in luminance squared, the image scaled down to
      96 pixels where it is larger.
    - colourfulness: after Hasler and Süsstrunk (2003); 0 for greys, about 15 slightly, 60 quite colourful.
    - border_red, border_green, border_blue: median colour along the edges, which mostly is the background.
    """
    image = Image.fromarray(pixels)
    return _measure(image, image.convert("L"))


def _measure(image: Image.Image, grey: Image.Image) -> dict[str, float]:
    shares: np.ndarray = np.asarray(grey.histogram(), dtype="float64") / (grey.width * grey.height)
    filled: np.ndarray = shares[shares > 0]
    cumulated = shares.cumsum()
    mean = float(shares @ _LEVELS)
    small = np.asarray(image.resize((16, 16), Image.Resampling.BOX, reducing_gap=1.0), dtype="float32")
    edge = np.sort(np.concatenate([small[0], small[-1], small[1:-1, 0], small[1:-1, -1]]), axis=0)
    red, green, blue = ((edge[29] + edge[30]) / 2).tolist()  # of 60; np.median takes several times as long
    return {
        "brightness": mean,
        "darkest": float(cumulated.searchsorted(0.05 - 1e-9)),
        "lightest": float(cumulated.searchsorted(0.99 - 1e-9)),
        "contrast": float(np.sqrt(max(0.0, shares @ _SQUARES - mean**2))),
        "sharpness": _sharpness(grey),
        "entropy": abs(float(filled @ np.log2(filled))),
        "colourfulness": _colourfulness(small),
        "border_red": red,
        "border_green": green,
        "border_blue": blue,
    }


def hashes(pixels: np.ndarray) -> tuple[str, str]:
    """The perceptual hash of an image and that of its mirror image; see `perceptual_hash`."""
    return _hashes(Image.fromarray(pixels).convert("L"))


def _hashes(grey: Image.Image) -> tuple[str, str]:
    small = np.asarray(grey.resize((32, 32), Image.Resampling.LANCZOS), dtype="float64")
    low = (_FREQUENCIES @ small @ _FREQUENCIES.T).round(6)  # what is zero but for rounding must not decide a bit
    # Mirroring turns the sign of the odd horizontal frequencies and changes nothing else.
    return _bits(low), _bits(low * _MIRROR)


def perceptual_hash(pixels: np.ndarray) -> str:
    """64 bits, as hex, that stay nearly the same under resizing and recompression.

    Which of the 8 × 8 lowest frequencies of the 32 × 32 grey image lie above their median: the hash of
    `imagehash.phash`, whose import would cost the web process SciPy's Fourier package.
    """
    return hashes(pixels)[0]


def _bits(low: np.ndarray) -> str:
    rising = np.sort(low, axis=None)
    return np.packbits(low > (rising[31] + rising[32]) / 2).tobytes().hex()


def _sharpness(grey: Image.Image) -> float:
    longest = max(grey.size)
    if longest > SIDE:
        width, height = (max(1, round(side * SIDE / longest)) for side in grey.size)
        grey = grey.resize((width, height), Image.Resampling.BOX, reducing_gap=1.0)
    y = np.asarray(grey).astype("int16")
    if min(y.shape) < 3:
        return 0.0
    edges = y[:-2, 1:-1] + y[2:, 1:-1]
    edges += y[1:-1, :-2]
    edges += y[1:-1, 2:]
    edges -= y[1:-1, 1:-1] << 2
    flat = edges.astype("float32").ravel()
    return float(flat @ flat) / flat.size - float(flat.mean()) ** 2


def _colourfulness(rgb: np.ndarray) -> float:
    red, green, blue = rgb[..., 0], rgb[..., 1], rgb[..., 2]
    red_green, yellow_blue = red - green, (red + green) / 2 - blue
    spread = np.hypot(red_green.std(), yellow_blue.std())
    return float(spread + 0.3 * np.hypot(red_green.mean(), yellow_blue.mean()))
