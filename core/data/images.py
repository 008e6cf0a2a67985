"""Images decoded once into a file of raw RGB that workers map into memory, and read back from it.

An import's folder holds `pixels.bin`, the RGB bytes of one image after the other, and `manifest.parquet`, one row an
image.
"""

import hashlib
import io
import struct
import warnings
import zlib
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import ExifTags, Image, ImageOps

from core.data.archives import Archive, Member
from core.data.image_quality import HASHES, MEASURES, Reduced, look, reduce
from core.schemas import DatasetRecord, Skipped
from core.settings import Settings, get_settings
from core.store.datasets import import_folder
from core.store.files import write_parquet

FORMATS: tuple[str, ...] = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "PPM")
Progress = Callable[[int, int], None]
warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # the settings' own limit is checked instead
# What Pillow's decoders raise on broken data, found by feeding them files with changed bytes.
_DECODER_ERRORS = (OSError, SyntaxError, ValueError, TypeError, IndexError, EOFError, OverflowError, RuntimeError,
                   struct.error, zlib.error)  # fmt: skip
_CHUNK = 64  # images decoded ahead of the writer: at most 20 MB at 320 px


class UnreadableError(Exception):
    """One image cannot be decoded; the message says why and goes into the list of refused files."""


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
            turned = image.getexif().get(ExifTags.Base.Orientation, 1) in (5, 6, 7, 8)
            # A JPEG can be decoded at an eighth, quarter or half of its size; twice the wanted size loses nothing.
            image.draft(None, (2 * settings.image_side, 2 * settings.image_side))
            rgb = _to_rgb(ImageOps.exif_transpose(image))
    except Image.UnidentifiedImageError as error:
        raise UnreadableError("not an image Graft can read") from error
    except Image.DecompressionBombError as error:
        raise UnreadableError(f"more than the {settings.max_pixels:,} pixels allowed") from error
    except _DECODER_ERRORS as error:
        raise UnreadableError(f"damaged image ({error})") from error
    side = settings.image_side
    if max(rgb.size) > side:
        rgb.thumbnail((side, side), Image.Resampling.BICUBIC, reducing_gap=None)
    if turned:
        width, height = height, width
    return Picture(np.asarray(rgb), width, height, file_format, mode)


@cache
def _with_heif() -> tuple[str, ...]:
    """Teach Pillow HEIC, which telephones take. Only where such a file comes: the decoder takes 15 MB."""
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
    """SHA-256 over an image's shape and pixels: equal exactly when the decoded images are."""
    return hashlib.sha256(repr(pixels.shape).encode() + np.ascontiguousarray(pixels).tobytes()).hexdigest()


def store_images(
    archive: Archive, members: Sequence[Member], folder: Path, progress: Progress | None = None
) -> tuple[pd.DataFrame, list[Skipped]]:
    """Decode the members into `folder`, and return the manifest and the files refused.

    Manifest columns: row, path, label, given_split (NA where there is none), offset (bytes into `pixels.bin`), height
    and width as stored, original_height, original_width, format, mode, size (bytes of the file), content_hash,
    perceptual_hash, mirrored_hash, and the `MEASURES` of its pixels.
    """
    rows: list[dict[str, object]] = []
    skipped: list[Skipped] = []
    settings = get_settings()
    offset = done = 0
    with (folder / "pixels.bin").open("wb") as file, ThreadPoolExecutor(min(settings.threads, 4)) as pool:
        for start in range(0, len(members), _CHUNK):
            chunk = members[start : start + _CHUNK]  # Pillow lets go of the interpreter while it decodes
            decoded = []
            for result in pool.map(lambda member: _row(archive, member, settings), chunk):
                if isinstance(result, Skipped):
                    skipped.append(result)
                    continue
                pixels, row, reduced = result
                decoded.append(reduced)
                rows.append({"row": len(rows), **row, "offset": offset})
                offset += file.write(np.ascontiguousarray(pixels).data)
            for row, seen in zip(rows[len(rows) - len(decoded) :], look(decoded), strict=True):
                row.update(seen)
            done += len(chunk)
            if progress:
                progress(done, len(members))
    manifest = pd.DataFrame(rows, columns=_COLUMNS)
    for column in ("path", "label", "given_split", "content_hash", *HASHES):
        manifest[column] = manifest[column].astype("str")
    write_parquet(folder / "manifest.parquet", manifest)
    return manifest, skipped


_COLUMNS = ["row", "path", "label", "given_split", "offset", "height", "width", "original_height", "original_width",
            "format", "mode", "size", "content_hash", *HASHES, *MEASURES]  # fmt: skip


def _row(
    archive: Archive, member: Member, settings: Settings
) -> tuple[np.ndarray, dict[str, object], Reduced] | Skipped:
    try:
        picture = decode(archive.read(member.name), settings)
    except (UnreadableError, OSError) as error:
        return Skipped(path=member.path, reason=str(error))
    pixels = picture.pixels
    return (
        pixels,
        {
            "path": member.path,
            "label": member.label,
            "given_split": member.given_split,
            "height": pixels.shape[0],
            "width": pixels.shape[1],
            "original_height": picture.height,
            "original_width": picture.width,
            "format": picture.format,
            "mode": picture.mode,
            "size": archive.sizes[member.name],
            "content_hash": content_hash(pixels),
        },
        reduce(pixels),
    )


def estimated_size(archive: Archive, members: Sequence[Member]) -> int:
    """Bytes that the decoded images will need at most, judged by the files' sizes alone."""
    full = get_settings().image_side ** 2 * 3
    return sum(min(full, 40 * archive.sizes[member.name] + 1024) for member in members)


class ImageStore:
    """One import's images, memory-mapped. `folder` is `datasets/ID/imports/NUMBER`."""

    def __init__(self, folder: Path) -> None:
        manifest = pd.read_parquet(folder / "manifest.parquet", columns=["offset", "height", "width"])
        self._places = manifest.to_numpy(dtype="int64")
        self._pixels = np.memmap(folder / "pixels.bin", dtype="uint8", mode="r")

    def __len__(self) -> int:
        return len(self._places)

    def image(self, row: int) -> np.ndarray:
        """The pixels of one image, uint8, height × width × 3; a view into the file, so not writable."""
        offset, height, width = self._places[row]
        return self._pixels[offset : offset + height * width * 3].reshape(height, width, 3)

    def batch(self, rows: Sequence[int] | np.ndarray, size: int) -> np.ndarray:
        """Images as a network wants them, uint8, `(len(rows), size, size, 3)`.

        The whole image is scaled to the square, antialiased. A centre crop would keep proportions but cut off what
        lies at the border, and the label speaks of the whole image; the backbones were trained on crops stretched by
        up to 4:3 either way (Szegedy et al., 2015), so that they bear the distortion better than a missing subject.
        """
        out = np.empty((len(rows), size, size, 3), dtype="uint8")
        for i, row in enumerate(rows):
            image = Image.fromarray(self.image(int(row)))
            out[i] = np.asarray(image.resize((size, size), Image.Resampling.BILINEAR))
        return out

    def thumbnail(self, row: int, side: int) -> bytes:
        """The image as JPEG, its longest side `side` pixels at most."""
        image = Image.fromarray(self.image(row))
        image.thumbnail((side, side))
        out = io.BytesIO()
        image.save(out, "JPEG", quality=88)
        return out.getvalue()


class DatasetImages:
    """All images of a dataset, by sample id (`IMPORT-ROW`); an import is opened when first asked for."""

    def __init__(self, dataset_id: str) -> None:
        self._dataset = dataset_id
        self._stores: dict[int, ImageStore] = {}

    def image(self, sample_id: str) -> np.ndarray:
        """uint8, height × width × 3."""
        store, row = self._find(sample_id)
        return store.image(row)

    def thumbnail(self, sample_id: str, side: int) -> bytes:
        """JPEG bytes, longest side `side` pixels at most."""
        store, row = self._find(sample_id)
        return store.thumbnail(row, side)

    def _find(self, sample_id: str) -> tuple[ImageStore, int]:
        number, row = map(int, sample_id.split("-"))
        if number not in self._stores:
            self._stores[number] = ImageStore(import_folder(self._dataset, number))
        return self._stores[number], row


def measurements(dataset: DatasetRecord, folder: Path) -> pd.DataFrame:
    """What was measured of every image of a dataset whose files lie in `folder`, indexed by sample id.

    Columns: original_height, original_width, format, mode, size, perceptual_hash, mirrored_hash and the `MEASURES`.
    Imports from before something was measured are measured once, and kept in the workspace's cache.
    """
    parts = []
    for record in dataset.imports:
        place = folder / "imports" / f"{record.number:04d}"
        table = pd.read_parquet(place / "manifest.parquet")
        if not {*HASHES, *MEASURES} <= set(table.columns):
            table = table.drop(columns=[*HASHES, *MEASURES], errors="ignore")
            table = table.join(_measured_late(place, record.content_hash))
        ids = [f"{record.number}-{row}" for row in table["row"]]
        parts.append(table.set_axis(ids)[[*_MEASURED, *HASHES, *MEASURES]])
    return pd.concat(parts)


_MEASURED = ("original_height", "original_width", "format", "mode", "size")
_MEASURING = 1  # part of the cache's name: raise it when a measurement changes


def _measured_late(place: Path, import_hash: str) -> pd.DataFrame:
    path = get_settings().cache / "measurements" / f"{import_hash}-{_MEASURING}.parquet"
    if not path.exists():
        images = ImageStore(place)
        with ThreadPoolExecutor(min(get_settings().threads, 4)) as pool:
            rows: list[dict[str, float | str]] = []
            for start in range(0, len(images), _CHUNK):
                chunk = range(start, min(start + _CHUNK, len(images)))
                rows += look(list(pool.map(lambda row: reduce(images.image(row)), chunk)))
        write_parquet(path, pd.DataFrame(rows))
    return pd.read_parquet(path)
