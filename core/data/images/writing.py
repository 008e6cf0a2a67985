"""Images decoded, measured and stored on all cores: one pass from an archive's members to an import's folder."""

import multiprocessing
import os
import sys
import threading
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
import pandas as pd
import simplejpeg
import xxhash

from core.data.files.archives import Archive
from core.data.files.decoding import Limits, Picture, Rendering, UnreadableError, decode
from core.data.image_reading.members import Member
from core.data.images.quality import HASHES, MEASURES, measure_images, reduce_image
from core.schemas import Skipped
from core.settings import get_settings
from core.store.files import write_parquet

Progress = Callable[[int, int], None]
Row = dict[str, object]
_CHUNK = 64  # members a worker takes at a time
_MANY = 8 * _CHUNK  # members from which forking pays off
_BLOCK = 64 * 2**20  # bytes the file grows by
_COLUMNS = ["row", "path", "label", "given_split", "offset", "height", "width", "original_height", "original_width",
            "format", "mode", "size", "content_hash", "given_group", "clipped", "taken", "frames", "vanished",
            *HASHES, *MEASURES]  # fmt: skip


def store_images(
    archive: Archive,
    members: Sequence[Member],
    folder: Path,
    progress: Progress | None = None,
    rendering: Rendering | None = None,
) -> tuple[pd.DataFrame, list[Skipped]]:
    """Decode the members into `folder`, and return the manifest and the files refused.

    Manifest columns: row, path, label, given_split (NA where there is none), offset (bytes into `pixels.bin`, in no
    particular order), height and width as stored, original_height, original_width, format, mode, size (bytes of the
    file), content_hash, given_group (NA where there is none), clipped (pixels whose grey values lie outside the
    rendering's range), taken (seconds since 1970, NaN where unknown), frames (of the file; the first was taken),
    vanished (whether it looks blank on its ground, and would not on another), perceptual_hash, mirrored_hash, and the
    `MEASURES` of its pixels.
    """
    chunks = [members[start : start + _CHUNK] for start in range(0, len(members), _CHUNK)]
    rows: list[Row] = []
    skipped: list[Skipped] = []
    done = 0
    store = _PixelFile(folder / "pixels.bin")
    limits = image_limits()  # reading the settings takes as long as decoding a small image

    def work(number: int) -> list[Row | Skipped]:
        batch: list[Row | Skipped] = []
        reduced = []
        for member in chunks[number]:
            try:
                picture = decode_image(archive.read(member.name), limits, rendering)
            except (UnreadableError, OSError) as error:
                batch.append(Skipped(path=member.path, reason=str(error)))
                continue
            pixels = np.ascontiguousarray(picture.pixels)
            batch.append(
                {
                    "path": member.path,
                    "label": member.label,
                    "given_split": member.given_split,
                    "offset": store.append(pixels),
                    "height": pixels.shape[0],
                    "width": pixels.shape[1],
                    "original_height": picture.height,
                    "original_width": picture.width,
                    "format": picture.format,
                    "mode": picture.mode,
                    "size": archive.sizes[member.name],
                    "content_hash": content_hash(pixels),
                    "given_group": member.group,
                    "clipped": picture.clipped,
                    "taken": picture.taken,
                    "frames": picture.frames,
                    "vanished": picture.vanished,
                }
            )
            reduced.append(reduce_image(pixels))
        kept = [row for row in batch if isinstance(row, dict)]
        for row, seen in zip(kept, measure_images(reduced), strict=True):
            row.update(seen)
        return batch

    with closing(store), closing(_on_all_cores(work, len(chunks), archive.reopen)) as results:
        for batch in results:
            for one in batch:
                if isinstance(one, Skipped):
                    skipped.append(one)
                else:
                    rows.append({"row": len(rows), **one})
            done += len(batch)
            if progress:
                progress(done, len(members))
    manifest = pd.DataFrame(rows, columns=_COLUMNS)
    for column in ("path", "label", "given_split", "given_group", "content_hash", *HASHES):
        manifest[column] = manifest[column].astype("str")
    manifest = manifest.astype({"taken": "float64", "vanished": "bool"})
    write_parquet(folder / "manifest.parquet", manifest)
    return manifest, skipped


def image_limits() -> Limits:
    """The limits that the settings hold."""
    settings = get_settings()
    return Limits(side=settings.image_side, max_pixels=settings.max_pixels)


def decode_image(data: bytes, limits: Limits | None = None, rendering: Rendering | None = None) -> Picture:
    """Decode an image file as an import does, with the limits of the settings unless others are given."""
    return decode(data, limits or image_limits(), rendering, _decode_jpeg)


def _decode_jpeg(data: bytes) -> np.ndarray | None:
    """A JPEG's pixels by libjpeg-turbo directly, in half of Pillow's time; None for a damaged one."""
    try:
        pixels: np.ndarray = simplejpeg.decode_jpeg(data, colorspace="RGB", fastdct=False, fastupsample=False)
    except ValueError:
        return None
    return pixels


def content_hash(pixels: np.ndarray) -> str:
    """XXH3 of 128 bits over an image's shape and pixels: in practice equal exactly when the decoded images are."""
    digest = xxhash.xxh3_128(repr(pixels.shape).encode())
    digest.update(np.ascontiguousarray(pixels).data)
    return digest.hexdigest()


def estimated_size(archive: Archive, members: Sequence[Member]) -> int:
    """Upper bound of the bytes that the decoded images need, estimated from the files' sizes."""
    full = get_settings().image_side ** 2 * 3
    return sum(min(full, 40 * archive.sizes[member.name] + 1024) for member in members)


class _PixelFile:
    """A file to which threads and forked processes append: each claims a place, then writes there.

    The file grows by blocks, reserved ahead where the system can do that: writing into reserved space costs a
    quarter. Where the system cannot write at an offset, threads take turns.
    """

    def __init__(self, path: Path) -> None:
        self._file = path.open("wb", buffering=0)
        self._end = _FORK.Value("q", 0)
        self._reserved = _FORK.Value("q", 0)

    def append(self, pixels: np.ndarray) -> int:
        """Write contiguous pixels; returns the offset of their first byte."""
        rest = pixels.reshape(-1).data
        with self._end.get_lock():
            offset = self._end.value
            self._end.value += pixels.nbytes
            if not _CAN_PLACE:
                self._file.seek(offset)
                while len(rest):
                    rest = rest[self._file.write(rest) :]
            elif _CAN_RESERVE and self._end.value > self._reserved.value:
                os.posix_fallocate(self._file.fileno(), self._reserved.value, _BLOCK)
                self._reserved.value += _BLOCK
        while len(rest):
            rest = rest[os.pwrite(self._file.fileno(), rest, offset + pixels.nbytes - len(rest)) :]
        return int(offset)

    def close(self) -> None:
        self._file.truncate(self._end.value)
        self._file.close()


_CAN_FORK = sys.platform == "linux"
_CAN_RESERVE = hasattr(os, "posix_fallocate")
_CAN_PLACE = hasattr(os, "pwrite")
_FORK = multiprocessing.get_context("fork" if _CAN_FORK else None)


def _on_all_cores(
    work: Callable[[int], list[Row | Skipped]], n: int, reopen: Callable[[], None]
) -> Generator[list[Row | Skipped]]:
    """`work(0)` to `work(n - 1)`, in order, done by several processes at once, or by threads.

    A process with threads cannot be forked safely, and forking does not pay off for a few images. Threads are fine
    for large images; on small ones they wait for the interpreter lock more than half of the time.
    """
    workers = min(get_settings().threads, 4)
    if n * _CHUNK >= _MANY and workers > 1 and _CAN_FORK and threading.active_count() == 1:
        yield from _forked(work, n, workers, reopen)
        return
    with ThreadPoolExecutor(workers) as pool:
        for start in range(0, n, workers):  # no more decoded ahead than there are workers
            yield from pool.map(work, range(start, min(start + workers, n)))


def _forked(
    work: Callable[[int], list[Row | Skipped]], n: int, workers: int, reopen: Callable[[], None]
) -> Generator[list[Row | Skipped]]:
    """Worker i does every `workers`-th part from i on; a full pipe blocks it until its results are read."""
    ends: list[Connection] = []
    processes = []

    def serve(first: int, out: Connection, inherited: list[Connection]) -> None:
        for end in inherited:
            end.close()  # so that a worker whose parent has ended gets a broken pipe, and ends
        reopen()
        for number in range(first, n, workers):
            try:
                result: object = work(number)
            except (OSError, MemoryError) as error:  # reported by the process that waits for it
                result = error
            try:
                out.send(result)
            except BrokenPipeError:
                return

    try:
        for first in range(workers):
            mine, theirs = _FORK.Pipe(duplex=False)
            ends.append(mine)
            process = _FORK.Process(target=serve, args=(first, theirs, list(ends)), daemon=True)
            process.start()
            theirs.close()
            processes.append(process)
        for number in range(n):
            try:
                result = ends[number % workers].recv()
            except EOFError as error:
                processes[number % workers].join()
                killed = (processes[number % workers].exitcode or 0) < 0
                raise (MemoryError if killed else RuntimeError)(
                    "a process that decoded images ended early"
                ) from error
            if isinstance(result, Exception):
                raise result
            yield result
    finally:
        for process in processes:
            process.kill()
            process.join()
