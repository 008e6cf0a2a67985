"""One range of deep values and one ground under transparency for all pictures of an import, found out from them.

A range or a ground for each picture would make a dark picture as light as any other, and could tell the class.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import PurePosixPath

import numpy as np

from core.data.files.decoding import (
    GROUNDS,
    VANISHED,
    Ground,
    Rendering,
    UnreadableError,
    grey_deviations,
    is_deep,
    is_transparent,
    open_image,
    read_deep,
)
from core.data.files.packed import Archive
from core.settings import get_settings

_HEAD = 2048  # bytes in which PNG, WebP and GIF say how deep and transparent they are
_PLAIN = (".jpg", ".jpeg", ".jfif", ".heic", ".heif", ".bmp", ".avif")  # 8 bits and opaque, so they are not opened
_MOST = 1_000  # pictures whose values are looked at
_GROUND_MOST = 48
_VALUES = 4_000_000  # kept of all pictures together
_TAIL = 1e-4  # share of values at either end that may be faults of the sensor
_BITS = (8, 10, 12, 14, 16)
_RANGES = ((0.0, 1.0), (-1.0, 1.0), (0.0, 255.0))


def propose_rendering(archive: Archive, names: Sequence[str]) -> Rendering:
    """The rendering of the images `names`: the range of deep pictures, and the ground on which drawings show."""
    deep, transparent = [], []
    for name in names:
        if PurePosixPath(name).suffix.lower() in _PLAIN:
            continue
        is_deep_one, is_transparent_one = _depth_and_transparency(archive, name)
        if is_deep_one:
            deep.append(name)
        if is_transparent_one:
            transparent.append(name)
    low, high = _value_range(_values(archive, _spread(deep, _MOST))) or (None, None)
    return Rendering(low=low, high=high, ground=_ground(archive, _spread(transparent, _GROUND_MOST)))


def _spread(names: Sequence[str], most: int) -> list[str]:
    return list(names[:: -(-len(names) // most) or 1])


def _depth_and_transparency(archive: Archive, name: str) -> tuple[bool, bool]:
    """Whether a picture has more than 8 bits, and whether it may be transparent, by its first bytes if these tell."""
    try:
        head = archive.head(name, _HEAD)
        if head.startswith(b"\x89PNG") and len(head) > 25:
            return head[24] == 16, head[25] in (4, 6) or b"tRNS" in head
        if head.startswith(b"RIFF"):
            return False, head[12:16] in (b"VP8L", b"VP8X")
        if head.startswith(b"GIF8"):
            return False, re.search(rb"\x21\xf9\x04[\x01\x05\x09\x0d]", head) is not None
        if head[:2] == b"\xff\xd8":
            return False, False
        with open_image(archive.read(name), get_settings().max_pixels) as image:
            return is_deep(image), is_transparent(image)
    except (UnreadableError, OSError):
        return False, False  # refused by name when it is decoded


def _values(archive: Archive, names: Sequence[str]) -> list[np.ndarray]:
    """Finite values of each picture, spread over it, the smallest and largest first."""
    max_pixels = get_settings().max_pixels
    each = max(1024, _VALUES // max(1, len(names)))
    values = []
    for name in names:
        try:
            deep = read_deep(archive.read(name), max_pixels)
            colours = deep[..., :-1] if deep.ndim == 3 and deep.shape[2] in (2, 4) else deep  # without alpha
            grey = colours.ravel()
        except (UnreadableError, OSError):
            continue
        grey = grey[np.isfinite(grey)] if grey.dtype.kind == "f" else grey
        if len(grey):
            spread = grey[:: -(-len(grey) // each)]
            values.append(np.concatenate([[grey.min(), grey.max()], spread]).astype("float64"))
    return values


def _value_range(values: list[np.ndarray]) -> tuple[float, float] | None:
    """The range that the values fill: that of a usual depth or scale where they fill half of it, else their own.

    A few faulty pixels do not widen it.
    """
    if not values:
        return None
    low, high = float(min(v[0] for v in values)), float(max(v[1] for v in values))
    body = np.concatenate([v[2:] for v in values])
    inner_low, inner_high = np.quantile(body, [_TAIL, 1 - _TAIL], method="nearest").tolist()
    if inner_high > inner_low and high - low > 1.25 * (inner_high - inner_low):
        low, high = inner_low, inner_high
    if high <= low:
        return low, low + 1.0
    whole = bool(np.all(body == np.round(body)))
    usual = [(0.0, float(2**bits - 1)) for bits in _BITS] if whole and high > 1 else list(_RANGES)
    for bottom, top in usual:
        if bottom <= low and high <= top:
            return (bottom, top) if high - low >= (top - bottom) / 2 else (low, high)
    return low, high


def _ground(archive: Archive, names: Sequence[str]) -> Ground | None:
    """The ground on which the fewest pictures look blank: white where that makes no difference, None for none."""
    blank = dict.fromkeys(GROUNDS, 0)
    n_seen = 0
    for levels in _levels(archive, names):
        n_seen += 1
        for ground, deviation in levels.items():
            blank[ground] += deviation < VANISHED
    if not n_seen:
        return None
    return min(GROUNDS, key=lambda ground: blank[ground])


def _levels(archive: Archive, names: Iterable[str]) -> Iterator[dict[Ground, float]]:
    """For each transparent picture, the standard deviation of its grey levels on each ground."""
    max_pixels = get_settings().max_pixels
    for name in names:
        try:
            with open_image(archive.read(name), max_pixels) as image:
                if not is_transparent(image):
                    continue
                yield grey_deviations(image)
        except (UnreadableError, OSError):
            continue
