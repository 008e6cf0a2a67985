"""The one place that compiles and fits a Keras classifier."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from core.errors import NotANumberError

if TYPE_CHECKING:
    from core.training.recorder import Recorder


SHOWN = {
    "loss": "cross_entropy",
    "accuracy": "accuracy",
    "val_loss": "val_cross_entropy",
    "val_accuracy": "val_accuracy",
}


class Progress(keras.callbacks.Callback):
    """Tells the recorder about every epoch, and stops at the first loss that is not a number."""

    def __init__(self, recorder: "Recorder") -> None:
        super().__init__()
        self.recorder = recorder

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        if logs and not np.isfinite(logs["loss"]):
            raise NotANumberError(
                "The loss stopped being a number.", "Lower the learning rate, or look for extreme values in the data."
            )

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        logs = logs or {}
        values = {name: float(logs[key]) for name, key in SHOWN.items()}
        values["learning_rate"] = float(self.model.optimizer.learning_rate)
        self.recorder.epoch(epoch + 1, values)


def fit(
    model: keras.Model,
    x: np.ndarray,
    y: np.ndarray,
    *,
    train: np.ndarray,
    validation: np.ndarray,
    epochs: int,
    batch_size: int,
    learning_rate: float,
    patience: int,
    balanced: bool,
    phase: str,
    recorder: "Recorder",
    optimizer: Callable[[Any], keras.optimizers.Optimizer] = keras.optimizers.Adam,
) -> dict[str, float]:
    """Fit `model` under a cosine schedule and restore the epoch with the least validation loss.

    The losses that are shown and chosen by are cross-entropy alone, without the layers' penalties.

    Args:
        x: inputs, first axis the samples; y: class indices `(n,)`.
        train, validation: positions in `x`.
        balanced: weigh samples so that every class weighs the same (King and Zeng 2001).
        patience: epochs without a better validation loss after which fitting ends.
        optimizer: makes the optimizer from the learning-rate schedule.

    Returns:
        `loss` and `accuracy` on the validation samples, of the restored weights.
    """
    recorder.phase(phase, epochs)
    batches = -(-len(train) // batch_size)
    schedule = keras.optimizers.schedules.CosineDecay(learning_rate, decay_steps=epochs * batches, alpha=0.02)
    model.compile(
        optimizer=optimizer(schedule),
        loss=keras.losses.SparseCategoricalCrossentropy(),
        metrics=["accuracy", keras.metrics.SparseCategoricalCrossentropy(name="cross_entropy")],
    )
    stopping = keras.callbacks.EarlyStopping(
        monitor="val_cross_entropy", mode="min", patience=patience, restore_best_weights=True
    )
    model.fit(
        x[train],
        y[train],
        validation_data=(x[validation], y[validation]),
        epochs=epochs,
        batch_size=batch_size,
        class_weight=class_weights(y[train]) if balanced else None,
        verbose=0,
        callbacks=[stopping, Progress(recorder)],
    )
    return judge(model.predict(x[validation], batch_size=256, verbose=0), y[validation])


def class_weights(labels: np.ndarray) -> dict[int, float]:
    """A weight for each class index, n / (classes · n of the class), with which every class weighs the same."""
    classes, counts = np.unique(labels, return_counts=True)
    return {int(c): len(labels) / (len(classes) * int(n)) for c, n in zip(classes, counts, strict=True)}


def judge(probabilities: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    """Cross-entropy (nats) and accuracy of probabilities `(n, classes)` against class indices `(n,)`."""
    picked = np.clip(probabilities[np.arange(len(labels)), labels], 1e-7, 1)
    return {
        "loss": float(-np.log(picked).mean()),
        "accuracy": float((probabilities.argmax(axis=1) == labels).mean()),
    }
