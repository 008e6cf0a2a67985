"""The one place that compiles and fits a Keras classifier."""

import math
from collections.abc import Callable
from typing import Literal, Protocol

import keras
import numpy as np

from core.errors import NotANumberError, is_out_of_memory
from core.schemas import ResolvedSpec
from core.transfer.fitting.checkpoint import Checkpoint
from core.transfer.fitting.optimization import (
    MakeOptimizer,
    make_loss,
    make_schedule,
    optimizer_factory,
    use_moving_average,
    weights_to_keep,
)
from core.transfer.fitting.precision import TIMED, Precision, choose_precision, computing_in
from core.transfer.fitting.recorder import Recorder

Rate = Literal["learning_rate", "fine_tune_learning_rate"]
KeptEpoch = Literal["best", "last"]
Fit = Callable[..., dict[str, float]]  # has the signature of `fit`

RECORDED_METRICS = {
    "loss": "cross_entropy",
    "accuracy": "accuracy",
    "val_loss": "val_cross_entropy",
    "val_accuracy": "val_accuracy",
}


class Batches(keras.utils.PyDataset):
    """Training batches in an order that depends only on seed and epoch, so that a resumed fit repeats it.

    Args:
        x: inputs, first axis the samples; y: class probabilities, `(n, classes)`; rows: training positions.
        weights: sample weights in the loss, `(n,)`.
        first: the first epoch, counted from 0.
    """

    def __init__(
        self,
        x: np.ndarray,
        y: np.ndarray,
        rows: np.ndarray,
        batch_size: int,
        weights: np.ndarray,
        seed: int,
        first: int,
    ) -> None:
        super().__init__()
        self._x, self._y, self._rows, self._size, self._seed, self._epoch = x, y, rows, batch_size, seed, first
        self._weights = weights
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
            raise NotANumberError(
                "The loss became NaN or infinite.", "Lower the learning rate, or look for extreme values in the data."
            )

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        logs = logs or {}
        progress = self.checkpoint.progress
        progress.epoch = epoch + 1
        progress.values = {name: float(logs[key]) for name, key in RECORDED_METRICS.items()}
        progress.values["learning_rate"] = float(self.model.optimizer.learning_rate)
        if self.keep == "last" or progress.values["val_loss"] < progress.best:
            progress.best, progress.best_epoch = progress.values["val_loss"], progress.epoch
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


def fit(
    model: keras.Model,
    x: np.ndarray,
    y: np.ndarray,
    *,
    train: np.ndarray,
    validation: np.ndarray,
    epochs: int,
    batch_size: int,
    patience: int,
    resolved: ResolvedSpec,
    phase: str,
    recorder: Recorder,
    rate: Rate = "learning_rate",
    optimizer: MakeOptimizer | None = None,
    weights: np.ndarray | None = None,
    keep: KeptEpoch = "best",
) -> dict[str, float]:
    """Fit `model` and restore the weights of the epoch with the lowest validation loss.

    The recorded loss, by which the epoch is chosen, is the cross-entropy without the layers' penalties. The state is
    saved after every epoch; a resumed run continues from there and skips finished fits. If a batch does not fit into
    memory, the batch size is halved.

    Args:
        x: inputs, first axis the samples; y: class probabilities of each sample, `(n, classes)` float32, rows add up
            to 1 (see `one_hot`).
        train, validation: positions in `x`.
        patience: epochs without a lower validation loss before early stopping.
        rate: the field of `resolved` that gives the learning rate.
        resolved: names optimizer, loss and precision; with balanced class weights every class has the same total
            weight (King and Zeng 2001); its seed decides the order of the samples.
        optimizer: makes the optimizer from the learning-rate schedule, instead of the one that `resolved` names.
        weights: sample weights in the loss, `(n,)`, times the class weights; by default all 1.
        keep: "last" keeps the last epoch, without early stopping, if the validation loss cannot tell which is best.

    Returns:
        `loss` and `accuracy` on the validation samples, of the restored weights.
    """
    recorder.phase(phase, epochs)
    path = recorder.next_checkpoint()
    weights = sample_weights(resolved, y, train, weights)
    highest = getattr(resolved, rate)
    # Heads and networks on tables take milliseconds per step in any precision.
    chosen = None if resolved.precision == "auto" else resolved.precision
    precision: Precision | None = "float32" if x.ndim == 2 else chosen

    def compile_it() -> None:
        rates = make_schedule(resolved.schedule, highest, epochs * steps)
        made = (optimizer or optimizer_factory(resolved.optimizer))(rates)
        compile_model(model, use_moving_average(made, steps) if resolved.averaging == "ema" else made, resolved)

    while True:
        steps = math.ceil(len(train) / batch_size)
        compile_it()
        try:
            if precision is None:
                few = np.resize(train, (TIMED + 1) * batch_size)
                tried = Batches(x, y, few, batch_size, weights, resolved.seed, 0)
                precision = choose_precision(model, compile_it, tried, epochs * steps, recorder)
            with computing_in(model, precision):
                if precision != "float32":
                    compile_it()
                checkpoint = Checkpoint(path, model)
                if checkpoint.restore():
                    recorder.resumed(checkpoint.progress.epoch, checkpoint.progress.values)
                first = checkpoint.progress.epoch
                if first < epochs and not checkpoint.progress.done:
                    keeper = CheckpointCallback(checkpoint, recorder, patience, keep)
                    model.fit(
                        Batches(x, y, train, batch_size, weights, resolved.seed, first),
                        validation_data=(x[validation], y[validation]),
                        initial_epoch=first,
                        epochs=epochs,
                        shuffle=False,  # Batches has done it
                        verbose=0,
                        # Validates the averaged weights; training continues from the weights themselves.
                        callbacks=[keras.callbacks.SwapEMAWeights(), keeper] if model.optimizer.use_ema else [keeper],
                    )
            break
        # The class belongs to the backend's library, which is not imported here.
        except Exception as error:
            if not is_out_of_memory(error) or batch_size == 1:
                raise
            batch_size = max(1, batch_size // 2)
            recorder.note(f"A batch did not fit into memory; the batch size was halved to {batch_size} samples.")
    model.set_weights(checkpoint.best_weights)
    facts = loss_and_accuracy(
        model.predict(x[validation], batch_size=min(256, 4 * batch_size), verbose=0), y[validation]
    )
    if facts["loss"] >= math.log(y.shape[1]):
        recorder.note(
            f"In “{phase}” the validation loss never fell below that of guessing"
            f" ({math.log(y.shape[1]):.2f}). Try another learning rate or more epochs, or check the labels."
        )
    return facts


def compile_model(model: keras.Model, optimizer: keras.optimizers.Optimizer, resolved: ResolvedSpec) -> None:
    """Compile with the loss of `resolved`; cross-entropy and accuracy are metrics, whatever the loss."""
    model.compile(
        optimizer=optimizer,
        loss=make_loss(resolved),
        metrics=[
            keras.metrics.CategoricalAccuracy(name="accuracy"),
            keras.metrics.CategoricalCrossentropy(name="cross_entropy"),
        ],
    )
    model.optimizer.build(model.trainable_variables)


class FitProblem(Protocol):
    """What `fit_by_spec` needs of a problem; `Problem` and `VectorProblem` have it."""

    @property
    def resolved(self) -> ResolvedSpec: ...
    @property
    def targets(self) -> np.ndarray: ...
    @property
    def train(self) -> np.ndarray: ...
    @property
    def validation(self) -> np.ndarray: ...
    @property
    def recorder(self) -> Recorder: ...
    @property
    def fit(self) -> Fit: ...


def fit_by_spec(
    model: keras.Model,
    x: np.ndarray,
    problem: FitProblem,
    phase: str,
    weights: np.ndarray | None = None,
    *,
    targets: np.ndarray | None = None,
    keep: KeptEpoch = "best",
) -> dict[str, float]:
    """Call the problem's `fit` with the epochs, batch size and learning rate of its resolved spec.

    `targets` replace the problem's own.
    """
    resolved = problem.resolved
    return problem.fit(
        model,
        x,
        problem.targets if targets is None else targets,
        train=problem.train,
        validation=problem.validation,
        epochs=resolved.epochs,
        batch_size=resolved.batch_size,
        resolved=resolved,
        patience=max(8, resolved.epochs // 5),
        phase=phase,
        recorder=problem.recorder,
        weights=weights,
        keep=keep,
    )


def one_hot(labels: np.ndarray, n_classes: int) -> np.ndarray:
    """Class indices `(n,)` as one-hot rows, `(n, n_classes)` float32."""
    return np.asarray(np.eye(n_classes, dtype="float32")[labels])


def sample_weights(
    resolved: ResolvedSpec, y: np.ndarray, train: np.ndarray, given: np.ndarray | None = None
) -> np.ndarray:
    """Weight of each sample in the loss, `(n,)`: the `given` one, or 1, times its class weight."""
    weights = np.ones(len(y)) if given is None else given
    return weights * (y @ class_weights(y[train])) if resolved.class_weights == "balanced" else weights


def class_weights(targets: np.ndarray) -> np.ndarray:
    """Balanced class weights, n / (classes · n of the class), with which every class has the same total weight.

    Args:
        targets: class probabilities, `(n, classes)`; a mixed sample counts for each class by its share.

    Returns:
        `(classes,)`; zero for a class without samples.
    """
    counts = targets.sum(axis=0, dtype="float64")
    there = counts > 0
    weights = np.zeros(len(counts))
    weights[there] = len(targets) / (there.sum() * counts[there])
    return weights


def loss_and_accuracy(probabilities: np.ndarray, targets: np.ndarray) -> dict[str, float]:
    """Cross-entropy (nats) and accuracy of probabilities `(n, classes)` against targets of the same shape."""
    logs = np.log(np.clip(probabilities, 1e-7, 1))
    return {
        "loss": float(-(targets * logs).sum(axis=1).mean()),
        "accuracy": float((probabilities.argmax(axis=1) == targets.argmax(axis=1)).mean()),
    }
