"""Records a run's progress: phases, epochs, notes and seconds, in its folder and its database row."""

import json
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from core.schemas import Event
from core.store import files, runs

log = logging.getLogger("graft.worker")
_Decision = TypeVar("_Decision")

# Heads train in milliseconds per epoch; pages read the row less often than that.
ROW_EVERY = 0.4


class Recorder:
    """Records a run. `prefix` is put before every phase, "fold 2 of 5" for instance."""

    def __init__(self, run_id: str) -> None:
        self.run_id = run_id
        self.prefix = ""
        self.notes: list[str] = []
        self.seconds: dict[str, float] = {}
        self.decisions: dict[str, Any] = {}
        self._phase = ""
        self._epochs = 0
        self._row_written = 0.0
        self._stepped = False
        self._fits = 0
        self._inside: list[float] = []

    def phase(self, name: str, epochs: int = 0) -> None:
        """Begin a phase; `epochs` is the planned number, 0 if nothing is counted."""
        self._phase = f"{self.prefix} · {name}" if self.prefix else name
        self._epochs = epochs
        self._stepped = False
        log.info("phase: %s", self._phase)
        self._event(0, {})
        self._row(0, force=True)

    def step(self, done: int, total: int) -> None:
        """Progress within a phase that does not count epochs but, say, images."""
        self._epochs = total
        if not self._stepped:
            self._stepped = True
            self._event(done, {})
        self._row(done)

    def epoch(self, number: int, values: dict[str, float]) -> None:
        """Epoch `number` (from 1) ended with these values: loss, accuracy, val_loss, val_accuracy, …"""
        log.info(
            "%s epoch %d/%d %s",
            self._phase,
            number,
            self._epochs,
            " ".join(f"{k}={v:.4f}" for k, v in values.items()),
        )
        self._event(number, values)
        self._row(number, force=number == self._epochs)

    def next_checkpoint(self) -> Path:
        """Path of the next fit's checkpoint. Fits are numbered, so that a resumed run finds its checkpoints."""
        self._fits += 1
        return runs.run_folder(self.run_id) / "checkpoint" / f"{self._fits:03d}.npz"

    def decide_once(self, name: str, decide: Callable[[], _Decision]) -> _Decision:
        """The result of `decide` when the run first asked, as JSON; a resumed run and later fits get the same."""
        path = runs.run_folder(self.run_id) / "checkpoint" / f"{name}.json"
        if not path.exists():
            files.write_json(path, decide())
        decision: _Decision = json.loads(path.read_text(encoding="utf-8"))
        self.decisions[name] = decision
        return decision

    def resumed(self, epoch: int, values: dict[str, float]) -> None:
        """A fit continues after `epoch`, which is recorded now if the crash came before it was recorded."""
        log.info("%s goes on after epoch %d", self._phase, epoch)
        recorded = [e for e in runs.read_events(self.run_id) if e.phase == self._phase and e.values]
        if epoch and (not recorded or recorded[-1].epoch < epoch):
            self._event(epoch, values)
        self._row(epoch, force=True)

    def finish_asked(self) -> bool:
        """Whether somebody asked the run to finish now with the best epoch so far."""
        return (runs.run_folder(self.run_id) / "finish").exists()

    def note(self, text: str) -> None:
        """Add something that a reader of the result should know, such as a fallback."""
        if text in self.notes:
            return
        self.notes.append(text)
        log.info("note: %s", text)
        runs.append_event(self.run_id, Event(phase=self._phase, note=text))

    @contextmanager
    def timed(self, name: str) -> Iterator[None]:
        """Add the block's duration, in seconds, to `seconds[name]`, minus that of nested timed blocks."""
        begun = time.perf_counter()
        self._inside.append(0.0)
        try:
            yield
        finally:
            whole, inside = time.perf_counter() - begun, self._inside.pop()
            if self._inside:
                self._inside[-1] += whole
            self.seconds[name] = round(self.seconds.get(name, 0.0) + whole - inside, 3)

    def _event(self, epoch: int, values: dict[str, float]) -> None:
        event = Event(phase=self._phase, epoch=epoch, epochs=self._epochs, values=values)
        runs.append_event(self.run_id, event)

    def _row(self, epoch: int, force: bool = False) -> None:
        if force or time.monotonic() - self._row_written > ROW_EVERY:
            self._row_written = time.monotonic()
            runs.update_run(self.run_id, phase=self._phase, epoch=epoch, epochs=self._epochs)
