"""Decoding one image file of any format to upright RGB of a limited size, and hashing its content."""

import io
import struct
import warnings
import zlib
from dataclasses import dataclass
from functools import cache

import numpy as np
import simplejpeg
import xxhash
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from core.settings import Settings, get_settings

FORMATS: tuple[str, ...] = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "PPM")
warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # the settings' own limit is checked instead
# What Pillow's decoders raise on broken data, found by fuzzing.
_DECODER_ERRORS = (OSError, SyntaxError, ValueError, TypeError, IndexError, EOFError, OverflowError, RuntimeError,
                   struct.error, zlib.error)  # fmt: skip


class UnreadableError(Exception):
    """An image cannot be decoded; the message is the reason in the list of refused files."""


@dataclass(frozen=True)
class Picture:
    """A decoded image: `pixels` is uint8, height × width × 3; width and height are those of the file, upright."""

    pixels: np.ndarray
    width: int
    height: int
    format: str
    mode: str


def decode(data: bytes, settings: Settings | None = None) -> Picture:
    """Decode an image file to upright RGB, its longest side at most the settings' `image_side`.

    The EXIF orientation is applied, transparency laid on white, the first frame of an animation taken, 16 bits scaled
    to 8. Raises `UnreadableError`.
    """
    formats = FORMATS
    if data[4:8] == b"ftyp" and data[8:12] not in (b"avif", b"avis"):
        formats = _with_heif()
    settings = settings or get_settings()  # reading them takes as long as decoding a small image
    try:
        with Image.open(io.BytesIO(data), formats=formats) as image:
            width, height = image.size
            if width * height > settings.max_pixels:
                raise UnreadableError(f"{width} × {height} pixels, more than the {settings.max_pixels:,} allowed")
            file_format, mode = image.format or "", image.mode
            orientation = image.getexif().get(ExifTags.Base.Orientation, 1)
            pixels = _plain_jpeg(data, image, settings) if orientation in (0, 1) else None
            if pixels is not None:
                return Picture(pixels, width, height, file_format, mode)
            # A JPEG can be decoded at an eighth, quarter or half of its size; twice the wanted size loses nothing.
            image.draft(None, (2 * settings.image_side, 2 * settings.image_side))
            rgb = _to_rgb(ImageOps.exif_transpose(image))
    except UnidentifiedImageError as error:
        raise UnreadableError("not an image Graft can read") from error
    except Image.DecompressionBombError as error:
        raise UnreadableError(f"more than the {settings.max_pixels:,} pixels allowed") from error
    except _DECODER_ERRORS as error:
        raise UnreadableError(f"damaged image ({error})") from error
    side = settings.image_side
    if max(rgb.size) > side:
        rgb.thumbnail((side, side), Image.Resampling.BICUBIC, reducing_gap=None)
    if orientation in (5, 6, 7, 8):
        width, height = height, width
    return Picture(np.asarray(rgb), width, height, file_format, mode)


def _plain_jpeg(data: bytes, image: Image.Image, settings: Settings) -> np.ndarray | None:
    """A JPEG that needs no scaling, decoded by libjpeg-turbo directly in half of Pillow's time.

    None for all other images, and for damaged ones, which Pillow recovers or reports.
    """
    if image.format != "JPEG" or image.mode not in ("L", "RGB") or max(image.size) > settings.image_side:
        return None
    try:
        pixels: np.ndarray = simplejpeg.decode_jpeg(data, colorspace="RGB", fastdct=False, fastupsample=False)
    except ValueError:
        return None
    return pixels


@cache
def _with_heif() -> tuple[str, ...]:
    """Register HEIC, the format of phone cameras, with Pillow; only when needed, as the decoder takes 15 MB."""
    from pillow_heif import register_heif_opener

    register_heif_opener(thumbnails=False)
    return (*FORMATS, "HEIF")


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode in ("I", "I;16", "I;16B", "I;16L", "F"):
        grey = np.asarray(image, dtype="float64")
        top = 65535 if image.mode != "F" else 1
        if grey.min() < 0 or grey.max() > top:
            raise UnreadableError(f"its grey values lie outside 0 to {top}")
        return Image.fromarray((grey * (255 / top) + 0.5).astype("uint8")).convert("RGB")
    if image.has_transparency_data:
        image = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")
    return image.convert("RGB")


def content_hash(pixels: np.ndarray) -> str:
    """XXH3 of 128 bits over an image's shape and pixels: in practice equal exactly when the decoded images are."""
    digest = xxhash.xxh3_128(repr(pixels.shape).encode())
    digest.update(np.ascontiguousarray(pixels).data)
    return digest.hexdigest()
