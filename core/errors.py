"""Errors for users: one sentence on what happened, one on what to do. The technical cause is logged."""

import unicodedata
from collections.abc import Iterable
from difflib import get_close_matches


def did_you_mean(name: str, known: Iterable[str], otherwise: str) -> str:
    """A hint for a name that is not known: the known ones most like it, if any, before what else to do.

    Names that differ in case, spaces, hyphens or underscores alone count as equal.
    """
    spelled: dict[str, str] = {}
    for each in known:
        spelled.setdefault(_plain(each), each)
    near = get_close_matches(_plain(name), spelled, n=3, cutoff=0.7)
    if not near:
        return otherwise
    named = " or ".join(f"“{spelled[each]}”" for each in near[: 1 if near[0] == _plain(name) else 3])
    return f"Did you mean {named}? {otherwise}".strip()


def _plain(name: str) -> str:
    return "".join(letter for letter in unicodedata.normalize("NFKC", name).casefold() if letter.isalnum())


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
