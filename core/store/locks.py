"""Exclusive locks on open files between processes. The system releases them when a process ends."""

import time
from typing import IO, Any

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

_RETRY_SECONDS = 0.05


def lock(file: IO[Any]) -> None:
    """Wait until this process has the lock on an open file. Closing the file releases it."""
    if fcntl:
        fcntl.flock(file, fcntl.LOCK_EX)
        return
    while not try_lock(file):
        time.sleep(_RETRY_SECONDS)


def try_lock(file: IO[Any]) -> bool:
    """Take the lock on an open file if it is free; returns whether this process has it now."""
    try:
        if fcntl:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        else:
            _lock_first_byte(file)
    except OSError:
        return False
    return True


def _lock_first_byte(file: IO[Any]) -> None:
    """On Windows: a lock on bytes of the file. `OSError` when another process holds it."""
    import msvcrt

    file.seek(0)
    msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
