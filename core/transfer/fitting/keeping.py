"""Which epoch of a fit is kept, and what is said of a fit that diverged."""

import math
from typing import Literal

import keras
import numpy as np

from core.errors import NotANumberError
from core.transfer.fitting.checkpoint import Checkpoint, Progress
from core.transfer.fitting.optimization import weights_to_keep
from core.transfer.fitting.recorder import Recorder

KeptEpoch = Literal["best", "last"]
FAR = 10.0  # times the loss of even guesses: a training loss above that has diverged

RECORDED_METRICS = {
    "loss": "cross_entropy",
    "accuracy": "accuracy",
    "macro_f1": "macro_f1",
    "val_loss": "val_cross_entropy",
    "val_accuracy": "val_accuracy",
    "val_macro_f1": "val_macro_f1",
}


class DivergedError(Exception):
    """The loss is no number any more, after epochs in which it was one."""


class CheckpointCallback(keras.callbacks.Callback):
    """After every epoch: keeps the best weights, saves the state, records the metrics, and stops early if due."""

    def __init__(self, checkpoint: Checkpoint, recorder: Recorder, patience: int, keep: KeptEpoch) -> None:
        super().__init__()
        self.checkpoint = checkpoint
        self.recorder = recorder
        self.patience = patience
        self.keep = keep

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        if logs and not np.isfinite(logs["loss"]):
            if math.isfinite(self.checkpoint.progress.best):
                raise DivergedError
            raise not_a_number()

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        logs = logs or {}
        progress = self.checkpoint.progress
        progress.epoch = epoch + 1
        progress.values = {name: float(logs[key]) for name, key in RECORDED_METRICS.items() if key in logs}
        progress.values["learning_rate"] = float(self.model.optimizer.learning_rate)
        progress.highest = max(progress.highest, progress.values["loss"])
        if self.keep == "last" or _is_better(progress):
            progress.best, progress.best_epoch = progress.values["val_loss"], progress.epoch
            progress.best_score = progress.values.get("val_macro_f1", 0.0)
            self.checkpoint.best_weights = weights_to_keep(self.model)
        asked = self.recorder.finish_asked()
        if asked:
            self.recorder.note(
                f"Finished early on request, after epoch {progress.epoch}; the {self.keep} epoch was kept."
            )
        if asked or progress.epoch - progress.best_epoch >= self.patience:
            progress.done = self.model.stop_training = True
        self.checkpoint.save()
        self.recorder.epoch(progress.epoch, progress.values)


def _is_better(progress: Progress) -> bool:
    """Whether the last epoch has a higher macro-F1 than the best, if that is recorded, or a lower validation loss."""
    score, loss = progress.values.get("val_macro_f1", 0.0), progress.values["val_loss"]
    return math.isfinite(loss) and (-score, loss) < (-progress.best_score, progress.best)


def not_a_number() -> NotANumberError:
    return NotANumberError(
        "The loss became NaN or infinite.", "Lower the learning rate, or look for extreme values in the data."
    )


def describe_divergence(progress: Progress, n_classes: int, rate: float) -> str | None:
    """A sentence on a fit whose loss became no number, or rose far above that of even guesses; else None."""
    guess = math.log(n_classes)
    if progress.diverged:
        rose = f"The loss became NaN or infinite after epoch {progress.epoch}"
    elif progress.highest > FAR * guess:
        rose = f"The training loss rose to {progress.highest:.3g}, far above that of guessing ({guess:.2f})"
    else:
        return None
    return (
        f"{rose}: the learning rate, {rate:g}, is too high. Epoch {progress.best_epoch}, the best, was kept; train"
        " again with a lower rate."
    )
