"""Recognising archives whose images carry several labels each, which Graft does not train on."""

import csv
import io
import json
import re
from collections.abc import Callable, Sequence
from pathlib import PurePosixPath

from core.data.files.archives import Archive, Member
from core.data.files.label_files import LABEL_COLUMNS
from core.errors import InputError

_MAX_BYTES = 64 * 2**20  # a larger text file is not inspected


def refuse_annotations(archive: Archive, members: Sequence[Member]) -> None:
    """`InputError` when the archive holds a COCO file, YOLO label files, or a CSV file of several labels an image."""
    images = {PurePosixPath(member.name).name for member in members}
    stems = {PurePosixPath(name).stem for name in images}
    checks: dict[str, Callable[[bytes], bool]] = {
        ".json": _is_coco,
        ".csv": lambda data: _csv_has_several(data, images),
        ".txt": _is_yolo,
    }
    for name, size in archive.sizes.items():
        path = PurePosixPath(name)
        check = checks.get(path.suffix.lower())
        if check is None or size > _MAX_BYTES or (check is _is_yolo and path.stem not in stems):
            continue
        try:
            several = check(archive.read(name))
        except OSError:
            continue  # damaged, and no image: nothing is taken from it
        if several:
            raise InputError(
                f"“{archive.title}” holds “{name}”, which gives its images several labels;"
                " Graft trains one label an image.",
                "Sort the images into one folder per class, and leave the file out.",
            )


def _is_coco(data: bytes) -> bool:
    """A JSON object with `annotations` and `images` (cocodataset.org/#format-data)."""
    try:
        content = json.loads(data)
    except ValueError:
        return False
    return isinstance(content, dict) and "annotations" in content and "images" in content


def _is_yolo(data: bytes) -> bool:
    """Lines of a class number and at least four coordinates."""
    lines = data[:4096].decode("utf-8", "replace").split("\n", 1)
    return re.fullmatch(r"\d+(\s+-?\d*\.?\d+){4,}\s*", lines[0]) is not None


def _csv_has_several(data: bytes, images: set[str]) -> bool:
    text = data.decode("utf-8-sig", "replace")
    first = text.split("\n", 1)[0]
    delimiter = max(",;\t", key=first.count)
    rows = list(csv.reader(io.StringIO(text), delimiter=delimiter))
    if len(rows) < 2:
        return False
    header, body = [name.strip().lower() for name in rows[0]], [row for row in rows[1:] if len(row) == len(rows[0])]
    files = next(
        (i for i in range(len(header)) if sum(PurePosixPath(r[i]).name in images for r in body) * 2 > len(body)), None
    )
    labels = next((i for i, name in enumerate(header) if name in LABEL_COLUMNS and i != files), None)
    if files is None or labels is None:
        return False
    known: dict[str, str] = {}
    for row in body:
        if re.search(r"\S\s*[|;,]\s*\S", row[labels]) or known.setdefault(row[files], row[labels]) != row[labels]:
            return True
    return False
