"""The state of one fit after every epoch, on disk, so that a killed run goes on as if nothing had happened."""

import json
import logging
import zipfile
from dataclasses import asdict, dataclass, field
from pathlib import Path

import keras
import numpy as np

from core.store.files import atomic_file

log = logging.getLogger("graft.worker")


@dataclass
class Progress:
    """How far a fit has come. `values` are those of the last epoch; `best` the least validation loss so far."""

    epoch: int = 0
    best: float = float("inf")
    best_epoch: int = 0
    done: bool = False
    values: dict[str, float] = field(default_factory=dict)


class Checkpoint:
    """Saves and restores everything that the next epoch depends on.

    That is: the model's variables, random states of its layers among them, the optimizer's, the weights of the best
    epoch, and `Progress`. The order of samples depends on seed and epoch alone
    (`core.transfer.fitting.fit.Batches`). Two files are kept: when a crash damages one, the one before is read.
    """

    def __init__(self, path: Path, model: keras.Model) -> None:
        self.path = path
        self.model = model
        self.progress = Progress()
        self.best_weights = model.get_weights()

    def save(self) -> None:
        groups = {
            "model": [keras.ops.convert_to_numpy(v) for v in self.model.variables],
            "optimizer": [keras.ops.convert_to_numpy(v) for v in self.model.optimizer.variables],
            "best": self.best_weights,
        }
        arrays = {f"{name}_{i}": a for name, group in groups.items() for i, a in enumerate(group)}
        if self.path.exists():
            self.path.replace(self._before)
        with atomic_file(self.path) as temporary:
            np.savez(temporary, progress=np.array(json.dumps(asdict(self.progress))), **arrays)

    def restore(self) -> bool:
        """Take over the newest state that can be read; False when there is none."""
        for path in (self.path, self._before):
            try:
                with np.load(path) as found:
                    self._take(found)
            except FileNotFoundError:
                continue
            except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
                log.warning("the checkpoint %s cannot be read: %s", path, error)
                continue
            return True
        return False

    def _take(self, found: "np.lib.npyio.NpzFile") -> None:
        progress = Progress(**json.loads(str(found["progress"])))
        model = [found[f"model_{i}"] for i in range(len(self.model.variables))]
        optimizer = [found[f"optimizer_{i}"] for i in range(len(self.model.optimizer.variables))]
        best = [found[f"best_{i}"] for i in range(len(self.best_weights))]
        # All was read: nothing is taken over by halves.
        for variable, value in zip(self.model.variables, model, strict=True):
            variable.assign(value)
        for variable, value in zip(self.model.optimizer.variables, optimizer, strict=True):
            variable.assign(value)
        self.best_weights, self.progress = best, progress

    @property
    def _before(self) -> Path:
        return self.path.with_suffix(".before.npz")
