"""Sources of an import: a shipped sample, or a file or folder and its kind."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from core.data.files import samples
from core.data.files.archives import Archive, open_archive
from core.data.files.packed import is_packed
from core.data.reading.packing import EXCEL, PACKED_SUFFIXES, TABLE_SUFFIXES, holds_tables
from core.errors import InputError
from core.schemas import Kind
from core.settings import get_settings


@dataclass(frozen=True)
class Source:
    """A recognised source. `open` opens the images, `path` is the table's file."""

    key: str
    title: str
    kind: Kind
    path: Path
    open: Callable[[], AbstractContextManager[Archive]]
    is_sample: bool = False
    target: str | None = None
    licence: str = ""


def inspect_source(source: Path | str) -> Source:
    """Recognise a source; `InputError` when it does not exist or is of no kind that Graft imports."""
    if str(source).startswith("sample:"):
        sample = samples.get_sample(str(source).removeprefix("sample:"))
        return Source(
            key=f"sample:{sample.name}",
            title=sample.title,
            kind=sample.kind,
            path=sample.path,
            open=sample.open,
            is_sample=True,
            target=sample.target,
            licence=sample.licence,
        )
    path = Path(source).expanduser()
    if not path.exists():
        raise InputError(f"There is no file or folder “{source}”.", "Check the path.")
    title = path.resolve().name if path.is_dir() else path.name.removesuffix(path.suffix).removesuffix(".tar")
    if path.suffix.lower() in (*PACKED_SUFFIXES, ".zip") and title.lower().endswith(TABLE_SUFFIXES):
        title = title.rpartition(".")[0]
    if path.is_dir() or (path.suffix.lower() not in EXCEL and is_packed(path)):
        kind: Kind = "table" if holds_tables(path) else "image"
    elif path.suffix.lower() in TABLE_SUFFIXES:
        kind = "table"
    else:
        raise InputError(
            f"“{path.name}” is neither an archive nor a table.",
            "Bring a ZIP, TAR or folder of images, or a table as CSV, Excel, Parquet or JSON.",
        )
    return Source(key=path.name, title=title, kind=kind, path=path, open=lambda: open_archive(path))


def server_path(text: str) -> Path:
    """The file or folder at a path entered on a page; `InputError` unless it lies below an allowed folder.

    `GRAFT_IMPORT_FOLDERS` names these. Links are resolved before the check.
    """
    folders = get_settings().importable
    if not folders:
        raise InputError("Pages may not import from this machine.", "GRAFT_IMPORT_FOLDERS names the folders allowed.")
    text = text.strip()
    try:
        path = (folders[0] / text).resolve(strict=True)  # an absolute path stays as it is
        inside = any(path.is_relative_to(folder) for folder in folders)
    except (OSError, ValueError):  # ValueError: a NUL byte
        inside = False
    if not text or not inside:  # the same message for both, so that it reveals nothing about other files
        raise InputError(f"“{text}” is no file or folder below {' or '.join(map(str, folders))}.", "Check the path.")
    return path
