"""Archives and folders of image files, checked before anything is decoded.

An unsafe member makes the whole archive be refused (`core.data.files.packed`); a file that is merely not an image is
refused alone, with a reason.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from core.data.files.names import free_name, is_clutter, printable_name
from core.data.files.packed import SUFFIXES, Archive, TarArchive, ZipArchive, open_packed, too_many
from core.errors import InputError
from core.schemas import Skipped
from core.settings import get_settings

__all__ = ["SUFFIXES", "Archive", "FolderArchive", "MemoryArchive", "TarArchive", "ZipArchive", "open_archive"]


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
                name = free_name(printable_name(full.relative_to(self._root).as_posix()), self.sizes)
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

    def head(self, name: str, n: int) -> bytes:
        with self._files[name].open("rb") as file:
            return file.read(n)


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
