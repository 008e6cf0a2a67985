"""The one place that compiles and fits a Keras classifier."""

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

import keras
import numpy as np

from core.errors import NotANumberError
from core.schemas import TrainingSpec
from core.transfer.checkpoint import Checkpoint

if TYPE_CHECKING:
    from core.training.recorder import Recorder


SHOWN = {
    "loss": "cross_entropy",
    "accuracy": "accuracy",
    "val_loss": "val_cross_entropy",
    "val_accuracy": "val_accuracy",
}


class Batches(keras.utils.PyDataset):
    """Training samples in an order that depends on the seed and the epoch alone, so that a resumed fit sees the same.

    Args:
        x: inputs, first axis the samples; y: class indices; rows: positions to learn from.
        weights: of each class index, or `None`.
        first: the epoch to begin with, from 0.
    """

    def __init__(
        self,
        x: np.ndarray,
        y: np.ndarray,
        rows: np.ndarray,
        batch_size: int,
        weights: dict[int, float] | None,
        seed: int,
        first: int,
    ) -> None:
        super().__init__()
        self._x, self._y, self._rows, self._size, self._seed, self._epoch = x, y, rows, batch_size, seed, first
        self._weights = np.ones(len(y)) if weights is None else np.vectorize(lambda c: weights.get(c, 1.0))(y)
        self._shuffle()

    def _shuffle(self) -> None:
        self._order = np.random.default_rng((self._seed, self._epoch)).permutation(self._rows)

    def __len__(self) -> int:
        return math.ceil(len(self._rows) / self._size)

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        rows = self._order[index * self._size : (index + 1) * self._size]
        return self._x[rows], self._y[rows], self._weights[rows]

    def on_epoch_end(self) -> None:
        self._epoch += 1
        self._shuffle()


class Keeper(keras.callbacks.Callback):
    """After every epoch: remember the best, save the state, tell the recorder, and stop when there is reason to."""

    def __init__(self, checkpoint: Checkpoint, recorder: "Recorder", patience: int) -> None:
        super().__init__()
        self.checkpoint = checkpoint
        self.recorder = recorder
        self.patience = patience

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        if logs and not np.isfinite(logs["loss"]):
            raise NotANumberError(
                "The loss stopped being a number.", "Lower the learning rate, or look for extreme values in the data."
            )

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        logs = logs or {}
        progress = self.checkpoint.progress
        progress.epoch = epoch + 1
        progress.values = {name: float(logs[key]) for name, key in SHOWN.items()}
        progress.values["learning_rate"] = float(self.model.optimizer.learning_rate)
        if progress.values["val_loss"] < progress.best:
            progress.best, progress.best_epoch = progress.values["val_loss"], progress.epoch
            self.checkpoint.best_weights = self.model.get_weights()
        asked = self.recorder.finish_asked()
        if asked:
            self.recorder.note(f"Finished early on request, after epoch {progress.epoch}; the best epoch was kept.")
        if asked or progress.epoch - progress.best_epoch >= self.patience:
            progress.done = self.model.stop_training = True
        self.checkpoint.save()
        self.recorder.epoch(progress.epoch, progress.values)


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
    seed: int,
    phase: str,
    recorder: "Recorder",
    optimizer: Callable[[Any], keras.optimizers.Optimizer] = keras.optimizers.Adam,
) -> dict[str, float]:
    """Fit `model` under a cosine schedule and restore the epoch with the least validation loss.

    The losses that are shown and chosen by are cross-entropy alone, without the layers' penalties. The state is saved
    after every epoch; a run that was resumed goes on from there, and skips a fit that had ended.

    Args:
        x: inputs, first axis the samples; y: class indices `(n,)`.
        train, validation: positions in `x`.
        balanced: weigh samples so that every class weighs the same (King and Zeng 2001).
        patience: epochs without a better validation loss after which fitting ends.
        seed: decides the order of the samples.
        optimizer: makes the optimizer from the learning-rate schedule.

    Returns:
        `loss` and `accuracy` on the validation samples, of the restored weights.
    """
    recorder.phase(phase, epochs)
    steps = math.ceil(len(train) / batch_size)
    schedule = keras.optimizers.schedules.CosineDecay(learning_rate, decay_steps=epochs * steps, alpha=0.02)
    model.compile(
        optimizer=optimizer(schedule),
        loss=keras.losses.SparseCategoricalCrossentropy(),
        metrics=["accuracy", keras.metrics.SparseCategoricalCrossentropy(name="cross_entropy")],
    )
    model.optimizer.build(model.trainable_variables)
    checkpoint = Checkpoint(recorder.next_checkpoint(), model)
    if checkpoint.restore():
        recorder.resumed(checkpoint.progress.epoch, checkpoint.progress.values)
    first = checkpoint.progress.epoch
    if first < epochs and not checkpoint.progress.done:
        weights = class_weights(y[train]) if balanced else None
        model.fit(
            Batches(x, y, train, batch_size, weights, seed, first),
            validation_data=(x[validation], y[validation]),
            initial_epoch=first,
            epochs=epochs,
            shuffle=False,  # Batches has done it
            verbose=0,
            callbacks=[Keeper(checkpoint, recorder, patience)],
        )
    model.set_weights(checkpoint.best_weights)
    return judge(model.predict(x[validation], batch_size=256, verbose=0), y[validation])


class Learning(Protocol):
    """What a problem must tell for its head or network to be fitted: `Problem` and `TableProblem` do."""

    @property
    def spec(self) -> TrainingSpec: ...
    @property
    def labels(self) -> np.ndarray: ...
    @property
    def train(self) -> np.ndarray: ...
    @property
    def validation(self) -> np.ndarray: ...
    @property
    def recorder(self) -> "Recorder": ...


def fit_by_spec(model: keras.Model, x: np.ndarray, problem: Learning, phase: str) -> dict[str, float]:
    """`fit` with the epochs, batch size and rate that a spec gives for a head or a whole network."""
    spec = problem.spec
    assert spec.epochs and spec.batch_size and spec.learning_rate
    return fit(
        model,
        x,
        problem.labels,
        train=problem.train,
        validation=problem.validation,
        epochs=spec.epochs,
        batch_size=spec.batch_size,
        learning_rate=spec.learning_rate,
        balanced=spec.class_weights == "balanced",
        seed=spec.seed,
        patience=max(8, spec.epochs // 5),
        phase=phase,
        recorder=problem.recorder,
    )


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
