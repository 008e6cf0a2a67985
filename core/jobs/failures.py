"""Readable messages for failures of background processes."""

import errno
from pathlib import Path

from core.errors import GraftError, is_out_of_memory
from core.schemas import Failure


def diagnose(error: Exception) -> Failure:
    """The `Failure` for an exception: the message of a `GraftError`, or one for common failures of a machine."""
    if isinstance(error, GraftError):
        return Failure.model_validate({"kind": error.kind, "message": error.message, "hint": error.hint})
    name = type(error).__name__
    if is_out_of_memory(error):
        return Failure(
            kind="out_of_memory",
            message="The machine ran out of memory.",
            hint="Use a smaller batch or image size, or close other programs.",
        )
    # SQLite reports it by its own message.
    if (isinstance(error, OSError) and error.errno == errno.ENOSPC) or "disk is full" in str(error):
        return Failure(
            kind="disk_full", message="The disk is full.", hint="Delete datasets or runs that are no longer needed."
        )
    if isinstance(error, OSError) and error.errno in (errno.EROFS, errno.EACCES, errno.EPERM):
        return Failure(
            kind="internal",
            message=f"“{Path(error.filename or '').name or 'A file'}” cannot be written: {error.strerror}.",
            hint="Make the workspace writable for Graft, or set GRAFT_HOME to a folder that is.",
        )
    return Failure(kind="internal", message=f"It broke with {name}: {error}"[:300], hint="The log has the details.")
