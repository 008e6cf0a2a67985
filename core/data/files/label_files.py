"""Labels from a table of file names and labels beside the images, when there are no class folders."""

import csv
import io
from collections.abc import Sequence
from dataclasses import replace
from pathlib import PurePosixPath

from core.data.files.archives import SPLIT_FOLDERS, Archive, Member
from core.schemas import Skipped

FILE_COLUMNS = ("file", "filename", "file_name", "path", "filepath", "image", "image_path", "image_name", "image_id",
                "name", "id")  # fmt: skip
LABEL_COLUMNS = ("label", "labels", "class", "classes", "class_name", "tags", "category", "categories")
_ENDINGS = (".csv", ".tsv")
_MAX_BYTES = 64 * 2**20


def labels_from_file(
    archive: Archive, members: Sequence[Member], unlabelled: Sequence[Member]
) -> tuple[list[Member], list[Skipped], str] | None:
    """Give the images the labels of a CSV or TSV file in the archive that names at least half of them.

    `members` are the images as their folders label them, `unlabelled` all images. Class folders take precedence: None
    when there are two or more of them, and when there is no such file. An image may be named by its path in the
    archive, its path from the table's folder, or its file name alone, with or without its ending, where that is
    unique.

    Returns:
        The labelled images; those the table does not name, with the rows that name no image; the table's name.
    """
    folders = {str(member.label).lower() for member in members}
    if len(folders) > 1 and not folders <= SPLIT_FOLDERS.keys():
        return None
    for table in sorted(archive.sizes):
        if PurePosixPath(table).suffix.lower() not in _ENDINGS or archive.sizes[table] > _MAX_BYTES:
            continue
        rows = _rows(archive, table)
        places = _places(unlabelled, str(PurePosixPath(table).parent))
        labels = {places[file]: label for file, label in rows if file in places}
        if 2 * len(labels) >= len(unlabelled):
            return _labelled(unlabelled, labels, table, [file for file, _ in rows if file not in places])
    return None


def _labelled(
    unlabelled: Sequence[Member], labels: dict[str, str], table: str, unknown: Sequence[str]
) -> tuple[list[Member], list[Skipped], str]:
    taken, skipped = [], [Skipped(path=file, reason=f"named in “{table}”, but not there") for file in unknown]
    for member in unlabelled:
        if member.name not in labels:
            skipped.append(Skipped(path=member.path, reason=f"not named in “{table}”"))
        elif not labels[member.name]:
            skipped.append(Skipped(path=member.path, reason=f"without a label in “{table}”"))
        else:
            taken.append(replace(member, label=labels[member.name]))
    return taken, skipped, table


def _rows(archive: Archive, table: str) -> list[tuple[str, str]]:
    """(file, label) of every row; none where the table cannot be read or has no such columns."""
    try:
        data = archive.read(table)
    except OSError:
        return []  # damaged, and no image: nothing is taken from it
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("cp1252", "replace")
    first = text.split("\n", 1)[0]
    rows = list(csv.reader(io.StringIO(text.replace("\0", "")), delimiter=max(",;\t", key=first.count)))
    header = [name.strip().lower() for name in rows[0]] if rows else []
    file = next((header.index(name) for name in FILE_COLUMNS if name in header), None)
    label = next((header.index(name) for name in LABEL_COLUMNS if name in header), None)
    if file is None or label is None:
        return []
    return [
        (row[file].strip().replace("\\", "/").removeprefix("./"), row[label].strip())
        for row in rows[1:]
        if len(row) > max(file, label) and row[file].strip()
    ]


def _places(members: Sequence[Member], beside: str) -> dict[str, str]:
    """Every unambiguous way to name an image → its name in the archive."""
    places: dict[str, str] = {}
    doubtful: set[str] = set()
    for member in members:
        path = PurePosixPath(member.name)
        ways = {member.name, member.path, path.name, path.stem}
        if beside != "." and path.is_relative_to(beside):
            ways.add(str(path.relative_to(beside)))
        for way in ways:
            if places.setdefault(way, member.name) != member.name:
                doubtful.add(way)
    exact = {member.name for member in members}
    return {way: name for way, name in places.items() if way not in doubtful or way in exact} | {n: n for n in exact}
