"""The workspace's cache of recomputable files, limited in size; the least recently used are evicted first."""

import errno
import logging
import os
from contextlib import suppress
from pathlib import Path

from core.settings import get_settings

log = logging.getLogger(__name__)


def mark_used(path: Path) -> None:
    """Mark a file of the cache as just used. (File systems do not record every access.)

    Nothing is done where the file is gone, or where the cache may only be read, from which nothing is evicted.
    """
    try:
        os.utime(path)
    except OSError as error:
        if error.errno not in (errno.ENOENT, errno.EROFS, errno.EACCES, errno.EPERM):
            raise


def trim_cache(folder: Path) -> list[Path]:
    """Remove the files in and below `folder` that were used longest ago until the rest fits `settings.cache_gb`.

    The newest one always stays for the process that just wrote it. A process that has mapped a removed file can
    continue to read it. Returns what was removed.
    """
    files = []
    for path in folder.rglob("*"):
        if path.name.startswith(".tmp-"):
            continue
        with suppress(FileNotFoundError):  # another process trims at the same time
            status = path.stat()
            if path.is_file():
                files.append((status.st_mtime_ns, status.st_size, path))
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
        log.info("%d files were evicted from the cache.", len(removed))
    return removed
