"""Cancelling a background process by SIGTERM, deferred inside blocks that must not be interrupted."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Cancelled(BaseException):
    """The process was asked to end. Not an `Exception`, so that no `except Exception` catches it."""


_inside = 0  # how many `defer_cancellation` blocks the main thread is in
_asked = False


def cancel_on_terminate() -> None:
    """From now on a SIGTERM raises `Cancelled` in the main thread, or at the end of a `defer_cancellation` block."""
    signal.signal(signal.SIGTERM, _cancel)


def _cancel(_signal: int, _frame: FrameType | None) -> None:
    global _asked
    if _inside:
        _asked = True
    else:
        raise Cancelled


@contextmanager
def defer_cancellation() -> Iterator[None]:
    """Run a block to its end before `Cancelled` is raised, for instance to release a lock."""
    global _inside, _asked
    if threading.current_thread() is not threading.main_thread():  # signals are handled in the main thread alone
        yield
        return
    _inside += 1
    try:
        yield
    finally:
        _inside -= 1
        if _asked and not _inside:
            _asked = False
            raise Cancelled
