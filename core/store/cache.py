"""The workspace's cache: what can be computed again, up to a size; what was used longest ago goes first."""

import logging
import os
from contextlib import suppress
from pathlib import Path

from core.settings import get_settings

log = logging.getLogger(__name__)


def used(path: Path) -> None:
    """Say that a file of the cache was of use just now. (File systems do not note every reading.)"""
    with suppress(FileNotFoundError):
        os.utime(path)


def trim(folder: Path) -> list[Path]:
    """Remove the files in and below `folder` that were used longest ago until the rest fits `settings.cache_gb`.

    The newest one always stays, so that whoever just wrote it finds it. A process that has a removed file mapped goes
    on reading it. Returns what was removed.
    """
    files = []
    for path in folder.rglob("*"):
        if path.name.startswith(".tmp-"):
            continue
        with suppress(FileNotFoundError):  # somebody else trims at the same time
            found = path.stat()
            if path.is_file():
                files.append((found.st_mtime_ns, found.st_size, path))
    files.sort(key=lambda file: file[0])
    left = sum(size for _, size, _ in files)
    removed = []
    for _, size, path in files[:-1]:
        if left <= get_settings().cache_gb * 2**30:
            break
        path.unlink(missing_ok=True)
        left -= size
        removed.append(path)
    if removed:
        log.info("%d files of the cache made room for newer ones.", len(removed))
    return removed
