"""Image files as they arrive: a ZIP or a folder, looked through before anything is decoded.

An archive is never unpacked: members are read one by one. Names that would leave the folder they are unpacked to,
links, encryption and archives built to exhaust memory or disk refuse the whole archive (see D. Fifield, “A better zip
bomb”, WOOT 2019); a file that is merely not an image is refused alone, with a reason.
"""

import lzma
import os
import stat
import zipfile
import zlib
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from core.errors import InputError
from core.schemas import Skipped
from core.settings import get_settings

SUFFIXES = (".jpg", ".jpeg", ".jfif", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".avif", ".ppm", ".pgm")
_MAX_RATIO = 200  # photographs hardly shrink in a ZIP; only many times the same byte shrinks so far
_RATIO_FROM = 100 * 2**20  # bytes; what unpacks to less does no harm at any ratio


class Archive(ABC):
    """Files by name. `sizes` maps each name (with `/`) to its unpacked size in bytes."""

    title: str
    sizes: dict[str, int]
    refused: tuple[Skipped, ...] = ()

    @abstractmethod
    def read(self, name: str) -> bytes:
        """The bytes of one file; `OSError` when they cannot be had."""


class ZipArchive(Archive):
    """A ZIP file, read member by member. `InputError` when it is no ZIP or not safe to read."""

    def __init__(self, path: Path) -> None:
        self.title = path.name
        if path.stat().st_size == 0:
            raise InputError(f"“{path.name}” is empty.", "Make the ZIP again and check that it has a size.")
        try:
            self._zip = zipfile.ZipFile(path)
        except (zipfile.BadZipFile, NotImplementedError) as error:
            raise InputError(
                f"“{path.name}” is not a ZIP archive, or it is damaged.", "Make the ZIP again, or upload it again."
            ) from error
        try:
            self._members, self.refused = _checked(self._zip, path)
        except InputError:
            self._zip.close()
            raise
        self.sizes = {name: info.file_size for name, info in self._members.items()}

    def read(self, name: str) -> bytes:
        try:
            return self._zip.read(self._members[name])
        except (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, ValueError, RuntimeError) as error:
            raise OSError(f"damaged inside the archive ({error})") from error

    def close(self) -> None:
        self._zip.close()


class FolderArchive(Archive):
    """A folder on this machine. Links that lead out of it are refused."""

    def __init__(self, path: Path) -> None:
        self.title = path.name or str(path)
        self._root = path.resolve()
        self.sizes, refused = {}, []
        for folder, folders, files in os.walk(self._root):
            folders.sort()
            for file in sorted(files):
                full = Path(folder, file)
                name = full.relative_to(self._root).as_posix()
                if full.is_symlink() and not full.resolve().is_relative_to(self._root):
                    refused.append(Skipped(path=name, reason="a link that leads out of the folder"))
                elif full.is_file() and not is_clutter(name):
                    self.sizes[name] = full.stat().st_size
        self.refused = tuple(refused)
        if len(self.sizes) > get_settings().max_members:
            raise _too_many(self.title, len(self.sizes))
        if not self.sizes:
            raise InputError(
                f"The folder “{self.title}” holds no files.", "Put one folder of images per class into it."
            )

    def read(self, name: str) -> bytes:
        return (self._root / name).read_bytes()


class MemoryArchive(Archive):
    """Files made by the program itself, for samples."""

    def __init__(self, title: str, files: dict[str, bytes]) -> None:
        self.title = title
        self._files = files
        self.sizes = {name: len(data) for name, data in files.items()}

    def read(self, name: str) -> bytes:
        return self._files[name]


@contextmanager
def open_archive(path: Path) -> Iterator[Archive]:
    """The ZIP or folder at `path`; `InputError` in one sentence when it cannot be used."""
    if path.is_dir():
        yield FolderArchive(path)
        return
    archive = ZipArchive(path)
    try:
        yield archive
    finally:
        archive.close()


@dataclass(frozen=True)
class Member:
    """An image file in an archive: `name` there, `path` below the wrapping folder, and what its folders say."""

    name: str
    path: str
    label: str | None
    given_split: str | None


SPLIT_FOLDERS = {"train": "train", "training": "train", "val": "validation", "valid": "validation",
                 "validation": "validation", "dev": "validation", "test": "test", "testing": "test"}  # fmt: skip


def image_members(archive: Archive, labelled: bool) -> tuple[list[Member], list[Skipped]]:
    """The images of an archive in the order of their paths, and the files refused by name.

    A single folder around everything is taken off. The class of an image is its top folder below that; where the top
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


def is_clutter(name: str) -> bool:
    """Whether nobody means to import this file: what operating systems leave behind, readmes and licences."""
    parts = name.split("/")
    file = PurePosixPath(parts[-1])
    if file.stem.lower() in ("readme", "licence", "license") and file.suffix.lower() not in SUFFIXES:
        return True
    return "__MACOSX" in parts or parts[-1] in ("Thumbs.db", "desktop.ini") or any(p.startswith(".") for p in parts)


def _wrapping(names: Iterable[str]) -> int:
    """How many folders wrap all the names and hold at least one further folder."""
    folders = [name.split("/")[:-1] for name in names]
    depth = 0
    while folders and all(len(parts) > depth and parts[depth] == folders[0][depth] for parts in folders):
        if not any(len(parts) > depth + 1 for parts in folders):
            break
        depth += 1
    return depth


def _checked(archive: zipfile.ZipFile, path: Path) -> tuple[dict[str, zipfile.ZipInfo], tuple[Skipped, ...]]:
    """The members worth reading, by name, and those refused; `InputError` for an archive that is not safe."""
    members: dict[str, zipfile.ZipInfo] = {}
    skipped: list[Skipped] = []
    infos = archive.infolist()
    if len(infos) > get_settings().max_members:
        raise _too_many(path.name, len(infos))
    largest = get_settings().max_pixels * 4
    for info in infos:
        name = info.filename.replace("\\", "/")
        if name.startswith("/") or name[1:2] == ":":
            raise _unsafe(path, info.filename, "an absolute path")
        if ".." in name.split("/"):
            raise _unsafe(path, info.filename, "a path that leaves its folder")
        if stat.S_ISLNK(info.external_attr >> 16):
            raise _unsafe(path, info.filename, "a link instead of a file")
        if info.flag_bits & 0x1:
            raise InputError(f"“{path.name}” is encrypted.", "Make the ZIP again without a password.")
        name = "/".join(part for part in name.split("/") if part not in ("", "."))
        if info.is_dir() or is_clutter(name):
            continue
        if name in members:
            skipped.append(Skipped(path=name, reason="the archive holds this name twice; the first one was taken"))
        elif info.file_size > largest:
            skipped.append(Skipped(path=name, reason=f"larger than {largest // 2**20} MB"))
        else:
            members[name] = info
    unpacked = sum(info.file_size for info in infos)
    if unpacked > _RATIO_FROM and unpacked > _MAX_RATIO * path.stat().st_size:
        raise InputError(
            f"“{path.name}” would unpack to {unpacked // 2**20:,} MB, over {_MAX_RATIO} times its size.",
            "Such an archive is not made of photographs; make it again from the image files.",
        )
    if not members:
        raise InputError(f"“{path.name}” holds no files.", "Put one folder of images per class into the ZIP.")
    return members, tuple(skipped)


def _unsafe(path: Path, name: str, what: str) -> InputError:
    return InputError(
        f"“{path.name}” was refused because it holds {what}, “{name}”.",
        "Make the ZIP again from the folder that holds the class folders.",
    )


def _too_many(title: str, n: int) -> InputError:
    limit = get_settings().max_members
    return InputError(
        f"“{title}” holds {n:,} files, more than the {limit:,} allowed.",
        "Import it in parts, or raise GRAFT_MAX_MEMBERS.",
    )
