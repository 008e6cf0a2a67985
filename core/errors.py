"""Errors for users: one sentence on what happened, one on what to do. The technical cause is logged."""


def is_out_of_memory(error: BaseException) -> bool:
    """Whether the error says that Python, TensorFlow or JAX (recognised by name and message) ran out of memory."""
    if isinstance(error, MemoryError) or type(error).__name__ == "ResourceExhaustedError":
        return True
    return type(error).__name__ in ("XlaRuntimeError", "JaxRuntimeError") and "RESOURCE_EXHAUSTED" in str(error)


class GraftError(Exception):
    """An error that is explained in one sentence.

    Args:
        message: what happened, to which file or setting; one sentence with a full stop.
        hint: what to do next; may be empty.
    """

    kind = "internal"
    exit_code = 1

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()


class InputError(GraftError):
    """What the user gave cannot be used: a file, a name, a setting."""

    kind = "bad_input"
    exit_code = 2


class NotFoundError(InputError):
    """A dataset, version or run that does not exist."""

    kind = "not_found"


class DataError(GraftError):
    """A stored dataset cannot be trained on as it is."""

    kind = "bad_data"


class WeightsError(GraftError):
    """Pretrained weights are missing or damaged."""

    kind = "weights"


class DiskError(GraftError):
    """There is not enough room on the disk."""

    kind = "disk_full"


class ClusterError(GraftError):
    """The Ray cluster does not answer, or refuses."""

    kind = "cluster"


class NotANumberError(GraftError):
    """The loss became NaN or infinite."""

    kind = "not_a_number"
