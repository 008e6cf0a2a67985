"""Getting at a table's bytes: a plain file, one in gzip, bzip2 or xz, a member of an archive, or a folder."""

import bz2
import gzip
import io
import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path, PurePosixPath
from typing import IO, Any

from core.data.files.member_list import check_ratio
from core.data.files.names import SUFFIXES, is_clutter
from core.data.files.packed import open_packed
from core.data.reading.record import Container, Format
from core.errors import InputError

EXCEL = (".xlsx", ".xlsm", ".xls", ".ods")
TEXT = (".csv", ".tsv", ".txt")
JSON_LINES = (".jsonl", ".ndjson")
PLAIN_SUFFIXES = (*TEXT, ".parquet", *EXCEL, *JSON_LINES, ".json", ".feather")
PACKED_SUFFIXES = (".gz", ".bz2", ".xz")
TABLE_SUFFIXES = (*PLAIN_SUFFIXES, *PACKED_SUFFIXES)
_OPEN: dict[str, Callable[..., IO[bytes]]] = {"gzip": gzip.open, "bz2": bz2.open, "xz": lzma.open}  # type: ignore[dict-item]
_MAGIC = {b"\x1f\x8b": "gzip", b"BZh": "bz2", b"\xfd7zXZ\0": "xz"}
_BLOCK = 2**22


def find_packing(path: Path, member: str = "") -> tuple[Any, str]:
    """How a table's file is packed, and the member of the archive that holds it, `member` where that is given.

    `InputError` when an archive holds no table, or several of which none is named.
    """
    if path.is_dir():
        return "folder", ""
    with path.open("rb") as file:
        head = file.read(8)
    if not path.name.lower().endswith((".tar.gz", ".tgz")):
        for magic, name in _MAGIC.items():
            if head.startswith(magic):
                return name, ""
    if not path.name.lower().endswith((".zip", ".tar", ".tar.gz", ".tgz")) and not _is_other_zip(path):
        return "", ""
    names = table_members(path)
    if not names:
        raise InputError(f"“{path.name}” holds no table.", "Put one CSV, Excel, Parquet or JSON file into it.")
    if member and member not in names:
        raise InputError(f"“{path.name}” holds no table “{member}”.", f"It holds {', '.join(names)}.")
    if not member and len(names) > 1:
        shown = ", ".join(names[:12]) + (f" and {len(names) - 12} more" if len(names) > 12 else "")
        raise InputError(
            f"“{path.name}” holds {len(names)} tables: {shown}.",
            "Say which one to read: choose it on the page, give `--member NAME`, or name it in the reading.",
        )
    return "archive", member or names[0]


def table_members(path: Path) -> list[str]:
    """The tables in an archive; none where it holds pictures as well, whose labels they may be."""
    with closing(open_packed(path)) as archive:
        if any(name.lower().endswith(SUFFIXES) for name in archive.sizes):
            return []
        return [name for name in sorted(archive.sizes) if name.lower().endswith(TABLE_SUFFIXES)]


def holds_tables(path: Path) -> bool:
    """Whether a folder or an archive is a table, and no set of pictures."""
    if path.is_dir():
        files = [file for file in path.rglob("*") if file.is_file() and not file.name.startswith((".", "_"))]
        return bool(files) and all(file.suffix.lower() == ".parquet" for file in files)
    names = _member_names(path)
    first = next((name for name in names if name.lower().endswith((*SUFFIXES, *TABLE_SUFFIXES))), "")
    if not first.lower().endswith(TABLE_SUFFIXES):
        return False  # told by the first file alone, where it is a picture: an archive may be large
    return not any(name.lower().endswith(SUFFIXES) for name in names)


def _member_names(path: Path) -> Iterator[str]:
    """The files in an archive, one after the other; none of one that is damaged, which is told when it is opened."""
    try:
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                yield from (name for name in archive.namelist() if not is_clutter(name))
        else:
            with tarfile.open(path) as tar:
                yield from (member.name for member in tar if member.isfile() and not is_clutter(member.name))
    except (zipfile.BadZipFile, NotImplementedError, tarfile.TarError, OSError, EOFError, ValueError, zlib.error):
        return


def is_table(path: Path) -> bool:
    """Whether a file or folder may be a table, by its ending or by what it holds."""
    return path.suffix.lower() in TABLE_SUFFIXES or holds_tables(path)


def read_bytes(path: Path, container: Container) -> bytes:
    """The unpacked bytes of the table. `InputError` when the file is damaged or built to exhaust memory."""
    if container.packing == "":
        return path.read_bytes()
    if container.packing == "archive":
        with closing(open_packed(path)) as archive:
            if container.member not in archive.sizes:
                refused = next((one.reason for one in archive.refused if one.path == container.member), "")
                raise InputError(
                    f"“{path.name}” holds no table “{container.member}”{': it is ' + refused if refused else ''}.",
                    "Choose another one of its tables.",
                )
            try:
                data = archive.read(container.member)
            except OSError as error:
                raise damaged(path, str(error)) from error
        return _unpack(path, data) if data.startswith(tuple(_MAGIC)) else data
    return _unpack(path, path.read_bytes())


def format_of(path: Path, container: Container, data: bytes) -> Format:
    """The format of a table, by its content if possible, otherwise by the ending of its name."""
    name = PurePosixPath((container.member or path.name).lower())
    ending = name.suffix if name.suffix not in PACKED_SUFFIXES else PurePosixPath(name.stem).suffix
    head = data[:4096].removeprefix(b"\xef\xbb\xbf").lstrip()
    if data.startswith(b"PAR1") or ending == ".parquet":
        return "parquet"
    if data.startswith(b"ARROW1") or data.startswith(b"FEA1") or ending == ".feather":
        return "feather"
    if ending in EXCEL:
        return "excel"
    if ending in JSON_LINES:
        return "jsonl"
    if ending == ".json":
        return "json" if _is_one_document(data) else "jsonl"
    return "jsonl" if head.startswith(b'{"') else "csv"


def damaged(path: Path, reason: str) -> InputError:
    return InputError(f"“{path.name}” cannot be unpacked: {reason}.", "Pack it again, or upload it again.")


def _is_other_zip(path: Path) -> bool:
    """Whether a file is a ZIP that is no spreadsheet, whatever its ending."""
    return path.suffix.lower() not in EXCEL and zipfile.is_zipfile(path)


def _is_one_document(data: bytes) -> bool:
    """Whether a .json file holds one document: an array, or an object that goes on after its first line."""
    head = data.removeprefix(b"\xef\xbb\xbf").lstrip()
    if head.startswith(b"["):
        return True
    first, _, rest = head.partition(b"\n")
    return not (first.rstrip().endswith(b"}") and rest.lstrip().startswith(b"{"))


def _unpack(path: Path, data: bytes) -> bytes:
    kind = next((name for magic, name in _MAGIC.items() if data.startswith(magic)), "")
    if not kind:
        raise damaged(path, "it is not packed as it was before")
    out = bytearray()
    try:
        with _OPEN[kind](io.BytesIO(data)) as file:
            while block := file.read(_BLOCK):
                out += block
                check_ratio(path, len(out))
    except (OSError, EOFError, zlib.error, lzma.LZMAError) as error:
        raise damaged(path, "it is damaged or breaks off") from error
    return bytes(out)
