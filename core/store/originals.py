"""The bytes that imports came from, kept once each under their content's hash.

originals/ab/ab12….zst     a file as it was imported, packed with Zstandard where that pays
originals/cd/cd34…         one that is packed already
"""

import hashlib
import shutil
import tarfile
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa

from core.errors import InputError
from core.schemas import Original
from core.settings import get_settings
from core.store.files import folder_size, need_disk

_PACKED = (".gz", ".bz2", ".xz", ".zip", ".tgz", ".xlsx", ".xlsm", ".ods", ".parquet", ".feather")
_BLOCK = 2**22


def stage_original(path: Path, folder: Path) -> Original | None:
    """Copy a source into `folder`, packed where that pays; None where the settings keep no originals.

    A folder becomes one TAR. `DiskError` when there is no room.
    """
    if not get_settings().keep_originals:
        return None
    is_folder = path.is_dir()
    need_disk(folder_size(path) if is_folder else path.stat().st_size)
    plain = folder / "original"
    if is_folder:
        with tarfile.open(plain, "w") as tar:
            for file in sorted(path.rglob("*")):
                if file.is_file() and file.resolve().is_relative_to(path.resolve()):  # as links are when read
                    tar.add(file.resolve(), arcname=f"{path.name}/{file.relative_to(path).as_posix()}")
    else:
        shutil.copyfile(path, plain)
    digest = _hash(plain)
    size = plain.stat().st_size
    packs = not is_folder and path.suffix.lower() not in _PACKED and path.suffix.lower() != ".tar"
    if packs:
        packed = folder / "original.zst"
        with plain.open("rb") as source, pa.CompressedOutputStream(str(packed), "zstd") as target:
            while block := source.read(_BLOCK):
                target.write(block)
        packs = packed.stat().st_size < 0.95 * size
        (plain if packs else packed).unlink()
    stored = (folder / _staged_name(packs)).stat().st_size
    return Original(digest=digest, name=path.name, size=size, stored=stored, packed=packs, folder=is_folder)


def adopt_original(original: Original, folder: Path) -> None:
    """Move a staged original to its place; one that is there already is kept."""
    place = _place(original)
    place.parent.mkdir(parents=True, exist_ok=True)
    staged = folder / _staged_name(original.packed)
    if place.exists():
        staged.unlink()
    else:
        staged.rename(place)


@contextmanager
def open_original(original: Original | None) -> Iterator[Path]:
    """The source as it was imported, under its name, while the block lasts; `InputError` where it was not kept."""
    if original is None or not _place(original).exists():
        raise InputError(
            "The original file was not kept, so it cannot be read anew.",
            "Import the file again; with GRAFT_KEEP_ORIGINALS=1 originals are kept.",
        )
    root = get_settings().cache
    root.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=root, prefix="original-") as name:
        copy = Path(name) / (original.name if not original.folder else f"{original.name}.tar")
        need_disk(original.size)
        if original.packed:
            with pa.CompressedInputStream(str(_place(original)), "zstd") as source, copy.open("wb") as target:
                while block := source.read(_BLOCK):
                    target.write(block)
        else:
            shutil.copyfile(_place(original), copy)
        if _hash(copy) != original.digest:
            raise InputError(f"The original “{original.name}” was damaged on the disk.", "Import the file again.")
        if original.folder:
            with tarfile.open(copy) as tar:
                tar.extractall(name, filter="data")
            copy = Path(name) / original.name
        yield copy


def originals_size(originals: Iterable[Original | None]) -> int:
    """Bytes on disk that these originals take."""
    return sum(one.stored for one in {one.digest: one for one in originals if one}.values())


def remove_originals(unwanted: Iterable[Original | None], used: Iterable[Original | None]) -> None:
    """Remove originals that no import names any more."""
    kept = {one.digest for one in used if one}
    for one in unwanted:
        if one and one.digest not in kept:
            _place(one).unlink(missing_ok=True)


def _place(original: Original) -> Path:
    name = original.digest + (".zst" if original.packed else "")
    return get_settings().home / "originals" / original.digest[:2] / name


def _staged_name(packed: bool) -> str:
    return "original.zst" if packed else "original"


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
