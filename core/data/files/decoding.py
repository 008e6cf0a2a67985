"""Decoding one image file of any format to upright RGB of a limited size."""

import io
import struct
import warnings
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any, Literal, get_args

import numpy as np
from PIL import ExifTags, Image, ImageFile, ImageOps, UnidentifiedImageError

from core.schemas import Frozen

FORMATS: tuple[str, ...] = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "PPM")
warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # the settings' own limit is checked instead
# What Pillow's decoders raise on broken data, found by fuzzing.
_DECODER_ERRORS = (OSError, SyntaxError, ValueError, TypeError, IndexError, EOFError, OverflowError, RuntimeError,
                   struct.error, zlib.error)  # fmt: skip


Ground = Literal["white", "dark", "grey"]
GROUNDS: tuple[Ground, ...] = get_args(Ground)
_COLOURS = {"white": (255, 255, 255), "dark": (0, 0, 0), "grey": (128, 128, 128)}
GREY_MODES = ("I", "I;16", "I;16B", "I;16L", "I;16N", "F")  # of more than 8 bits
_DEEP_TOP = 65535
VANISHED = 8.0  # standard deviation of grey levels under which a picture looks blank
_WITH_FRAMES = ("TIFF", "GIF", "PNG", "WEBP", "AVIF")  # a JPEG of several is one picture in several sizes


class UnreadableError(Exception):
    """An image cannot be decoded; the message is the reason in the list of refused files."""


class Rendering(Frozen):
    """How pictures become 8-bit RGB, the same for all of a dataset and for what its runs predict.

    `ground` lies under transparency. Values of more than 8 bits are stretched so that `low` becomes 0 and `high` 255.
    What no picture has needed yet is None: then the ground is white, and integers are stretched from 0 to 65,535,
    floats from 0 to 1.
    """

    ground: Ground | None = None
    low: float | None = None
    high: float | None = None


class Limits(Frozen):
    """`side`: the longest side, in pixels, at which images are kept; one of more than `max_pixels` is refused."""

    side: int
    max_pixels: int


@dataclass(frozen=True)
class Picture:
    """A decoded image: `pixels` is uint8, height × width × 3; width and height are those of the file, upright.

    `clipped` counts the pixels whose grey values lie outside the rendering's range; `taken` is the time that EXIF
    data tell, in seconds since 1970, without a time zone. `frames` counts the pages or frames that the file holds;
    `vanished` says that it looks blank on its ground, and would not on another.
    """

    pixels: np.ndarray
    width: int
    height: int
    format: str
    mode: str
    clipped: int = 0
    taken: float | None = None
    frames: int = 1
    vanished: bool = False


@contextmanager
def open_image(data: bytes, max_pixels: int) -> Iterator[ImageFile.ImageFile]:
    """The image in a file, not yet decoded. Raises `UnreadableError`, also for what is found while decoding."""
    formats = FORMATS
    if data[4:8] == b"ftyp" and data[8:12] not in (b"avif", b"avis"):
        formats = _with_heif()
    try:
        with Image.open(io.BytesIO(data), formats=formats) as image:
            width, height = image.size
            if width * height > max_pixels:
                raise UnreadableError(f"{width} × {height} pixels, more than the {max_pixels:,} allowed")
            if image.mode == "RGBX" and image.format == "TIFF":
                raise UnreadableError(_CHANNELS.format(4))
            yield image
    except UnidentifiedImageError as error:
        channels = _tiff_channels(data)
        known = channels in (0, 1, 3)
        raise UnreadableError("not an image Graft can read" if known else _CHANNELS.format(channels)) from error
    except Image.DecompressionBombError as error:
        raise UnreadableError(f"more than the {max_pixels:,} pixels allowed") from error
    except _DECODER_ERRORS as error:
        raise UnreadableError(f"damaged image ({error})") from error


# Pixels of a JPEG, uint8, height × width × 3; None where it is damaged, and Pillow may do better.
DecodeJpeg = Callable[[bytes], "np.ndarray | None"]


def decode(
    data: bytes, limits: Limits, rendering: Rendering | None = None, decode_jpeg: DecodeJpeg | None = None
) -> Picture:
    """Decode an image file to upright RGB, its longest side at most `limits.side`.

    The EXIF orientation is applied, transparency laid on a ground, the first frame of an animation taken, deep values
    scaled to 8 bits. `decode_jpeg` decodes JPEGs that need no scaling to the same pixels as Pillow, in less
    time. Raises `UnreadableError`.
    """
    rendering = rendering or Rendering()
    clipped, side = 0, limits.side
    with open_image(data, limits.max_pixels) as image:
        width, height = image.size
        file_format, mode = image.format or "", image.mode
        deep = is_deep(image)  # before the EXIF data are read, for which a PNG is decoded
        exif = image.getexif()
        orientation = exif.get(ExifTags.Base.Orientation, 1)
        taken = _time_taken(exif) if ExifTags.IFD.Exif in exif else None
        plain = file_format == "JPEG" and mode in ("L", "RGB") and max(image.size) <= side and orientation in (0, 1)
        pixels = decode_jpeg(data) if plain and decode_jpeg else None
        if pixels is not None:
            return Picture(pixels, width, height, file_format, mode, taken=taken)
        # A JPEG can be decoded at an eighth, quarter or half of its size; twice the wanted size loses nothing.
        image.draft(None, (2 * side, 2 * side))
        if mode in GREY_MODES or (deep and rendering.high not in (None, _DEEP_TOP)):
            upright, clipped = _stretched(read_deep(data, limits.max_pixels), rendering)
        else:
            upright = ImageOps.exif_transpose(image)
        rgb = lay_on(upright, rendering.ground)
        vanished = is_transparent(upright) and _vanishes(upright, rendering.ground or "white")
        if max(rgb.size) > side:
            rgb.thumbnail((side, side), Image.Resampling.BICUBIC, reducing_gap=None)
    if orientation in (5, 6, 7, 8):
        width, height = height, width
    frames = _count_frames(data, limits.max_pixels) if file_format in _WITH_FRAMES else 1
    return Picture(np.asarray(rgb), width, height, file_format, mode, clipped, taken, frames, vanished)


def _count_frames(data: bytes, max_pixels: int) -> int:
    """The pages of a TIFF, or the frames of an animation; 1 where what follows the first one is damaged."""
    try:
        with open_image(data, max_pixels) as image:
            return int(getattr(image, "n_frames", 1))
    except UnreadableError:
        return 1


def _time_taken(exif: Image.Exif) -> float | None:
    """When the picture was taken, in seconds, parts of a second included; None where EXIF data do not say."""
    try:
        details = exif.get_ifd(ExifTags.IFD.Exif)
        said = str(details.get(ExifTags.Base.DateTimeOriginal) or "")
        time = datetime.strptime(said.strip("\0 "), "%Y:%m:%d %H:%M:%S").replace(tzinfo=UTC)
    except _DECODER_ERRORS:  # broken data beside a sound picture
        return None
    part = str(details.get(ExifTags.Base.SubsecTimeOriginal) or "").strip("\0 ")
    return time.timestamp() + (float(f"0.{part}") if part.isdigit() else 0.0)


@cache
def _with_heif() -> tuple[str, ...]:
    """Register HEIC, the format of phone cameras, with Pillow; only when needed, as the decoder takes 15 MB."""
    try:
        from pillow_heif import register_heif_opener
    except ImportError as error:
        raise UnreadableError("HEIC, which needs the package pillow-heif") from error

    register_heif_opener(thumbnails=False)
    return (*FORMATS, "HEIF")


_CHANNELS = "{} channels; Graft reads images of 1 (grey) or 3 (RGB), with or without transparency"


def is_deep(image: ImageFile.ImageFile) -> bool:
    """Whether an image that is not decoded yet has more than 8 bits a channel."""
    return image.mode in GREY_MODES or any(";16" in _raw_mode(tile.args) for tile in image.tile)


def _raw_mode(args: Any) -> str:
    """How a file holds its pixels, such as `RGB;16B`, from what Pillow gives its decoder."""
    first = args[0] if isinstance(args, tuple) and args else args
    return first if isinstance(first, str) else ""


def read_deep(data: bytes, max_pixels: int) -> np.ndarray:
    """The values of an image of more than 8 bits, upright: `(height, width)` or `(height, width, channels)`.

    Pillow reduces colours of 16 bits to their high bytes. Told that the bytes come in the other order, it gives the
    low bytes; told that grey with alpha is four channels, it gives both bytes of both. Raises `UnreadableError`.
    """
    with open_image(data, max_pixels) as image:
        if any(_raw_mode(tile.args).startswith("LA") for tile in image.tile):
            halves = np.asarray(ImageOps.exif_transpose(_with_raw_mode(image, lambda _: "RGBA"))).astype("uint16")
            return np.asarray(halves[..., ::2] * 256 + halves[..., 1::2])
        grey = image.mode in GREY_MODES
        values = np.asarray(ImageOps.exif_transpose(image))
    if grey:
        return values
    with open_image(data, max_pixels) as image:
        low = np.asarray(ImageOps.exif_transpose(_with_raw_mode(image, _other_order)))
    return np.asarray(values.astype("uint16") * 256 + low)


def _other_order(raw_mode: str) -> str:
    return raw_mode[:-1] + ("L" if raw_mode.endswith("B") else "B")


def _with_raw_mode(image: ImageFile.ImageFile, change: Callable[[str], str]) -> Image.Image:
    """An image that is not decoded yet, its pixels to be taken for another raw mode."""
    tiles = []
    for tile in image.tile:
        mode = change(_raw_mode(tile.args))
        tiles.append(tile._replace(args=(mode, *tile.args[1:]) if isinstance(tile.args, tuple) else mode))
    image.tile = tiles
    return image


def _stretched(values: np.ndarray, rendering: Rendering) -> tuple[Image.Image, int]:
    """Deep values as 8-bit RGB or RGBA, and how many of the pixels lie outside the range."""
    alpha = values[..., -1] if values.ndim == 3 and values.shape[2] in (2, 4) else None
    deep = values.astype("float64") if alpha is None else values[..., :-1].astype("float64")
    low, high = rendering.low, rendering.high
    if low is None or high is None:
        low, high = 0.0, 1.0 if values.dtype.kind == "f" else float(_DEEP_TOP)
        if deep.min() < low or deep.max() > high:
            raise UnreadableError(f"its grey values lie outside {low:g} to {high:g}")
    outside = ~((deep >= low) & (deep <= high))  # NaN is outside as well
    if outside.all() and not np.isfinite(deep).any():
        raise UnreadableError("it holds no numbers")
    levels = (np.nan_to_num(deep, nan=low, posinf=high, neginf=low).clip(low, high) - low) * (255 / (high - low))
    pixels = (levels + 0.5).astype("uint8")
    image = Image.fromarray(pixels[..., 0] if pixels.shape[2:] == (1,) else pixels).convert("RGB")
    if alpha is not None:
        image.putalpha(Image.fromarray((alpha // 257).astype("uint8")))
    return image, int((outside.any(axis=2) if outside.ndim == 3 else outside).sum())


def is_transparent(image: Image.Image) -> bool:
    return image.has_transparency_data


def lay_on(image: Image.Image, ground: Ground | None) -> Image.Image:
    """The image in RGB, its transparency laid on a ground, white where there is none."""
    if not is_transparent(image):
        return image.convert("RGB")
    image = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", image.size, _COLOURS[ground or "white"]), image).convert("RGB")


def grey_deviations(image: Image.Image) -> dict[Ground, float]:
    """For each ground, the standard deviation of the grey levels of a transparent image on it."""
    small = image.copy()
    small.thumbnail((96, 96))
    return {ground: float(np.asarray(lay_on(small, ground).convert("L")).std()) for ground in GROUNDS}


def _vanishes(image: Image.Image, ground: Ground) -> bool:
    deviations = grey_deviations(image)
    return deviations[ground] < VANISHED <= max(deviations.values())


def _tiff_channels(data: bytes) -> int:
    """The samples a pixel that a TIFF declares (tag 277); 0 where the file is none or does not say."""
    order: Literal["little", "big"] = "little" if data[:2] == b"II" else "big"
    if data[:4] not in (b"II*\0", b"MM\0*"):
        return 0
    start = int.from_bytes(data[4:8], order)
    for i in range(int.from_bytes(data[start : start + 2], order)):
        entry = data[start + 2 + 12 * i : start + 14 + 12 * i]
        if int.from_bytes(entry[:2], order) == 277:
            return int.from_bytes(entry[8:10], order)
    return 0
