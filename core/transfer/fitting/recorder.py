"""The recorder that fitting needs: phases, epochs, notes, and paths of checkpoints."""

from collections.abc import Callable
from pathlib import Path
from typing import Protocol, TypeVar

_Decision = TypeVar("_Decision")


class Recorder(Protocol):
    """`core.training.recorder.Recorder` writes all of this into the run's folder; tests keep it in memory.

    Attributes:
        prefix: put before the name of every phase, "fold 2 of 5" for instance.
        notes: the notes so far.
    """

    prefix: str
    notes: list[str]

    def phase(self, name: str, epochs: int = 0) -> None:
        """Begin a phase; `epochs` is the planned number, 0 if nothing is counted."""

    def epoch(self, number: int, values: dict[str, float]) -> None:
        """Epoch `number`, counted from 1, ended with these values."""

    def note(self, text: str) -> None:
        """Add a sentence that a reader of the result should know."""

    def next_checkpoint(self) -> Path:
        """Path of the next fit's checkpoint."""
        ...

    def decide_once(self, name: str, decide: Callable[[], _Decision]) -> _Decision:
        """The result of `decide` when the run first asked; a resumed run gets the same."""
        ...

    def resumed(self, epoch: int, values: dict[str, float]) -> None:
        """A fit continues after `epoch`, which ended with these values."""

    def finish_asked(self) -> bool:
        """Whether the fit should stop after this epoch and keep the best one."""
        ...
