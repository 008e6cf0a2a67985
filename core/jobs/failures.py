"""How a background process ends that fails: with what a person can read."""

import errno

from core.errors import GraftError, is_out_of_memory
from core.schemas import Failure


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
