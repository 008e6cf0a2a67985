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
from pathlib import Path
from typing import IO

from core.data.files.member_list import MemberList, check_ratio, unsafe
from core.data.files.names import SUFFIXES, printable_name
from core.errors import InputError
from core.schemas import Skipped
from core.settings import get_settings
from core.store.files import need_disk

__all__ = ["ENDINGS", "SUFFIXES", "Archive", "TarArchive", "ZipArchive", "check_ratio", "is_packed", "open_packed",
           "too_many"]  # fmt: skip
ENDINGS = (".zip", ".tar", ".tar.gz", ".tgz")
_BLOCK = 2**20
_UTF8_FLAG = 0x800  # of a ZIP's members whose names are in UTF-8
_METHODS_READ = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
_METHODS = {1: "Shrink", 6: "Implode", 9: "Deflate64", 10: "PKWARE's Implode", 93: "Zstandard", 94: "MP3",
            95: "XZ", 96: "a JPEG method", 97: "WavPack", 98: "PPMd"}  # fmt: skip


class Archive(ABC):
    """Files by name. `sizes` maps each name (with `/`) to its unpacked size in bytes.

    `encodings` are those that the names can be read in, the one in use first.
    """

    title: str
    sizes: dict[str, int]
    refused: tuple[Skipped, ...] = ()
    encodings: tuple[str, ...] = ("utf-8",)

    @abstractmethod
    def read(self, name: str) -> bytes:
        """The bytes of one file; `OSError` when they cannot be had."""

    def head(self, name: str, n: int) -> bytes:
        """The first `n` bytes of a file, or all where it is shorter."""
        return self.read(name)[:n]

    def use_encoding(self, encoding: str) -> None:
        """Read the names in this encoding; without effect where the archive says how they are written."""
        return

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
            self._entries = self._checked(path)
            self.use_encoding("")
        except InputError:
            self._zip.close()
            raise

    def _checked(self, path: Path) -> "MemberList[zipfile.ZipInfo]":
        members = MemberList[zipfile.ZipInfo](path)
        for info in self._zip.infolist():
            if stat.S_ISLNK(info.external_attr >> 16):
                raise unsafe(path, info.filename, "a link instead of a file")
            if info.flag_bits & 0x1:
                raise InputError(f"“{path.name}” is encrypted.", "Make the ZIP again without a password.")
            said = bool(info.flag_bits & _UTF8_FLAG)
            raw = info.orig_filename.encode("utf-8" if said else "cp437")
            reason = "" if info.compress_type in _METHODS_READ else f"packed with {_method(info)}, which is not read"
            members.add(raw, info.file_size, info, info.is_dir(), in_utf8=said, reason=reason)
        return members

    def use_encoding(self, encoding: str) -> None:
        self._members = self._entries.named(encoding)
        self.sizes, self.refused = self._entries.sizes, tuple(self._entries.refused)
        self.encodings = self._entries.encodings

    def read(self, name: str) -> bytes:
        return self.head(name, -1)

    def head(self, name: str, n: int) -> bytes:
        try:
            with self._zip.open(self._members[name]) as file:
                return file.read(n)
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
            self._entries = self._checked(path, cut)
            self._cut = cut
            self.use_encoding("")
        except BaseException:
            self._file.close()
            raise

    def _checked(self, path: Path, cut: list[Skipped]) -> "MemberList[tuple[int, int]]":
        members = MemberList[tuple[int, int]](path)
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
                    raw = info.name.encode("utf-8", "surrogateescape")
                    members.add(raw, info.size, (info.offset_data, info.size), info.isdir())
        except (tarfile.TarError, EOFError, ValueError, OverflowError) as error:
            if members.is_empty:
                raise damaged from error
            breaks_off = True
        if breaks_off:
            cut.append(Skipped(path=printable_name(last), reason="the archive breaks off here"))
        return members

    def use_encoding(self, encoding: str) -> None:
        self._places = self._entries.named(encoding)
        self.sizes, self.refused = self._entries.sizes, (*self._entries.refused, *self._cut)
        self.encodings = self._entries.encodings

    def read(self, name: str) -> bytes:
        return self.head(name, self._places[name][1])

    def head(self, name: str, n: int) -> bytes:
        offset, size = self._places[name]
        wanted = min(n, size)
        data = os.pread(self._file.fileno(), wanted, offset)  # independent of the file position, so safe for threads
        if len(data) < wanted:
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


def too_many(title: str, n: int) -> InputError:
    limit = get_settings().max_members
    return InputError(
        f"“{title}” holds {n:,} files, more than the {limit:,} allowed.",
        "Import it in parts, or raise GRAFT_MAX_MEMBERS.",
    )


def _check_kind(path: Path, info: tarfile.TarInfo) -> None:
    if info.issym() or info.islnk():
        raise unsafe(path, info.name, "a link instead of a file")
    if info.isdev():
        raise unsafe(path, info.name, "a device instead of a file")
    if info.issparse():
        raise unsafe(path, info.name, "a sparse file")


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


def _method(info: zipfile.ZipInfo) -> str:
    return _METHODS.get(info.compress_type, f"the method {info.compress_type}")
