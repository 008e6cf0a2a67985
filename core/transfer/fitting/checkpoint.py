"""Checkpoints: the whole state of a fit after every epoch, so that a killed run can continue exactly."""

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
    """Progress of a fit. `values` are the metrics of the last epoch.

    `best` is the validation loss of the best epoch so far, `best_score` its macro-F1 if the epoch is chosen by that;
    `highest` is the highest training loss of an epoch, `diverged` whether the loss became NaN or infinite.
    """

    epoch: int = 0
    best: float = float("inf")
    best_score: float = 0.0
    highest: float = 0.0
    diverged: bool = False
    best_epoch: int = 0
    done: bool = False
    values: dict[str, float] = field(default_factory=dict)


class Checkpoint:
    """Saves and restores everything that the next epoch depends on.

    That is: the model's variables, including random states of its layers, the optimizer's variables, the weights of
    the best epoch, and `Progress`. The order of samples depends only on seed and epoch
    (`core.transfer.fitting.fit.Batches`). Two files are kept: if a crash damages one, the previous one is read.
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
            self.path.replace(self._previous)
        with atomic_file(self.path) as temporary:
            np.savez(temporary, progress=np.array(json.dumps(asdict(self.progress))), **arrays)

    def restore(self) -> bool:
        """Load the newest readable state; False if there is none."""
        for path in (self.path, self._previous):
            try:
                with np.load(path) as arrays:
                    self._load(arrays)
            except FileNotFoundError:
                continue
            except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
                log.warning("the checkpoint %s cannot be read: %s", path, error)
                continue
            return True
        return False

    def _load(self, arrays: "np.lib.npyio.NpzFile") -> None:
        progress = Progress(**json.loads(str(arrays["progress"])))
        model = [arrays[f"model_{i}"] for i in range(len(self.model.variables))]
        optimizer = [arrays[f"optimizer_{i}"] for i in range(len(self.model.optimizer.variables))]
        best = [arrays[f"best_{i}"] for i in range(len(self.best_weights))]
        # Everything was read before anything is assigned: no partial restore.
        for variable, value in zip(self.model.variables, model, strict=True):
            variable.assign(value)
        for variable, value in zip(self.model.optimizer.variables, optimizer, strict=True):
            variable.assign(value)
        self.best_weights, self.progress = best, progress

    @property
    def _previous(self) -> Path:
        return self.path.with_suffix(".before.npz")
