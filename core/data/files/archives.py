"""Archives and folders of image files, checked before anything is decoded.

An unsafe member makes the whole archive be refused (`core.data.files.packed`); a file that is merely not an image is
refused alone, with a reason.
"""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from core.data.files.packed import (
    SUFFIXES,
    Archive,
    TarArchive,
    ZipArchive,
    is_clutter,
    open_packed,
    printable_name,
    too_many,
)
from core.errors import InputError
from core.schemas import Skipped
from core.settings import get_settings

__all__ = ["SUFFIXES", "Archive", "FolderArchive", "Member", "MemoryArchive", "TarArchive", "ZipArchive",
           "image_members", "open_archive"]  # fmt: skip


class FolderArchive(Archive):
    """A folder on this machine. Links that lead out of it are refused."""

    def __init__(self, path: Path) -> None:
        self.title = path.name or str(path)
        self._root = path.resolve()
        self.sizes, self._files, refused = {}, {}, []
        for folder, folders, files in os.walk(self._root):
            folders.sort()
            for file in sorted(files):
                full = Path(folder, file)
                name = printable_name(full.relative_to(self._root).as_posix())
                if full.is_symlink() and not full.resolve().is_relative_to(self._root):
                    refused.append(Skipped(path=name, reason="a link that leads out of the folder"))
                elif full.is_file() and not is_clutter(name):
                    self.sizes[name] = full.stat().st_size
                    self._files[name] = full
        self.refused = tuple(refused)
        if len(self.sizes) > get_settings().max_members:
            raise too_many(self.title, len(self.sizes))
        if not self.sizes:
            raise InputError(
                f"The folder “{self.title}” holds no files.", "Put one folder of images per class into it."
            )

    def read(self, name: str) -> bytes:
        return self._files[name].read_bytes()


class MemoryArchive(Archive):
    """Files in memory, for the shipped samples."""

    def __init__(self, title: str, files: dict[str, bytes]) -> None:
        self.title = title
        self._files = files
        self.sizes = {name: len(data) for name, data in files.items()}

    def read(self, name: str) -> bytes:
        return self._files[name]


@contextmanager
def open_archive(path: Path) -> Iterator[Archive]:
    """The archive or folder at `path`; `InputError` in one sentence when it cannot be used."""
    if path.is_dir():
        yield FolderArchive(path)
        return
    archive = open_packed(path)
    try:
        yield archive
    finally:
        archive.close()


@dataclass(frozen=True)
class Member:
    """An image file in an archive: `name`, `path` below the wrapping folder, and its folders' label and split."""

    name: str
    path: str
    label: str | None
    given_split: str | None


SPLIT_FOLDERS = {"train": "train", "training": "train", "val": "validation", "valid": "validation",
                 "validation": "validation", "dev": "validation", "test": "test", "testing": "test"}  # fmt: skip


def image_members(archive: Archive, labelled: bool) -> tuple[list[Member], list[Skipped]]:
    """The images of an archive in the order of their paths, and the files refused by name.

    A single folder around everything is ignored. The class of an image is its top folder below that; where the top
    folders are `train`, `test` and the like, it is the folder inside, and `given_split` says which.
    """
    skipped = list(archive.refused)
    names = []
    for name in archive.sizes:
        suffix = PurePosixPath(name).suffix.lower()
        if suffix in SUFFIXES:
            names.append(name)
        else:
            skipped.append(Skipped(path=name, reason=f"not an image file ({suffix or 'no ending'})"))
    depth = _wrapping(names)
    tops = {parts[depth].lower() for name in names if len(parts := name.split("/")) > depth + 2}
    loose = {parts[depth].lower() for name in names if len(parts := name.split("/")) == depth + 2}
    by_split = len(tops) > 1 and tops <= SPLIT_FOLDERS.keys() and loose <= tops
    if not labelled:  # a file may name the classes, so that the parts need no class folders
        by_split = len(tops | loose) > 1 and tops | loose <= SPLIT_FOLDERS.keys()
    members = []
    for name in names:
        parts = name.split("/")[depth:]
        split = SPLIT_FOLDERS[parts[0].lower()] if by_split and len(parts) > 1 else None
        folders = parts[1 if split else 0 : -1]
        if labelled and not folders:
            skipped.append(Skipped(path="/".join(parts), reason="lies in no class folder"))
            continue
        members.append(Member(name, "/".join(parts), folders[0] if labelled else None, split))
    return sorted(members, key=lambda member: member.path), skipped


def _wrapping(names: Iterable[str]) -> int:
    """How many folders wrap all the names and hold at least one further folder."""
    folders = [name.split("/")[:-1] for name in names]
    depth = 0
    while folders and all(len(parts) > depth and parts[depth] == folders[0][depth] for parts in folders):
        if not any(len(parts) > depth + 1 for parts in folders):
            break
        depth += 1
    return depth
