"""How a background process is asked to end: wherever it is at work, but for what must not be left half done."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Cancelled(BaseException):
    """The process was asked to end. Not an `Exception`, so that nothing on the way catches it by mistake."""


_inside = 0  # how many `undisturbed` blocks the main thread is in
_asked = False


def cancel_on_terminate() -> None:
    """From now on a SIGTERM raises `Cancelled` in the main thread, or at the end of what is `undisturbed`."""
    signal.signal(signal.SIGTERM, _cancel)


def _cancel(_signal: int, _frame: FrameType | None) -> None:
    global _asked
    if _inside:
        _asked = True
    else:
        raise Cancelled


@contextmanager
def undisturbed() -> Iterator[None]:
    """A block that is not left by `Cancelled` before its end, where it would leave a lock behind, say."""
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
