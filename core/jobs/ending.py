"""How a background process ends: by cancellation, or with a failure that a person can read."""

import errno
import signal
from types import FrameType

from core.errors import GraftError, is_out_of_memory
from core.schemas import Failure


class Cancelled(BaseException):
    """The process was asked to end. Not an `Exception`, so that nothing on the way catches it by mistake."""


def cancel_on_terminate() -> None:
    """From now on a SIGTERM raises `Cancelled` in the main thread."""
    signal.signal(signal.SIGTERM, _raise_cancelled)


def _raise_cancelled(_signal: int, _frame: FrameType | None) -> None:
    raise Cancelled


def diagnose(error: Exception) -> Failure:
    """What a person reads for an exception: Graft's own sentence, or one for the well-known troubles of a machine."""
    if isinstance(error, GraftError):
        return Failure.model_validate({"kind": error.kind, "message": error.message, "hint": error.hint})
    name = type(error).__name__
    if is_out_of_memory(error):
        return Failure(
            kind="out_of_memory",
            message="The machine ran out of memory.",
            hint="Use a smaller batch or image size, or close other programs.",
        )
    # SQLite has words of its own for it.
    if (isinstance(error, OSError) and error.errno == errno.ENOSPC) or "disk is full" in str(error):
        return Failure(
            kind="disk_full", message="The disk is full.", hint="Delete datasets or runs that are no longer needed."
        )
    return Failure(kind="internal", message=f"It broke with {name}: {error}"[:300], hint="The log has the details.")
