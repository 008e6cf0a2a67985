"""Packed files, read member by member and never unpacked into a folder: ZIP, TAR, and TAR in gzip.

Names that would leave the folder they are unpacked to, links, devices, encryption and archives built to exhaust
memory or disk refuse the whole archive (see D. Fifield, “A better zip bomb”, WOOT 2019).
"""

import gzip
import lzma
import os
import stat
import tarfile
import tempfile
import zipfile
import zlib
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import IO, Generic, TypeVar

from core.errors import InputError
from core.schemas import Skipped
from core.settings import get_settings
from core.store.files import need_disk

SUFFIXES = (".jpg", ".jpeg", ".jfif", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".avif", ".ppm", ".pgm",
            ".heic", ".heif")  # fmt: skip
ENDINGS = (".zip", ".tar", ".tar.gz", ".tgz")
_MAX_RATIO = 200  # photographs hardly compress; only repeated bytes reach such a ratio
_RATIO_FROM = 100 * 2**20  # bytes; a smaller unpacked size is harmless at any ratio
_BLOCK = 2**20
Info = TypeVar("Info")


class Archive(ABC):
    """Files by name. `sizes` maps each name (with `/`) to its unpacked size in bytes."""

    title: str
    sizes: dict[str, int]
    refused: tuple[Skipped, ...] = ()

    @abstractmethod
    def read(self, name: str) -> bytes:
        """The bytes of one file; `OSError` when they cannot be had."""

    def reopen(self) -> None:
        """Call in a forked process: opens a file handle of its own where reads share a file position."""
        return


class ZipArchive(Archive):
    """A ZIP file. `InputError` when it is no ZIP or not safe to read."""

    def __init__(self, path: Path) -> None:
        self.title = path.name
        self._path = path
        _not_empty(path, "ZIP")
        declared = _declared(path)
        if declared > get_settings().max_members:
            raise too_many(path.name, declared)
        try:
            self._zip = zipfile.ZipFile(path)
        except (zipfile.BadZipFile, NotImplementedError) as error:
            raise InputError(
                f"“{path.name}” is not a ZIP archive, or it is damaged.", "Make the ZIP again, or upload it again."
            ) from error
        try:
            self._members = self._checked(path)
        except InputError:
            self._zip.close()
            raise

    def _checked(self, path: Path) -> dict[str, zipfile.ZipInfo]:
        members = _Members[zipfile.ZipInfo](path)
        for info in self._zip.infolist():
            if stat.S_ISLNK(info.external_attr >> 16):
                raise _unsafe(path, info.filename, "a link instead of a file")
            if info.flag_bits & 0x1:
                raise InputError(f"“{path.name}” is encrypted.", "Make the ZIP again without a password.")
            members.add(_zip_name(info), info.file_size, info, info.is_dir())
        members.check_whole()
        self.sizes, self.refused = members.sizes, tuple(members.refused)
        return members.by_name

    def read(self, name: str) -> bytes:
        try:
            return self._zip.read(self._members[name])
        except (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, ValueError, RuntimeError) as error:
            raise OSError(f"damaged inside the archive ({error})") from error

    def reopen(self) -> None:
        self._zip.fp = self._path.open("rb")

    def close(self) -> None:
        self._zip.close()


class TarArchive(Archive):
    """A TAR file, plain or in gzip. `InputError` when it is no TAR or not safe to read.

    Gzip has no random access, so its content is unpacked to an anonymous temporary file first. A truncated file is
    read up to the truncation.
    """

    def __init__(self, path: Path) -> None:
        self.title = path.name
        _not_empty(path, "TAR")
        cut: list[Skipped] = []
        self._file: IO[bytes] = path.open("rb")
        try:
            if self._file.read(2) == b"\x1f\x8b":
                self._file = _gunzip(path, self._file, cut)
            self._file.seek(0)
            self._places = self._checked(path, cut)
        except BaseException:
            self._file.close()
            raise

    def _checked(self, path: Path, cut: list[Skipped]) -> dict[str, tuple[int, int]]:
        members = _Members[tuple[int, int]](path)
        damaged = InputError(
            f"“{path.name}” is not a TAR archive, or it is damaged.", "Make the TAR again, or upload it again."
        )
        last, end = "", os.fstat(self._file.fileno()).st_size
        breaks_off = False
        try:
            with tarfile.open(fileobj=self._file, mode="r:") as tar:
                for count, info in enumerate(tar, start=1):
                    if count > get_settings().max_members:
                        raise too_many(path.name, count)
                    last = info.name
                    _check_kind(path, info)
                    breaks_off = info.offset_data + info.size > end
                    if breaks_off:
                        break
                    members.add(printable_name(info.name), info.size, (info.offset_data, info.size), info.isdir())
        except (tarfile.TarError, EOFError, ValueError, OverflowError) as error:
            if not members.by_name:
                raise damaged from error
            breaks_off = True
        if breaks_off:
            cut = [*cut, Skipped(path=printable_name(last), reason="the archive breaks off here")]
        members.check_whole()
        self.sizes, self.refused = members.sizes, (*members.refused, *cut)
        return members.by_name

    def read(self, name: str) -> bytes:
        offset, size = self._places[name]
        data = os.pread(self._file.fileno(), size, offset)  # independent of the file position, so safe for threads
        if len(data) < size:
            raise OSError("damaged inside the archive (it breaks off)")
        return data

    def close(self) -> None:
        self._file.close()


def open_packed(path: Path) -> ZipArchive | TarArchive:
    """The archive in this file; its suffix is ignored."""
    with path.open("rb") as file:
        head = file.read(512)
    is_tar = head.startswith(b"\x1f\x8b") or head[257:262] == b"ustar"
    if is_tar or (path.name.lower().endswith(ENDINGS[1:]) and not zipfile.is_zipfile(path)):
        return TarArchive(path)
    return ZipArchive(path)


def is_packed(path: Path) -> bool:
    """Whether a file is an archive, by its ending or its content."""
    return path.name.lower().endswith(ENDINGS) or zipfile.is_zipfile(path)


def is_clutter(name: str) -> bool:
    """Whether this file is not meant to be imported: operating systems' metadata, readmes and licences."""
    parts = name.split("/")
    file = PurePosixPath(parts[-1])
    if file.stem.lower() in ("readme", "licence", "license") and file.suffix.lower() not in SUFFIXES:
        return True
    return "__MACOSX" in parts or parts[-1] in ("Thumbs.db", "desktop.ini") or any(p.startswith(".") for p in parts)


def too_many(title: str, n: int) -> InputError:
    limit = get_settings().max_members
    return InputError(
        f"“{title}” holds {n:,} files, more than the {limit:,} allowed.",
        "Import it in parts, or raise GRAFT_MAX_MEMBERS.",
    )


class _Members(Generic[Info]):
    """The members of an archive worth reading, by name, and those refused alone."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._largest = get_settings().max_pixels * 4
        self._unpacked = 0
        self.by_name: dict[str, Info] = {}
        self.sizes: dict[str, int] = {}
        self.refused: list[Skipped] = []

    def add(self, raw: str, size: int, info: Info, is_folder: bool) -> None:
        """Take a member in; `InputError` when its name is not safe."""
        self._unpacked += size
        name = raw.replace("\\", "/")
        if name.startswith("/") or name[1:2] == ":":
            raise _unsafe(self._path, raw, "an absolute path")
        if ".." in name.split("/"):
            raise _unsafe(self._path, raw, "a path that leaves its folder")
        name = "/".join(part for part in name.split("/") if part not in ("", "."))
        if is_folder or is_clutter(name):
            return
        if name in self.by_name:
            reason = "the archive holds this name twice; the first one was taken"
            self.refused.append(Skipped(path=name, reason=reason))
        elif size > self._largest:
            self.refused.append(Skipped(path=name, reason=f"larger than {self._largest // 2**20} MB"))
        else:
            self.by_name[name] = info
            self.sizes[name] = size

    def check_whole(self) -> None:
        """`InputError` for an archive that is a bomb or empty."""
        check_ratio(self._path, self._unpacked)
        if not self.by_name:
            hint = "Put one folder of images per class into it."
            raise InputError(f"“{self._path.name}” holds no files.", hint)


def check_ratio(path: Path, unpacked: int) -> None:
    if unpacked > _RATIO_FROM and unpacked > _MAX_RATIO * path.stat().st_size:
        raise InputError(
            f"“{path.name}” would unpack to {unpacked // 2**20:,} MB, over {_MAX_RATIO} times its size.",
            "Such an archive is not made of photographs; make it again from the image files.",
        )


def _check_kind(path: Path, info: tarfile.TarInfo) -> None:
    if info.issym() or info.islnk():
        raise _unsafe(path, info.name, "a link instead of a file")
    if info.isdev():
        raise _unsafe(path, info.name, "a device instead of a file")
    if info.issparse():
        raise _unsafe(path, info.name, "a sparse file")


def _gunzip(path: Path, packed: IO[bytes], cut: list[Skipped]) -> IO[bytes]:
    """The content of a gzip file, in a temporary file; a truncation is noted in `cut`."""
    root = get_settings().cache
    root.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=root)
    out: IO[bytes] = os.fdopen(handle, "w+b")
    os.unlink(name)
    packed.seek(0)
    try:
        with gzip.GzipFile(fileobj=packed) as file:
            _copy(file.read1, out, path)
    except (EOFError, zlib.error, gzip.BadGzipFile):
        cut.append(Skipped(path=path.name, reason="the archive is damaged; what comes before the damage was read"))
    except BaseException:
        out.close()
        raise
    finally:
        packed.close()
    return out


def _copy(read: Callable[[int], bytes], out: IO[bytes], path: Path) -> None:
    done = 0
    while block := read(_BLOCK):
        if done % (64 * _BLOCK) < len(block):
            need_disk(64 * _BLOCK)
        out.write(block)
        done += len(block)
        check_ratio(path, done)


def _not_empty(path: Path, what: str) -> None:
    if path.stat().st_size == 0:
        raise InputError(f"“{path.name}” is empty.", f"Make the {what} again and check that it has a size.")


def _declared(path: Path) -> int:
    """The number of members that a ZIP declares at its end: its directory may not fit into memory."""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - 2**16 - 128))
        tail = file.read()
    at, at_64 = tail.rfind(b"PK\x05\x06"), tail.rfind(b"PK\x06\x06")
    if at_64 >= 0 and len(tail) >= at_64 + 40:
        return int.from_bytes(tail[at_64 + 32 : at_64 + 40], "little")
    return int.from_bytes(tail[at + 10 : at + 12], "little") if at >= 0 else 0


def _zip_name(info: zipfile.ZipInfo) -> str:
    """A member's name. Many programs write UTF-8 without saying so, which Python then reads as code page 437."""
    if info.flag_bits & 0x800:
        return info.filename
    try:
        return info.filename.encode("cp437").decode("utf-8")
    except UnicodeError:
        return info.filename


def printable_name(name: str) -> str:
    """A name as text that can be stored: bytes that are no UTF-8 become question marks."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _unsafe(path: Path, name: str, what: str) -> InputError:
    return InputError(
        f"“{path.name}” was refused because it holds {what}, “{name}”.",
        "Make the archive again from the folder that holds the class folders.",
    )
